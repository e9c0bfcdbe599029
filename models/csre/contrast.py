"""Supervised InfoNCE of a batch against one memory bank.

No loop over samples and no wait for the device. An anchor is scored against the P least similar enrolled rows of its
class and against two sets of K enrolled rows of other classes: the most similar ones, and ones drawn at random.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from models.csre.bank import MemoryBank


class BankContrast(nn.Module):
    """InfoNCE of one bank.

    Args:
        bank: Rows to score against.
        positives: P.
        negatives: K.
        temperature: Divides the similarities.
        positive_fraction: If given, a class of n slots takes ``min(P, fraction * n)`` positives, at least one: for
            small data sets, whose classes never reach P.

    Raises:
        ValueError: A setting is out of range, or no class can ever have enough positives and negatives.
    """

    positives: Tensor

    def __init__(
        self,
        bank: MemoryBank,
        *,
        positives: int = 128,
        negatives: int = 512,
        temperature: float = 0.8,
        positive_fraction: float | None = None,
    ) -> None:
        super().__init__()
        if positives < 1 or negatives < 1 or temperature <= 0:
            raise ValueError(
                "positives and negatives must be at least 1 and the temperature positive, not "
                f"{positives}, {negatives} and {temperature}"
            )
        if positive_fraction is not None and not 0 < positive_fraction <= 1:
            raise ValueError(f"positive_fraction must be in (0, 1], not {positive_fraction}")
        sizes = bank.class_sizes
        wanted = torch.full_like(sizes, positives)
        if positive_fraction is not None:
            wanted = wanted.minimum((positive_fraction * sizes).long().clamp(min=1))
        reachable = (sizes >= wanted) & (sizes.sum() - sizes >= negatives)
        if not reachable.any():
            raise ValueError(
                f"no class can ever be contrasted: {positives} positives and {negatives} negatives are asked for, but "
                f"the largest of {len(sizes)} classes has {int(sizes.max())} of {int(sizes.sum())} samples; lower them "
                "or set positive_fraction"
            )
        self.bank = bank
        self.negatives = negatives
        self.temperature = temperature
        self.most_positives = int(wanted[reachable].max())
        self.register_buffer("positives", wanted, persistent=False)

    def forward(
        self,
        anchors: Tensor,
        good: Tensor,
        labels: Tensor,
        *,
        random_negatives: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Score unit anchors against the bank, which must already hold them.

        For a positive p and a negative set Q the term is ``softplus(logsumexp(c_Q / t) - c_p / t)``: two log-sum-exps
        per anchor replace 2P rows of K + 1 logits.

        Args:
            anchors: Unit vectors ``[N, D]``.
            good: Which of them may be used ``[N]``.
            labels: Their classes ``[N]``.
            random_negatives: Slots ``[N, K]`` to use instead of drawing them.
            generator: Source of the draw.

        Returns:
            The loss of each anchor ``[N]``, zero where inactive, and which are active ``[N]``.
        """
        similarity = anchors @ self.bank.rows.T
        with torch.no_grad():
            enrolled = self.bank.enrolled
            same = labels[:, None] == self.bank.slot_labels
            counts = self.bank.class_counts()
            wanted, friends = self.positives[labels], counts[labels]
            active = good & (friends >= wanted) & (counts.sum() - friends >= self.negatives)
            detached = similarity.detach()
            positive = detached.where(same & enrolled, torch.inf).topk(self.most_positives, largest=False).indices
            negative = enrolled & ~same
            hard = detached.where(negative, -torch.inf).topk(self.negatives, sorted=False).indices
            if random_negatives is None:
                # The K largest of independent keys are a uniform draw without replacement.
                keys = torch.rand(detached.shape, generator=generator, device=detached.device)
                random_negatives = keys.where(negative, -1.0).topk(self.negatives, sorted=False).indices
            counted = torch.arange(self.most_positives, device=labels.device) < wanted[:, None]
        # Values come from the unmasked similarities: an inactive anchor stays finite and cannot inject NaN gradients.
        against, *negative_sets = (
            similarity.gather(1, chosen) / self.temperature for chosen in (positive, hard, random_negatives)
        )
        terms = sum(softplus(logits.logsumexp(1, keepdim=True) - against) for logits in negative_sets)
        loss = (terms * counted).sum(1) / (2 * wanted)
        return loss * active, active
