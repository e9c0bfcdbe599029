"""Scores of a network over a loader: the common ground of calibration and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.data.batch import Batch
from models.network.network import Fused, Network


@dataclass(frozen=True, eq=False)
class Scores:
    """Softmax probabilities and truth of a number of windows.

    Attributes:
        probabilities: ``[N, K]``.
        labels: ``[N]`` true class indices.
        slots: ``[N]`` indices of the windows in their data set.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    slots: NDArray[np.int64]


@torch.inference_mode()
def score(
    network: Network | Fused, batches: Iterable[Batch], augment: Callable[[Batch], Batch] | None = None
) -> Scores:
    """Run a network over batches in evaluation mode.

    Args:
        network: The network.
        batches: Where the windows come from.
        augment: Applied to every batch first.
    """
    network.eval()
    rows, labels, slots = [], [], []
    for batch in batches:
        batch = augment(batch) if augment else batch
        rows.append(network(batch.positions, batch.confidence)[0].softmax(-1))
        labels.append(batch.label)
        slots.append(batch.slot)
    return Scores(*(torch.cat(parts).numpy() for parts in (rows, labels, slots)))
