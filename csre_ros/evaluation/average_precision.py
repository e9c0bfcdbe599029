"""Average precision over overlaps: how well scores order right reports before wrong ones.

Source: the interval measures of Liu et al., "PKU-MMD: A Large Scale Benchmark for Continuous Multi-Modal Human Action
Understanding", 2017, after the PASCAL detection task.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from csre_ros.evaluation.intervals import iou
from csre_ros.evaluation.stream import JudgedStream, labels_of

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Least intersections over union over which the second mean is taken."""


def average_precision(streams: Sequence[JudgedStream], label: str, threshold: float) -> float:
    """Area under the curve of precision over recall, precision taken as the best at that recall or beyond.

    The surest report goes first. Each takes the truth of its label in its stream that it overlaps most among those not
    taken yet.

    Args:
        streams: The streams; their reports are ordered together.
        label: The label.
        threshold: Least intersection over union of a right report.

    Returns:
        0..1; NaN where the label is not in the truth.
    """
    free = [[one for one in stream.truth if one.label == label] for stream in streams]
    truths = sum(map(len, free))
    if not truths:
        return float("nan")
    said = [(report, k) for k, stream in enumerate(streams) for report in stream.reports if report.label == label]
    said.sort(key=lambda pair: -pair[0].score)
    right = np.zeros(len(said))
    for i, (report, k) in enumerate(said):
        best = max(free[k], key=lambda truth: iou(truth, report.interval), default=None)
        if best is not None and iou(best, report.interval) >= threshold:
            free[k].remove(best)
            right[i] = 1
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(said) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * right).sum() / truths)


def mean_average_precision(streams: Sequence[JudgedStream], threshold: float) -> float:
    """Mean of :func:`average_precision` over the labels of the truth; NaN without any."""
    labels = labels_of(streams)
    return float(np.mean([average_precision(streams, label, threshold) for label in labels])) if labels else np.nan


def mean_over_overlaps(streams: Sequence[JudgedStream], thresholds: Sequence[float] = THRESHOLDS) -> float:
    """Mean of :func:`mean_average_precision` over thresholds: 2D-AP."""
    return float(np.mean([mean_average_precision(streams, threshold) for threshold in thresholds]))
