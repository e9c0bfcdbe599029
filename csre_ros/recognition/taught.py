"""The seam to labels that are taught by examples: what a gallery must be able to do for a decoder."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from csre_ros.recognition.bundle_info import Label
from csre_ros.recognition.encoder import Evidence
from csre_ros.skeleton import FloatArray


class Match(NamedTuple):
    """How well the taught labels fit at one instant.

    Attributes:
        probabilities: ``[taught]`` in 0..1: how well each fits, less where another one fits better.
        seconds: ``[taught]`` how long before the instant the movement began.
    """

    probabilities: FloatArray
    seconds: FloatArray


class Matcher(Protocol):
    """Follows one person."""

    def step(self, evidence: Evidence) -> Match:
        """Take one instant in; instants follow one another at the rate of the bundle."""
        ...

    def reset(self) -> None:
        """Forget the person."""
        ...


class Taught(Protocol):
    """Labels beside those of the bundle."""

    @property
    def labels(self) -> tuple[Label, ...]:
        """In the order of all matches."""
        ...

    def matcher(self) -> Matcher:
        """A matcher for one more person; it keeps the labels of now."""
        ...
