"""The CSRE training branch as one module: head, two banks, weighted loss; alone or on several ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from models.csre.bank import MemoryBank, unit_vectors
from models.csre.contrast import BankContrast
from models.csre.head import FeatureDecoupling

CHECK_CALLS = 500
"""Calls between two comparisons of the ranks' banks."""


class CSRELoss(nn.Module):
    """The whole training branch: decoupling head, two banks, and the weighted sum of their losses.

    Under ``torch.distributed`` every rank must bring the same number of samples. All ranks then write all rows and
    divide by the global number of active anchors, so W ranks reproduce one process with the W-fold batch. Exclude
    :meth:`bank_buffers` from the buffer broadcast of DDP.

    Args:
        feature_shape: ``(C, T, V)`` of the encoder's feature map.
        slot_labels: Class of every training sample ``[B]``, by sample index.
        weight: Factor on the sum of both losses: 0.5 in the released code, 1 in the paper.
        temperature: Divides the similarities.
        positives: Hardest positives per anchor, P.
        negatives: Hard and random negatives per anchor, K each.
        positive_fraction: Upper limit of P as a share of the class, see :class:`BankContrast`.
        dim: Length of the contrasted vectors.
        reduction: Channel reduction of the head.
        seed: Seeds the random negatives, together with rank and number of calls.
        dataset: Identity of the training set beyond its labels, see :class:`MemoryBank`.
    """

    def __init__(
        self,
        feature_shape: tuple[int, int, int],
        slot_labels: Tensor,
        *,
        weight: float = 0.5,
        temperature: float = 0.8,
        positives: int = 128,
        negatives: int = 512,
        positive_fraction: float | None = None,
        dim: int = 256,
        reduction: int = 8,
        seed: int = 0,
        dataset: str = "",
    ) -> None:
        super().__init__()
        self.weight = weight
        self.seed = seed
        self.calls = 0
        self.head = FeatureDecoupling(feature_shape, dim=dim, reduction=reduction)
        self.spatial, self.temporal = (
            BankContrast(
                MemoryBank(slot_labels, dim, dataset),
                positives=positives,
                negatives=negatives,
                temperature=temperature,
                positive_fraction=positive_fraction,
            )
            for _ in range(2)
        )

    def forward(
        self,
        features: Tensor,
        labels: Tensor,
        slots: Tensor,
        *,
        random_negatives: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Write the batch into the banks and score it.

        Args:
            features: Maps ``[N, C, T, V]`` of the encoder, persons merged.
            labels: Classes ``[N]``.
            slots: Sample indices ``[N]``.
            random_negatives: Slots ``[N, K]`` for the spatial and the temporal bank instead of a random draw.

        Returns:
            The weighted loss, a scalar to add to the cross-entropy (a zero with gradient while nothing is active), and
            the number of anchors active in both banks, an integer scalar that stays on the device.

        Raises:
            RuntimeError: The banks of the ranks have come to differ; looked for every :data:`CHECK_CALLS` calls.
        """
        vectors = self.head(features)
        generator = self._generator(features.device)
        total = features.new_zeros((), dtype=self.spatial.bank.rows.dtype)
        active_in_both = torch.ones_like(labels, dtype=torch.bool)
        all_slots = _gather(slots)
        with torch.autocast(features.device.type, enabled=False):
            for branch, (contrast, vector) in enumerate(zip((self.spatial, self.temporal), vectors, strict=True)):
                anchors, good = unit_vectors(vector, contrast.bank.rows.dtype)
                contrast.bank.enrol(all_slots, _gather(anchors.detach()), _gather(good))
                chosen = None if random_negatives is None else random_negatives[branch]
                loss, active = contrast(anchors, good, labels, random_negatives=chosen, generator=generator)
                total = total + loss.sum() / _share_of_ranks(active.sum())
                active_in_both = active_in_both & active
        if _distributed() and self.calls % CHECK_CALLS == 0:
            _check_replicas(torch.stack([self.spatial.bank.checksum(), self.temporal.bank.checksum()]))
        return self.weight * total, active_in_both.sum()

    def bank_buffers(self) -> list[str]:
        """Names of the buffers that every rank keeps for itself, relative to this module."""
        return [name for name, _ in self.named_buffers()]

    def training_state(self) -> dict[str, Any]:
        """What a resumed run needs besides ``state_dict``."""
        return {
            "spatial": self.spatial.bank.training_state(),
            "temporal": self.temporal.bank.training_state(),
            "calls": self.calls,
        }

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`training_state` returned.

        Raises:
            ValueError: The state belongs to other training data, see :meth:`MemoryBank.load_training_state`.
        """
        self.spatial.bank.load_training_state(state["spatial"])
        self.temporal.bank.load_training_state(state["temporal"])
        self.calls = state["calls"]

    def _generator(self, device: torch.device) -> torch.Generator:
        """A fresh generator per call: seed, rank and call number fix the draw, so a counter is enough to resume."""
        rank = dist.get_rank() if _distributed() else 0
        seed = np.random.SeedSequence((self.seed, rank, self.calls)).generate_state(1, np.uint64)[0]
        self.calls += 1
        return torch.Generator(device).manual_seed(int(seed >> np.uint64(1)))


def _distributed() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _gather(local: Tensor) -> Tensor:
    """Concatenate a tensor over ranks, in rank order."""
    if not _distributed():
        return local
    parts = [torch.empty_like(local) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, local.contiguous())
    return torch.cat(parts)


def _share_of_ranks(count: Tensor) -> Tensor:
    """Global count over world size: DDP averages gradients over ranks, so this divides by the global count."""
    if not _distributed():
        return count.clamp(min=1)
    total = count.clone()
    dist.all_reduce(total)
    return total.clamp(min=1) / dist.get_world_size()


def _check_replicas(checksums: Tensor) -> None:
    bounds = torch.stack([checksums, -checksums])
    dist.all_reduce(bounds, dist.ReduceOp.MAX)
    if not torch.equal(bounds[0], -bounds[1]):
        raise RuntimeError(
            f"the memory banks of the ranks differ: rank {dist.get_rank()} has checksums {checksums.tolist()}, the "
            f"largest are {bounds[0].tolist()}. Every rank must bring as many samples as the others and write them in "
            "the same order; resume from the last checkpoint"
        )
