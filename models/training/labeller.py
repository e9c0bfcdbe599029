"""Training of a stream model, which labels every frame, with or without the CSRE branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.data.streams.windows import StreamBatch, StreamWindowData
from models.encoders.streaming import build_stream_encoder
from models.encoders.streaming.causal import take
from models.network.stream import StreamNetwork
from models.network.stream_front import StreamFront
from models.training.beginnings import Kinds, beginning_loss, kinds
from models.training.encoder_training import EncoderTraining
from models.training.settings import Contrast, Optimisation
from models.training.warm_start import KeptRows, freeze_norms, load_bundle

_WARM_FRAMES = 5
"""Frames at the beginning of a window, where the network knows nothing yet, that do not count."""


@dataclass(frozen=True)
class FrameLoss:
    """Settings of the loss over frames.

    Attributes:
        delay_frames: Logits speak of the frame this long ago: the look-ahead.
        weight_power: How much more the frames of rare actions count, see :meth:`StreamWindowData.class_weights`.
        background: Weight of frames without an action.
        smoothing: Weight of the squared change of log-probabilities from frame to frame.
        smoothing_limit: Largest change that counts.
        beginning: Weight of the loss of the beginnings.
    """

    delay_frames: int = 4
    weight_power: float = 0.35
    background: float = 0.8
    smoothing: float = 0.1
    smoothing_limit: float = 4.0
    beginning: float = 0.3


class StreamLabeller(EncoderTraining):
    """One streaming encoder under training.

    Args:
        encoder: One of ``models.encoders.streaming.STREAM_ENCODERS``.
        encoder_options: Further arguments of the encoder.
        facing: Turn bodies to face the camera inside the graph.
        loss: The loss over frames.
        contrast: The CSRE branch, on the last :attr:`contrast_frames` frames of one action in every window.
        contrast_frames: Frames of the part of the feature map that the branch sees.
        optimisation: Optimiser and schedule.
        initial: Checkpoint of another run whose network this one goes on with, on other data or with other settings.
    """

    patience = 4

    def __init__(
        self,
        encoder: str = "hcn",
        encoder_options: dict[str, Any] | None = None,
        facing: bool = True,
        loss: FrameLoss = FrameLoss(),
        contrast: Contrast = Contrast(),
        contrast_frames: int = 24,
        optimisation: Optimisation = Optimisation(),
        initial: Path | None = None,
    ) -> None:
        super().__init__(contrast, optimisation)
        # Plain values only, so that a checkpoint loads without running anything; config.yaml has the rest.
        self.save_hyperparameters(ignore=["loss", "contrast", "optimisation", "initial"])
        self.encoder_name, self._options, self._facing = encoder, encoder_options or {}, facing
        self.frame_loss, self.contrast_frames = loss, contrast_frames
        self._initial = initial
        self._kept: KeptRows | None = None
        self.network: StreamNetwork
        self.membership: Tensor
        self.weights: Tensor
        self.kinds: Tensor

    def configure_model(self) -> None:
        """Build the network for the data at hand; Lightning calls this before fit, validation, test and loading."""
        if hasattr(self, "network"):
            return
        data: StreamWindowData = self.trainer.datamodule  # type: ignore[attr-defined]
        front = StreamFront(data.layout, data.rate_hz, self._facing)
        start = data.warm_start
        if start is not None:
            self._options = {**self._options, **start.encoder_options}
        encoder = build_stream_encoder(
            self.encoder_name, len(data.labels.classes), front.output_layout, front.channels, **self._options
        )
        self.network = StreamNetwork(front, encoder, data.labels.parents)
        if self._initial is not None:
            given = torch.load(self._initial, map_location="cpu", weights_only=True)["state_dict"]
            self.network.load_state_dict(fitting(take(given, "network."), self.network.state_dict()))
        if start is not None:
            if start.delay_frames != self.frame_loss.delay_frames:
                raise ValueError(
                    f"{start.path} answers {start.delay_frames} frames late, but loss.delay_frames is "
                    f"{self.frame_loss.delay_frames}; set it to the former"
                )
            load_bundle(self.network, start, data.labels.classes)
            if data.keep_labels:
                for number, name in enumerate(data.labels.names):
                    self.network.bias[number] = start.bias_of(name)
                self._kept = KeptRows(self.network, start, data.labels.classes, data.own_classes)
        self.register_buffer("membership", data.labels.membership, persistent=False)
        frames = data.class_weights(self.frame_loss.weight_power, self.frame_loss.background)
        self.register_buffer("weights", frames, persistent=False)
        self.register_buffer("kinds", torch.stack(kinds(data.labels)), persistent=False)
        shape = (encoder.feature_channels, self.contrast_frames, encoder.feature_joints)
        self.add_branch(shape, data.slot_labels, data.identity)

    def on_train_epoch_start(self) -> None:
        """Keep the statistics of a bundle that the run started from."""
        super().on_train_epoch_start()
        data: StreamWindowData = self.trainer.datamodule  # type: ignore[attr-defined]
        if data.warm_start is not None:
            freeze_norms(self.network)

    def on_train_batch_end(self, outputs: Any, batch: StreamBatch, batch_idx: int) -> None:
        """Put back what must not change."""
        if self._kept is not None:
            self._kept.restore()

    def training_step(self, batch: StreamBatch, batch_idx: int) -> Tensor:
        """Cross-entropy of every frame, its smoothness and the beginnings, plus the contrastive term where enabled."""
        output = self.network.features(batch.positions, batch.confidence)
        likelihood, logs = self._likelihood(output.logits, batch.target)
        weight = self.weights[self._counted(batch.target)]
        loss = -(likelihood * weight).sum() / weight.sum().clamp(min=1)
        self._log("train/ce", loss, prog_bar=True)
        limit = self.frame_loss.smoothing_limit
        change = (logs[:, :, 1:] - logs[:, :, :-1].detach()).clamp(-limit, limit)
        loss = loss + self.frame_loss.smoothing * change.square().mean()
        loss = loss - self.optimisation.label_smoothing * logs.mean()
        begin = self.network.begin(output.embedding).float()[:, 0, self.frame_loss.delay_frames + _WARM_FRAMES :]
        begin = beginning_loss(begin, self._counted(batch.target), Kinds(*self.kinds))
        self._log("train/begin", begin)
        loss = loss + self.frame_loss.beginning * begin
        if self.csre is not None:
            features, chosen = self._actions(output.features, batch.action)
            if len(features):
                contrast, active = self.csre(features, batch.action[chosen, 0], batch.action[chosen, 3])
                self._log("train/csre", contrast, prog_bar=True)
                self._log("train/active", active.float() / len(features))
                loss = loss + contrast
        return loss

    def _counted(self, target: Tensor) -> Tensor:
        """Targets of the frames that count ``[B, T']``."""
        return target[:, _WARM_FRAMES : target.shape[1] - self.frame_loss.delay_frames]

    def _likelihood(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Log-likelihood of the target sets ``[B, T']``, and of all classes ``[B, K, T']``."""
        logs = logits.float().log_softmax(1)[:, :, self.frame_loss.delay_frames + _WARM_FRAMES :]
        allowed = self.membership[self._counted(target)].transpose(1, 2) > 0
        return logs.masked_fill(~allowed, -1e4).logsumexp(1), logs

    def _actions(self, features: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """The part of the feature map that ends with an action, for the windows that have one, and which have."""
        chosen = (action[:, 3] >= 0).nonzero()[:, 0]
        end = (action[chosen, 2] + self.frame_loss.delay_frames).clamp(self.contrast_frames, features.shape[2])
        frames = end[:, None] + torch.arange(-self.contrast_frames, 0, device=end.device)
        picked = features[chosen].transpose(1, 2)[torch.arange(len(chosen), device=end.device)[:, None], frames]
        return picked.transpose(1, 2).float(), chosen

    def _log(self, name: str, value: Any, *, prog_bar: bool = False) -> None:
        self.log(name, value, on_step=False, on_epoch=True, prog_bar=prog_bar, sync_dist=True, batch_size=1)

    def validation_step(self, batch: StreamBatch, batch_idx: int) -> None:
        """Loss, and share of the frames whose label is right as reported, among those that have one label."""
        output = self.network.features(batch.positions, batch.confidence)
        likelihood, _ = self._likelihood(output.logits, batch.target)
        target = self._counted(batch.target)
        known = self.weights[target] > 0
        self._log("val/loss", -likelihood[known].mean())
        data: StreamWindowData = self.trainer.datamodule  # type: ignore[attr-defined]
        single = target < len(data.labels.classes)
        said = self.network.merged(output.logits.mT)[:, self.frame_loss.delay_frames + _WARM_FRAMES :].argmax(-1)
        parents = torch.tensor(data.labels.parents, device=target.device)
        right = said == parents[target.clamp(max=len(parents) - 1)]
        self._log("val/frames", right[single].float().mean(), prog_bar=True)

    def _identity(self) -> dict[str, str]:
        data: StreamWindowData = self.trainer.datamodule  # type: ignore[attr-defined]
        start = {} if data.warm_start is None else {"start": data.warm_start.info.digest}
        return start | {
            "encoder": f"stream {self.encoder_name}",
            "encoder options": str(self._options),
            "facing": str(self._facing),
            "window": f"{data.frames} frames",
            "classes": ", ".join(data.labels.classes),
            "loss": str(self.frame_loss),
        }


def fitting(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of another run; those that read points in space serve a flat network without their depth.

    A body that is turned to face the camera looks, without its depth, as a picture of it from the front does.
    """
    return {
        name: weight[:, [0, 1, 3]]
        if weight.ndim == 4 and weight.shape[1] == 4 and wanted[name].shape[1] == 3
        else weight
        for name, weight in given.items()
    }
