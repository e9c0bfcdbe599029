"""Training of one encoder, with or without the CSRE branch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics.classification import MulticlassAccuracy

from models.data.batch import Batch, Mixed
from models.data.module import SkeletonData
from models.encoders import build_encoder
from models.encoders.graph import joint_groups
from models.network.input_stream import InputStream
from models.network.network import Network
from models.network.preprocess import Preprocess, build_preprocess
from models.training.encoder_training import EncoderTraining
from models.training.settings import Contrast, Optimisation

_OUTSIDE = -1
"""Label of a sample that does not count."""


class ActionClassifier(EncoderTraining):
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
        super().__init__(contrast, optimisation)
        # Plain values only, so that a checkpoint loads without running anything; config.yaml has the rest.
        self.save_hyperparameters(ignore=["contrast", "optimisation"])
        self.encoder_name, self._options, self._preprocess = encoder, encoder_options or {}, preprocess
        self.stream, self._relative = stream, relative
        self.network: Network
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
        self.add_branch(encoder.feature_shape, data.slot_labels, f"{data.identity}, {self.stream}")

    def _build_stream(self, front: Preprocess) -> InputStream | None:
        if self.stream == "joint" and not self._relative:
            return None
        if front.channels != front.output_layout.dims:
            raise ValueError(
                f"preprocess {self._preprocess!r} gives {front.channels} channels, of which no stream but plain joints "
                "can be made; choose another preprocess, such as plain"
            )
        return InputStream(self.stream, front.output_layout, relative=self._relative)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy, half of it of blended clips where there are any, plus the contrastive term if enabled."""
        output = self.network.features(batch.positions, batch.confidence)
        loss = cross_entropy(output.logits, batch.label, label_smoothing=self.optimisation.label_smoothing)
        size = len(batch.label)
        self._log("train/ce", loss, size, prog_bar=True)
        if batch.mixed is not None:
            blended = self._mixed_cross_entropy(batch.label, batch.mixed)
            self._log("train/mixed", blended, size)
            loss = (loss + blended) / 2
        if self.csre is not None:
            contrast, active = self.csre(output.features, batch.label, batch.slot)
            self._log("train/csre", contrast, size, prog_bar=True)
            self._log("train/active", active.float() / size, size)
            loss = loss + contrast
        return loss

    def _mixed_cross_entropy(self, label: Tensor, mixed: Mixed) -> Tensor:
        logits = self.network.features(mixed.positions, mixed.confidence).logits
        own, partner = (
            cross_entropy(logits, truth, label_smoothing=self.optimisation.label_smoothing, reduction="none")
            for truth in (label, mixed.partner)
        )
        return (mixed.share * own + (1 - mixed.share) * partner).mean()

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

    def _identity(self) -> dict[str, str]:
        data: SkeletonData = self.trainer.datamodule  # type: ignore[attr-defined]
        return {
            "encoder": self.encoder_name,
            "encoder options": str(self._options),
            "preprocess": self._preprocess,
            "stream": self.stream + (", relative" if self._relative else ""),
            "window": f"{data.persons} x {data.spec.steps} frames",
            "classes": ", ".join(data.classes),
        }
