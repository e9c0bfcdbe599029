"""What a training step gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.data.sampling import Sample


class Mixed(NamedTuple):
    """Every window of a batch blended with another one.

    Attributes:
        positions: ``[B, P, T, V, dims]``.
        confidence: ``[B, P, T, V]``.
        partner: ``[B]`` class indices of the other windows.
        share: ``[B]`` share of the windows themselves; the rest is the others'.
    """

    positions: Tensor
    confidence: Tensor
    partner: Tensor
    share: Tensor


class Batch(NamedTuple):
    """A batch of windows.

    Attributes:
        positions: ``[B, P, T, V, dims]``, camera-optical metres or points in image heights.
        confidence: ``[B, P, T, V]`` in 0..1.
        label: ``[B]`` class indices.
        slot: ``[B]`` index of the sample in its training set: its row in the memory banks.
        mixed: The same windows blended with each other, where the data does so.
    """

    positions: Tensor
    confidence: Tensor
    label: Tensor
    slot: Tensor
    mixed: Mixed | None = None


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples; those without an axis of persons hold one."""
    positions, confidence, labels, slots = zip(*samples, strict=True)
    positions, confidence = (np.stack(values) for values in (positions, confidence))
    return Batch(
        torch.from_numpy(positions).reshape(len(labels), -1, *positions.shape[-3:]),
        torch.from_numpy(confidence).reshape(len(labels), -1, *confidence.shape[-2:]),
        torch.tensor(labels),
        torch.tensor(slots),
    )
