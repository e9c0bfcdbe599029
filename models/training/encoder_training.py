"""What all training of encoders shares: optimiser, the CSRE branch with its banks, and whose checkpoint is whose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from models.csre import CSRELoss
from models.training.provenance import commit
from models.training.settings import Contrast, Optimisation


class EncoderTraining(L.LightningModule, ABC):
    """One encoder under training, with or without the CSRE branch.

    Args:
        contrast: The CSRE branch.
        optimisation: Optimiser and schedule.

    Attributes:
        network: What a bundle computes; built by ``configure_model``.
        csre: The branch, where it is enabled.
        patience: Epochs in which the banks must have filled far enough for the branch to wake up.
    """

    network: torch.nn.Module
    patience = 2

    def __init__(self, contrast: Contrast, optimisation: Optimisation) -> None:
        super().__init__()
        self.contrast, self.optimisation = contrast, optimisation
        self.csre: CSRELoss | None = None
        self._seed, self._commit = torch.initial_seed(), ""

    def add_branch(self, feature_shape: tuple[int, int, int], slot_labels: Tensor, dataset: str) -> None:
        """Add the CSRE branch, if it is enabled.

        Args:
            feature_shape: ``(C', T', V')`` of the encoder's feature map.
            slot_labels: Class of every row of the memory banks.
            dataset: Identity of the data behind the rows.
        """
        if not self.contrast.enabled:
            return
        self.csre = CSRELoss(
            feature_shape,
            slot_labels,
            weight=self.contrast.weight,
            temperature=self.contrast.temperature,
            positives=self.contrast.positives,
            negatives=self.contrast.negatives,
            positive_fraction=self.contrast.positive_fraction,
            seed=self._seed,
            dataset=dataset,
        )
        # Every rank writes all rows itself; broadcasting the banks would cost more than the whole step.
        self._ddp_params_and_buffers_to_ignore = [f"csre.{name}" for name in self.csre.bank_buffers()]

    def on_fit_start(self) -> None:
        """Note the commit that trains; the checkout may move on meanwhile."""
        self._commit = commit()

    def on_train_epoch_start(self) -> None:
        """Seed dropout and augmentation by the epoch: a resumed run then draws what the uninterrupted one would."""
        entropy = np.random.SeedSequence((self._seed, self.global_rank, self.current_epoch))
        torch.manual_seed(int(entropy.generate_state(1)[0]))

    def on_train_epoch_end(self) -> None:
        """Fail loudly when the contrastive branch never wakes up."""
        active = self.trainer.callback_metrics.get("train/active")
        if active is not None and self.current_epoch >= self.patience and float(active) == 0:
            raise RuntimeError(
                f"no anchor was active in epoch {self.current_epoch}: the classes are smaller than "
                f"{self.contrast.positives} positives; set contrast.positive_fraction, or lower contrast.positives"
            )

    def configure_optimizers(self) -> Any:
        """Optimiser and per-epoch schedule."""
        optimiser = self.optimisation.build(self.parameters())
        epochs = self.trainer.max_epochs or 1
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda epoch: self.optimisation.factor(epoch, epochs))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the banks beside the weights, so that a resumed run goes on as if it had not stopped, and the commit."""
        checkpoint["identity"], checkpoint["commit"] = self._whole_identity(), self._commit
        if self.csre is not None:
            checkpoint["csre"] = self.csre.training_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the banks.

        Raises:
            ValueError: The checkpoint belongs to a run with another encoder, layout, data, window, batch or contrast.
        """
        ours, theirs = self._whole_identity(), checkpoint.get("identity", {})
        if not self.contrast.restore_banks:
            ours.pop("data")
        if other := [key for key in ours if theirs.get(key) != ours[key]]:
            raise ValueError(
                "the checkpoint belongs to another run: "
                + "; ".join(f"its {key} is {theirs.get(key, 'not known')!r}, not {ours[key]!r}" for key in other)
                + ". Resume with its own config.yaml, or start without --ckpt_path"
            )
        if self.csre is not None and self.contrast.restore_banks:
            self.csre.load_training_state(checkpoint["csre"])

    @abstractmethod
    def _identity(self) -> dict[str, str]:
        """What must not change between the start of a run and its resume, the contrast and the data apart."""

    def _whole_identity(self) -> dict[str, str]:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        return self._identity() | {
            "layout": data.layout.name,
            "batch": str(data.batch_size * self.trainer.world_size),
            "contrast": str(replace(self.contrast, restore_banks=True)) if self.contrast.enabled else "off",
            "data": data.identity,
        }
