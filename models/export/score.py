"""Scores of a network over a loader: the common ground of calibration and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from models.data.batch import Batch
from models.data.scores import Scores
from models.network.network import Fused, Network


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
