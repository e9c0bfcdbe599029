"""Training of a stream model, which labels every frame, with or without the CSRE branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from models.csre import CSRELoss
from models.data.streams.module import StreamBatch, StreamData
from models.encoders.streaming import build_stream_encoder
from models.encoders.streaming.causal import take
from models.network.stream import StreamNetwork
from models.network.stream_front import StreamFront
from models.training.provenance import commit
from models.training.settings import Contrast, Optimisation

_WARM_FRAMES = 5
"""Frames at the beginning of a window, where the network knows nothing yet, that do not count."""


@dataclass(frozen=True)
class FrameLoss:
    """Settings of the loss over frames.

    Attributes:
        delay_frames: Logits speak of the frame this long ago: the look-ahead.
        weight_power: How much more the frames of rare actions count, see :meth:`StreamData.class_weights`.
        background: Weight of frames without an action.
        smoothing: Weight of the squared change of log-probabilities from frame to frame.
        smoothing_limit: Largest change that counts.
    """

    delay_frames: int = 4
    weight_power: float = 0.35
    background: float = 0.8
    smoothing: float = 0.1
    smoothing_limit: float = 4.0


class StreamLabeller(L.LightningModule):
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
        super().__init__()
        # Plain values only, so that a checkpoint loads without running anything; config.yaml has the rest.
        self.save_hyperparameters(ignore=["loss", "contrast", "optimisation", "initial"])
        self.encoder_name, self._options, self._facing = encoder, encoder_options or {}, facing
        self.frame_loss, self.contrast, self.optimisation = loss, contrast, optimisation
        self.contrast_frames = contrast_frames
        self._initial = initial
        self._seed = torch.initial_seed()
        self._commit = ""
        self.network: StreamNetwork
        self.csre: CSRELoss | None = None
        self.membership: Tensor
        self.weights: Tensor

    def configure_model(self) -> None:
        """Build the network for the data at hand; Lightning calls this before fit, validation, test and loading."""
        if hasattr(self, "network"):
            return
        data: StreamData = self.trainer.datamodule  # type: ignore[attr-defined]
        front = StreamFront(data.layout, data.rate_hz, self._facing)
        encoder = build_stream_encoder(
            self.encoder_name, len(data.labels.classes), front.output_layout, front.channels, **self._options
        )
        self.network = StreamNetwork(front, encoder, data.labels.parents)
        if self._initial is not None:
            given = torch.load(self._initial, map_location="cpu", weights_only=True)["state_dict"]
            self.network.load_state_dict(fitting(take(given, "network."), self.network.state_dict()))
        self.register_buffer("membership", data.labels.membership, persistent=False)
        frames = data.class_weights(self.frame_loss.weight_power, self.frame_loss.background)
        self.register_buffer("weights", frames, persistent=False)
        if self.contrast.enabled:
            self.csre = CSRELoss(
                (encoder.feature_channels, self.contrast_frames, encoder.feature_joints),
                data.slot_labels,
                weight=self.contrast.weight,
                temperature=self.contrast.temperature,
                positives=self.contrast.positives,
                negatives=self.contrast.negatives,
                positive_fraction=self.contrast.positive_fraction,
                seed=self._seed,
                dataset=data.identity,
            )
            self._ddp_params_and_buffers_to_ignore = [f"csre.{name}" for name in self.csre.bank_buffers()]

    def on_fit_start(self) -> None:
        """Note the commit that trains; the checkout may move on meanwhile."""
        self._commit = commit()

    def on_train_epoch_start(self) -> None:
        """Seed dropout and augmentation by the epoch: a resumed run then draws what the uninterrupted one would."""
        entropy = np.random.SeedSequence((self._seed, self.global_rank, self.current_epoch))
        torch.manual_seed(int(entropy.generate_state(1)[0]))

    def training_step(self, batch: StreamBatch, batch_idx: int) -> Tensor:
        """Cross-entropy of every frame and its smoothness, plus the contrastive term where it is enabled."""
        output = self.network.features(batch.positions, batch.confidence)
        likelihood, logs = self._likelihood(output.logits, batch.target)
        weight = self.weights[self._counted(batch.target)]
        loss = -(likelihood * weight).sum() / weight.sum().clamp(min=1)
        self._log("train/ce", loss, prog_bar=True)
        limit = self.frame_loss.smoothing_limit
        change = (logs[:, :, 1:] - logs[:, :, :-1].detach()).clamp(-limit, limit)
        loss = loss + self.frame_loss.smoothing * change.square().mean()
        loss = loss - self.optimisation.label_smoothing * logs.mean()
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

    def on_train_epoch_end(self) -> None:
        """Fail loudly when the contrastive branch never wakes up."""
        active = self.trainer.callback_metrics.get("train/active")
        if active is not None and self.current_epoch >= 4 and float(active) == 0:
            raise RuntimeError(
                f"no anchor was active in epoch {self.current_epoch}: the classes are smaller than "
                f"{self.contrast.positives} positives; set contrast.positive_fraction, or lower contrast.positives"
            )

    def validation_step(self, batch: StreamBatch, batch_idx: int) -> None:
        """Loss, and share of the frames whose label is right as reported, among those that have one label."""
        output = self.network.features(batch.positions, batch.confidence)
        likelihood, _ = self._likelihood(output.logits, batch.target)
        target = self._counted(batch.target)
        known = self.weights[target] > 0
        self._log("val/loss", -likelihood[known].mean())
        data: StreamData = self.trainer.datamodule  # type: ignore[attr-defined]
        single = target < len(data.labels.classes)
        said = self.network.merged(output.logits.mT)[:, self.frame_loss.delay_frames + _WARM_FRAMES :].argmax(-1)
        parents = torch.tensor(data.labels.parents, device=target.device)
        right = said == parents[target.clamp(max=len(parents) - 1)]
        self._log("val/frames", right[single].float().mean(), prog_bar=True)

    def configure_optimizers(self) -> Any:
        """Optimiser and per-epoch schedule."""
        optimiser = self.optimisation.build(self.parameters())
        epochs = self.trainer.max_epochs or 1
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda epoch: self.optimisation.factor(epoch, epochs))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the banks beside the weights, so that a resumed run goes on as if it had not stopped, and the commit."""
        checkpoint["identity"], checkpoint["commit"] = self._identity(), self._commit
        if self.csre is not None:
            checkpoint["csre"] = self.csre.training_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the banks.

        Raises:
            ValueError: The checkpoint belongs to a run with another encoder, layout, data, window or contrast.
        """
        ours, theirs = self._identity(), checkpoint.get("identity", {})
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
        data: StreamData = self.trainer.datamodule  # type: ignore[attr-defined]
        return {
            "encoder": f"stream {self.encoder_name}",
            "encoder options": str(self._options),
            "facing": str(self._facing),
            "layout": data.layout.name,
            "window": f"{data.frames} frames",
            "classes": ", ".join(data.labels.classes),
            "batch": str(data.batch_size * self.trainer.world_size),
            "loss": str(self.frame_loss),
            "contrast": str(replace(self.contrast, restore_banks=True)) if self.contrast.enabled else "off",
            "data": data.identity,
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
