"""What a training step gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.data.sampling import Sample


class Batch(NamedTuple):
    """A batch of windows.

    Attributes:
        positions: ``[B, P, T, V, dims]``, camera-optical metres or points in image heights.
        confidence: ``[B, P, T, V]`` in 0..1.
        label: ``[B]`` class indices.
        slot: ``[B]`` index of the sample in its training set: its row in the memory banks.
    """

    positions: Tensor
    confidence: Tensor
    label: Tensor
    slot: Tensor


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
