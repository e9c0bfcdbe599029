"""Training of one encoder, with or without the CSRE branch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics.classification import MulticlassAccuracy

from models.csre import CSRELoss
from models.data.batch import Batch
from models.data.module import SkeletonData
from models.encoders import build_encoder
from models.encoders.graph import joint_groups
from models.network.input_stream import InputStream
from models.network.network import Network
from models.network.preprocess import Preprocess, build_preprocess
from models.training.settings import Contrast, Optimisation

_OUTSIDE = -1
"""Label of a sample that does not count."""


class ActionClassifier(L.LightningModule):
    """One encoder under training.

    Args:
        encoder: Key of ``models.encoders.ENCODERS``.
        encoder_options: Further arguments of the encoder.
        preprocess: Key of ``models.network.preprocess.PREPROCESSORS``.
        stream: One of ``models.network.input_stream.STREAMS``.
        relative: Measure the joint stream from the root of every frame, see
            :class:`models.network.input_stream.InputStream`.
        contrast: The CSRE branch.
        optimisation: Optimiser and schedule.
    """

    def __init__(
        self,
        encoder: str = "hcn",
        encoder_options: dict[str, Any] | None = None,
        preprocess: str = "part_local",
        stream: str = "joint",
        relative: bool = False,
        contrast: Contrast = Contrast(),
        optimisation: Optimisation = Optimisation(),
    ) -> None:
        super().__init__()
        # Plain values only, so that a checkpoint loads without running anything; config.yaml has the rest.
        self.save_hyperparameters(ignore=["contrast", "optimisation"])
        self.encoder_name, self._options, self._preprocess = encoder, encoder_options or {}, preprocess
        self.stream, self._relative = stream, relative
        self.contrast, self.optimisation = contrast, optimisation
        self._seed = torch.initial_seed()
        self.network: Network
        self.csre: CSRELoss | None = None
        self.accuracy: nn.ModuleDict

    def configure_model(self) -> None:
        """Build the network for the data at hand; Lightning calls this before fit, validation, test and loading."""
        if hasattr(self, "network"):
            return
        data: SkeletonData = self.trainer.datamodule  # type: ignore[attr-defined]
        front = build_preprocess(self._preprocess, data.layout)
        options = self._options
        if self.encoder_name == "hyperformer":
            options = {"groups": joint_groups(front.output_layout, self.stream)} | options
        encoder = build_encoder(
            self.encoder_name,
            len(data.classes),
            front.output_layout,
            in_channels=front.channels,
            time_steps=data.spec.steps,
            persons=data.persons,
            **options,
        )
        stream = self._build_stream(front)
        self.network = Network(front, encoder, stream).to(memory_format=encoder.memory_format)  # type: ignore[call-overload]
        self.accuracy = nn.ModuleDict({
            name: MulticlassAccuracy(len(data.classes), average="micro", ignore_index=_OUTSIDE)
            for name in ("val/top1", "test/top1", *(f"test/top1 {subset}" for subset in data.test_subsets))
        })  # fmt: skip
        if self.contrast.enabled:
            self.csre = CSRELoss(
                encoder.feature_shape,
                data.slot_labels,
                weight=self.contrast.weight,
                temperature=self.contrast.temperature,
                positives=self.contrast.positives,
                negatives=self.contrast.negatives,
                positive_fraction=self.contrast.positive_fraction,
                seed=self._seed,
                dataset=f"{data.identity}, {self.stream}",
            )
            # Every rank writes all rows itself; broadcasting the banks would cost more than the whole step.
            self._ddp_params_and_buffers_to_ignore = [f"csre.{name}" for name in self.csre.bank_buffers()]

    def _build_stream(self, front: Preprocess) -> InputStream | None:
        if self.stream == "joint" and not self._relative:
            return None
        if front.channels != front.output_layout.dims:
            raise ValueError(
                f"preprocess {self._preprocess!r} gives {front.channels} channels, of which no stream but plain joints "
                "can be made; choose another preprocess, such as plain"
            )
        return InputStream(self.stream, front.output_layout, relative=self._relative)

    def on_train_epoch_start(self) -> None:
        """Seed dropout and augmentation by the epoch: a resumed run then draws what the uninterrupted one would."""
        entropy = np.random.SeedSequence((self._seed, self.global_rank, self.current_epoch))
        torch.manual_seed(int(entropy.generate_state(1)[0]))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy, plus the contrastive term where it is enabled."""
        output = self.network.features(batch.positions, batch.confidence)
        loss = cross_entropy(output.logits, batch.label, label_smoothing=self.optimisation.label_smoothing)
        size = len(batch.label)
        self._log("train/ce", loss, size, prog_bar=True)
        if self.csre is not None:
            contrast, active = self.csre(output.features, batch.label, batch.slot)
            self._log("train/csre", contrast, size, prog_bar=True)
            self._log("train/active", active.float() / size, size)
            loss = loss + contrast
        return loss

    def _log(self, name: str, value: Any, size: int, *, prog_bar: bool = False) -> None:
        """Mean over the epoch and over all ranks."""
        self.log(
            name,
            value,
            on_step=False,
            on_epoch=True,
            prog_bar=prog_bar,
            batch_size=size,
            sync_dist=True,
            add_dataloader_idx=False,
        )

    def on_train_epoch_end(self) -> None:
        """Fail loudly when the contrastive branch never wakes up."""
        active = self.trainer.callback_metrics.get("train/active")
        if active is not None and self.current_epoch >= 2 and float(active) == 0:
            raise RuntimeError(
                f"no anchor was active in epoch {self.current_epoch}: the classes are smaller than "
                f"{self.contrast.positives} positives; set contrast.positive_fraction, or lower contrast.positives"
            )

    def _evaluate(self, batch: Batch, part: str) -> dict[str, Tensor]:
        # In full precision, as bundles run: half-precision logits tie, and a tie goes to the first class.
        with torch.autocast(self.device.type, enabled=False):
            output = self.network.features(batch.positions, batch.confidence)
        logits, size = output.logits, len(batch.label)
        labels = {f"{part}/top1": batch.label}
        if part == "test":
            data: SkeletonData = self.trainer.datamodule  # type: ignore[attr-defined]
            for name, mask in data.test_subsets.items():
                inside = torch.from_numpy(mask).to(self.device)[batch.slot]
                labels[f"test/top1 {name}"] = batch.label.where(inside, _OUTSIDE)
        for name, truth in labels.items():
            metric = self.accuracy[name]
            metric(logits, truth)
            self._log(name, metric, size, prog_bar=True)
        self._log(f"{part}/loss", cross_entropy(logits, batch.label), size)
        return {"logits": logits, "embedding": output.embedding}

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Top-1 and loss on the validation part, and on the test part where it is watched (the second loader)."""
        return self._evaluate(batch, ("val", "test")[dataloader_idx])

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Top-1 and loss on the test part, and top-1 on its subsets."""
        return self._evaluate(batch, "test")

    def configure_optimizers(self) -> Any:
        """Optimiser and per-epoch schedule."""
        optimiser = self.optimisation.build(self.parameters())
        epochs = self.trainer.max_epochs or 1
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda epoch: self.optimisation.factor(epoch, epochs))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the banks beside the weights, so that a resumed run goes on as if it had not stopped."""
        checkpoint["identity"] = self._identity()
        if self.csre is not None:
            checkpoint["csre"] = self.csre.training_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the banks.

        Raises:
            ValueError: The checkpoint belongs to a run with another encoder, layout, data, window, batch or contrast.
        """
        ours, theirs = self._identity(), checkpoint.get("identity", {})
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

    def _identity(self) -> dict[str, str]:
        """What must not change between the start of a run and its resume."""
        data: SkeletonData = self.trainer.datamodule  # type: ignore[attr-defined]
        return {
            "encoder": self.encoder_name,
            "encoder options": str(self._options),
            "preprocess": self._preprocess,
            "stream": self.stream + (", relative" if self._relative else ""),
            "layout": data.layout.name,
            "window": f"{data.persons} x {data.spec.steps} frames",
            "classes": ", ".join(data.classes),
            "batch": str(data.batch_size * self.trainer.world_size),
            "contrast": str(replace(self.contrast, restore_banks=True)) if self.contrast.enabled else "off",
            "data": data.identity,
        }
