"""Scores of a network over a loader: the common ground of calibration, evaluation and plots."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.data.batch import Batch
from models.network import Network


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

    def top1(self) -> float:
        """Share of windows whose most probable class is the true one."""
        return float((self.probabilities.argmax(1) == self.labels).mean())

    def confusion(self) -> NDArray[np.int64]:
        """``[K, K]`` counts, true class first."""
        classes = self.probabilities.shape[1]
        pairs = self.labels * classes + self.probabilities.argmax(1)
        return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


@torch.inference_mode()
def score(network: Network, batches: Iterable[Batch], augment: Callable[[Batch], Batch] | None = None) -> Scores:
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
