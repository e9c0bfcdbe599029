"""Labelled stretches of time: what was done from when to when, and what was reported."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

NOTHING = frozenset({"", "none", "idle", "other"})
"""Annotations that name no action."""

_TOUCHING_S = 0.1


class Interval(NamedTuple):
    """One action, true or reported.

    Attributes:
        label: What is done.
        start: When it begins, in seconds.
        end: When it is over, in seconds; the interval is half open.
    """

    label: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.end - self.start


def overlap(one: Interval, other: Interval) -> float:
    """Seconds that two intervals share, whatever their labels.

    >>> overlap(Interval("wave", 0, 2), Interval("clap", 1.5, 4))
    0.5
    """
    return max(0.0, min(one.end, other.end) - max(one.start, other.start))


def iou(one: Interval, other: Interval) -> float:
    """Intersection over union of two intervals, whatever their labels; 0 where both are empty."""
    shared = overlap(one, other)
    union = one.seconds + other.seconds - shared
    return shared / union if union > 0 else 0.0


def merged(intervals: Iterable[Interval], gap: float = _TOUCHING_S) -> list[Interval]:
    """Join intervals of one label that touch; by start.

    A left and a right punch in a row, both called ``punch``, cannot be told apart by label, so they are one truth.

    Args:
        intervals: In any order.
        gap: Longest pause in seconds over which two intervals are joined.

    >>> merged([Interval("punch", 1, 2), Interval("punch", 2.05, 3), Interval("kick", 3, 4)])
    [Interval(label='punch', start=1, end=3), Interval(label='kick', start=3, end=4)]
    """
    joined: list[Interval] = []
    newest: dict[str, int] = {}
    for one in sorted(intervals, key=lambda interval: (interval.start, interval.end)):
        before = newest.get(one.label)
        if before is not None and one.start - joined[before].end <= gap:
            joined[before] = joined[before]._replace(end=max(joined[before].end, one.end))
        else:
            newest[one.label] = len(joined)
            joined.append(one)
    return joined


def renamed(intervals: Iterable[Interval], words: Mapping[str, str]) -> list[Interval]:
    """Truths in the words of a recogniser; those that become one of :data:`NOTHING` are left out.

    Args:
        intervals: Truths in the words of their data set.
        words: Word of the recogniser by word of the set; what it lacks keeps its name.
    """
    told = (one._replace(label=words.get(one.label, one.label)) for one in intervals)
    return [one for one in told if one.label not in NOTHING]


def intervals_of_runs(stamps: ArrayLike, labels: Sequence[str], nothing: Collection[str] = NOTHING) -> list[Interval]:
    """Runs of equal annotations as intervals: from the first instant of a run to the first one behind it.

    Args:
        stamps: ``[T]`` seconds, none before the one ahead of it.
        labels: Annotation of every instant.
        nothing: Annotations that make no interval.

    Raises:
        ValueError: Stamps go back, or there is not one label for each.

    >>> intervals_of_runs([0, 1, 2, 3], ["", "wave", "wave", ""])
    [Interval(label='wave', start=1.0, end=3.0)]
    """
    instants = np.asarray(stamps, np.float64)
    if instants.shape != (len(labels),):
        raise ValueError(f"{len(labels)} labels for stamps of shape {instants.shape}; give one label for every stamp")
    if (back := np.diff(instants) < 0).any():
        first = int(back.argmax())
        raise ValueError(
            f"stamps go back from {instants[first]} to {instants[first + 1]} s, so that annotations have no place in "
            "time; cut the recording there"
        )
    edges = [0, *(k for k in range(1, len(labels)) if labels[k] != labels[k - 1]), len(labels)]
    found = []
    for first, behind in pairwise(edges):
        if first < behind and labels[first] not in nothing:
            end = instants[min(behind, len(labels) - 1)]
            found.append(Interval(labels[first], float(instants[first]), float(end)))
    return found
