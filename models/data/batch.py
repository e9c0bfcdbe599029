"""What a training step gets."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """A batch of windows.

    Attributes:
        positions: ``[B, P, T, V, 3]`` camera-optical metres.
        confidence: ``[B, P, T, V]`` in 0..1.
        label: ``[B]`` class indices.
        slot: ``[B]`` index of the sample in its training set: its row in the memory banks.
    """

    positions: Tensor
    confidence: Tensor
    label: Tensor
    slot: Tensor
