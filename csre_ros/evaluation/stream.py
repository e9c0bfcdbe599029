"""One stream as it is judged: its truth, and what was reported about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from csre_ros.evaluation.intervals import Interval


class Report(NamedTuple):
    """One action that a recogniser told of.

    Attributes:
        label: What it says is done.
        start: Since when, in seconds.
        end: Until when, in seconds.
        decided: When it said so first, in seconds.
        score: How sure it was, at best; higher is surer.
    """

    label: str
    start: float
    end: float
    decided: float
    score: float = 1.0

    @property
    def interval(self) -> Interval:
        """What is reported, without when and how surely."""
        return Interval(self.label, self.start, self.end)


@dataclass(frozen=True)
class JudgedStream:
    """One stream, its truth and its reports, all in the words of the recogniser and in seconds of one clock.

    Attributes:
        name: Name of the stream.
        start: Stamp of its first frame.
        end: Stamp of its last frame.
        truth: What was done, by start.
        reports: What was reported, by start.
    """

    name: str
    start: float
    end: float
    truth: tuple[Interval, ...]
    reports: tuple[Report, ...]

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.end - self.start


def labels_of(streams: Iterable[JudgedStream]) -> list[str]:
    """Every label of the truth, sorted: what is averaged over where a measure is a mean over classes."""
    return sorted({one.label for stream in streams for one in stream.truth})
