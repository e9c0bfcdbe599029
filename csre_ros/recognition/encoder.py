"""The seam between people and scores: what a bundle makes of the frames of everybody, of whatever kind it is.

An online encoder keeps a *memory* of each person, which only it looks into. The trainer's networks are called encoders
too (``models/encoders``); this one feeds them from a stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from csre_ros.skeleton import FloatArray

Memory = TypeVar("Memory")


@dataclass(frozen=True, eq=False)
class Evidence:
    """One answer of the network about one person.

    Attributes:
        logits: ``[classes]`` in the order of the labels.
        embedding: ``[dim]`` what the network saw, before it was told apart.
        span_ns: Source stamps of the oldest and newest frame behind it.
        instant_ns: The instant of which it speaks, between the two.
        positions: ``[V, dims]`` the joints at that instant in the bundle's layout; None where it speaks of a window.
        confidence: ``[V]`` of these joints.
        begin: Probability that an action begins at that instant, maybe the one that goes on; 0 where nobody can say.
    """

    logits: FloatArray
    embedding: FloatArray
    span_ns: tuple[int, int]
    instant_ns: int
    positions: FloatArray | None = None
    confidence: FloatArray | None = None
    begin: float = 0.0


class OnlineEncoder(Protocol[Memory]):
    """Turns frames that come one by one into evidence.

    Attributes:
        paced: Whether it keeps a rate of its own; otherwise ``window.stride_s`` says how often it is to decide.
    """

    paced: bool

    def start(self) -> Memory:
        """The memory of somebody of whom nothing is known."""
        ...

    def see(self, memory: Memory, stamp_ns: int, positions: FloatArray, confidence: FloatArray) -> bool:
        """Take a frame of one person in.

        Args:
            memory: Of that person; changed in place.
            stamp_ns: Later than the stamp of every frame before.
            positions: ``[V, dims]`` in the bundle's layout, finite: anything where the confidence is 0.
            confidence: ``[V]``.

        Returns:
            False where the frame took the place of another one, because they are too dense to keep.
        """
        ...

    def span_ns(self, memory: Memory) -> tuple[int, int] | None:
        """Source stamps of the oldest and newest frame that matter; None before the first frame."""
        ...

    def ready(self, memory: Memory) -> bool:
        """Whether enough was seen for :meth:`decide`."""
        ...

    def decide(self, memories: Sequence[Memory]) -> list[tuple[Evidence, ...]]:
        """Run the network on several people in one batch; memories are unchanged where it fails.

        Args:
            memories: Of people who are ready.

        Returns:
            For each of them what is new, oldest first; empty where that says nothing yet.
        """
        ...
