"""False alarms: how often something is reported while nothing is done, in alarms per minute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from csre_ros.evaluation.detection import Matching, hears
from csre_ros.evaluation.stream import JudgedStream


def unheard_per_minute(streams: Sequence[JudgedStream]) -> float:
    """Reports that touch no truth of their label, nor the second behind one, per minute of all streams; NaN without.

    See :func:`csre_ros.evaluation.detection.hears`.
    """
    alarms = sum(
        not any(hears(truth, report) for truth in stream.truth) for stream in streams for report in stream.reports
    )
    return _per_minute(alarms, sum(stream.seconds for stream in streams))


def false_activations_per_minute(streams: Sequence[JudgedStream], matchings: Sequence[Matching]) -> float:
    """Wrong reports that were decided while nothing was done, per minute in which nothing was done.

    The habit of keyword spotting. A right report counts as none, even where it was decided after the action.

    Args:
        streams: The streams.
        matchings: Which reports of each are right.
    """
    alarms, nothing_s = 0, 0.0
    for stream, matching in zip(streams, matchings, strict=True):
        nothing_s += stream.seconds - covered(stream)
        alarms += sum(
            not any(truth.start <= report.decided < truth.end for truth in stream.truth) for report in matching.wrong
        )
    return _per_minute(alarms, nothing_s)


def covered(stream: JudgedStream) -> float:
    """Seconds of a stream in which something is done, counted once where truths overlap."""
    inside = [(max(one.start, stream.start), min(one.end, stream.end)) for one in stream.truth]
    seconds, newest = 0.0, -np.inf
    for start, end in sorted(inside):
        seconds += max(0.0, end - max(start, newest))
        newest = max(newest, end)
    return seconds


def _per_minute(alarms: int, seconds: float) -> float:
    return alarms / seconds * 60 if seconds > 0 else float("nan")
