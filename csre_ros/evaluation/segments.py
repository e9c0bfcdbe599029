"""Scores of temporal segmentation: are the segments there, in their order, and not in pieces?

Source: Lea et al., "Temporal Convolutional Networks for Action Segmentation and Detection", CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Sequence

from csre_ros.evaluation.intervals import Interval, iou
from csre_ros.evaluation.stream import JudgedStream


def segmental_f1(streams: Sequence[JudgedStream], threshold: float) -> float:
    """F1 of the reports; one is true if it overlaps a truth of its label, each truth once.

    Each report goes for the truth of its label that it overlaps most, and is false where that one was taken before.

    Args:
        streams: The streams; their counts are pooled.
        threshold: Least intersection over union, for example 0.1, 0.25 or 0.5.

    Returns:
        0..1; NaN where there are neither truths nor reports.
    """
    hits = reports = truths = 0
    for stream in streams:
        reports, truths = reports + len(stream.reports), truths + len(stream.truth)
        taken: set[int] = set()
        for report in stream.reports:
            best, index = _closest(report.interval, stream.truth)
            if best >= threshold and index not in taken:
                taken.add(index)
        hits += len(taken)
    return 2 * hits / (reports + truths) if reports + truths else float("nan")


def _closest(report: Interval, truth: Sequence[Interval]) -> tuple[float, int]:
    """Largest intersection over union with a truth of the same label, and the index of that truth."""
    return max(((iou(report, one), k) for k, one in enumerate(truth) if one.label == report.label), default=(-1.0, -1))


def edit_score(streams: Sequence[JudgedStream]) -> float:
    """One less the edit distance between the labels told and done in order, per length of the longer list.

    Times do not matter. Mean over the streams that have truths or reports, 0..1; NaN without any.
    """
    scores = []
    for stream in streams:
        true, said = ([one.label for one in part] for part in (stream.truth, stream.reports))
        if true or said:
            scores.append(1 - _distance(true, said) / max(len(true), len(said)))
    return sum(scores) / len(scores) if scores else float("nan")


def _distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Levenshtein distance: fewest insertions, deletions and replacements."""
    row = list(range(len(other) + 1))
    for i, label in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, opposite in enumerate(other, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (label != opposite))
    return row[-1]
