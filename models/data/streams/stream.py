"""A stream: frames of one person at an even rate, what is known of each, and the actions among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray

RATE_HZ = 15.0
"""Frames per second of all streams."""

Targets = NDArray[np.int64]
Places = NDArray[np.floating[Any]]
"""Fractional frame numbers."""


@dataclass(frozen=True)
class Span:
    """One action inside a stream.

    Attributes:
        start: First frame.
        end: Frame behind the last one.
        label: Index of the class of training.
        slot: Row in the memory banks, or -1 where it has none.
    """

    start: int
    end: int
    label: int
    slot: int = -1


@dataclass(frozen=True, eq=False)
class Stream:
    """Frames of one person at :data:`RATE_HZ`, and what is known of each.

    Attributes:
        positions: ``[T, 13, 3]`` in camera-optical metres, finite.
        confidence: ``[T, 13]`` in 0..1.
        target: ``[T]`` index into :attr:`StreamLabels.targets`.
        spans: Its actions in order.
        source: Data set, or ``composed``.
        subject: Person, 0 where it is nobody in particular.
        name: Name of the recording.
    """

    positions: FloatArray
    confidence: FloatArray
    target: Targets
    spans: tuple[Span, ...]
    source: str
    subject: int = 0
    name: str = ""

    def __len__(self) -> int:
        return len(self.target)
