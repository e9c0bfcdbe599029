"""How late the right word comes, and how well its beginning is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from csre_ros.evaluation.detection import Matching, hears
from csre_ros.evaluation.stream import JudgedStream


def delays(matchings: Sequence[Matching]) -> NDArray[np.float64]:
    """Seconds from the true start of every detected action to the decision; negative where it came before."""
    return np.array([report.decided - truth.start for one in matchings for truth, report in one.right])


def start_errors(matchings: Sequence[Matching]) -> NDArray[np.float64]:
    """Seconds by which the reported start of every detected action lies behind the true one; negative before it."""
    return np.array([report.start - truth.start for one in matchings for truth, report in one.right])


def times_to_first_right_label(streams: Sequence[JudgedStream]) -> NDArray[np.float64]:
    """Seconds from every true start to the first decision for its label; infinite without one.

    More lenient than :func:`delays`: the report need only be about the action, see
    :func:`csre_ros.evaluation.detection.hears`. A label that is being told when the action begins was told at once: 0.
    """
    times = []
    for stream in streams:
        for truth in stream.truth:
            heard = [max(0.0, report.decided - truth.start) for report in stream.reports if hears(truth, report)]
            times.append(min(heard, default=float("inf")))
    return np.array(times)


def median(seconds: NDArray[np.float64]) -> float:
    """Median, infinity included; NaN of nothing."""
    return float(np.median(seconds)) if len(seconds) else float("nan")
