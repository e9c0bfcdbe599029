"""Settings of a training run: the contrastive branch, and optimiser with schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Contrast:
    """Settings of the CSRE branch, as in ``models.csre``.

    Attributes:
        restore_banks: Take the memory banks of a checkpoint over. Without them a run may also go on with other data;
            until they fill again, for a part of an epoch, the branch is silent.
    """

    enabled: bool = True
    weight: float = 0.5
    temperature: float = 0.8
    positives: int = 128
    negatives: int = 512
    positive_fraction: float | None = None
    restore_banks: bool = True


@dataclass(frozen=True)
class Optimisation:
    """Optimiser and schedule.

    Attributes:
        name: ``adamw``, ``adam`` (weight decay inside the gradient) or ``sgd`` (Nesterov, momentum 0.9).
        lr: Learning rate after the warm-up.
        weight_decay: On everything.
        warmup_epochs: Epochs of linear warm-up, the last of them at the full rate.
        milestones: Epochs, counted from 0, at which the rate falls to a tenth.
        decay: Factor on the rate after every epoch. Without it and without milestones: cosine to zero.
        label_smoothing: Of the cross-entropy.

    Raises:
        ValueError: Unknown optimiser, or both milestones and decay.
    """

    name: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 1e-4
    warmup_epochs: int = 1
    milestones: list[int] = field(default_factory=list)
    decay: float | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in ("adamw", "adam", "sgd"):
            raise ValueError(f"optimiser {self.name!r} is unknown; choose adamw, adam or sgd")
        if self.milestones and self.decay is not None:
            raise ValueError(f"choose either milestones or decay, not {self.milestones} and {self.decay}")

    def build(self, parameters: Any) -> torch.optim.Optimizer:
        """The optimiser."""
        if self.name != "sgd":
            adam = torch.optim.AdamW if self.name == "adamw" else torch.optim.Adam
            return adam(parameters, lr=self.lr, weight_decay=self.weight_decay)
        return torch.optim.SGD(parameters, lr=self.lr, weight_decay=self.weight_decay, momentum=0.9, nesterov=True)

    def factor(self, epoch: int, epochs: int) -> float:
        """Factor on the learning rate in an epoch."""
        if epoch < self.warmup_epochs:
            return (epoch + 1) / self.warmup_epochs
        if self.milestones:
            return 0.1 ** sum(epoch >= step for step in self.milestones)
        if self.decay is not None:
            return self.decay**epoch
        return 0.5 * (1 + math.cos(math.pi * epoch / epochs))
