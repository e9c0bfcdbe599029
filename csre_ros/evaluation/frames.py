"""Labels instant by instant: how much of the time is named right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from csre_ros.evaluation.intervals import Interval
from csre_ros.evaluation.stream import JudgedStream, labels_of


class FrameScores(NamedTuple):
    """Scores over the instants of some streams.

    Attributes:
        accuracy: Share of the instants with the right label, nothing included.
        macro_f1: Mean over the labels of the truth, nothing excluded, of the F1 of their instants.
    """

    accuracy: float
    macro_f1: float


def frame_labels(intervals: Iterable[Interval], instants: NDArray[np.float64]) -> NDArray[np.str_]:
    """Label of every instant, empty where there is none; where intervals overlap, that of the one that began last.

    Args:
        intervals: True or reported ones.
        instants: ``[N]`` seconds.
    """
    found = np.zeros(len(instants), dtype=object)
    found[:] = ""
    for one in sorted(intervals, key=lambda interval: interval.start):
        found[(instants >= one.start) & (instants < one.end)] = one.label
    return found.astype(np.str_)


def frame_scores(streams: Sequence[JudgedStream], rate: float = 30.0) -> FrameScores:
    """Score instants that are evenly spaced in time, so that the frame rate of a stream does not weigh.

    Args:
        streams: The streams.
        rate: Instants per second.
    """
    true, said = [], []
    for stream in streams:
        instants = stream.start + np.arange(int(stream.seconds * rate)) / rate
        true.append(frame_labels(stream.truth, instants))
        said.append(frame_labels((report.interval for report in stream.reports), instants))
    if not sum(map(len, true)):
        return FrameScores(float("nan"), float("nan"))
    truth, told = np.concatenate(true), np.concatenate(said)
    scores = []
    for label in labels_of(streams):
        both = int(((truth == label) & (told == label)).sum())
        scores.append(2 * both / max(1, int((truth == label).sum() + (told == label).sum())))
    return FrameScores(float((truth == told).mean()), float(np.mean(scores)) if scores else float("nan"))
