"""Augmentation of whole batches on the device: view, depth, body size, noise, and what a camera cannot see.

Each step is a function of a batch; ``Augmentation`` applies them in order. Angles and ranges follow what was measured
to carry over from depth cameras to webcams.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from models.data.synthesis import arm, hips, legs


def _uniform(like: Tensor, low: float, high: float, *shape: int) -> Tensor:
    return torch.empty(*shape, device=like.device, dtype=torch.float32).uniform_(low, high)


def _chance(like: Tensor, share: float) -> Tensor:
    return torch.rand(len(like), device=like.device) < share


def rotation_matrices(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """``[B, 3, 3]`` rotations about the vertical (y), then the lateral (x), then the viewing axis (z), in radians."""
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, dim=-1).reshape(-1, 3, 3)

    about_y = matrix(yaw.cos(), zero, yaw.sin(), zero, one, zero, -yaw.sin(), zero, yaw.cos())
    about_x = matrix(one, zero, zero, zero, pitch.cos(), -pitch.sin(), zero, pitch.sin(), pitch.cos())
    about_z = matrix(roll.cos(), -roll.sin(), zero, roll.sin(), roll.cos(), zero, zero, zero, one)
    return about_z @ about_x @ about_y


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the augmentation.

    Attributes:
        yaw_deg: Half range of the view about the vertical.
        pitch_deg: Half range of the camera's tilt.
        roll_deg: Half range of the camera's roll.
        depth: Range of the factor on depth, drawn log-uniformly for ``depth_share`` of the windows.
        depth_share: Share of windows whose depth is scaled.
        size: Range of the factor on the whole body.
        noise_m: Largest standard deviation of white noise on joints, in metres.
        drift_m: Largest standard deviation of the slow wandering of the whole body, in metres.
        wobble_m: Largest standard deviation of the slow wandering of every joint for itself, across the view.
        wobble_depth_m: The same along the view: pose estimators know depth worst.
        locked_share: Share of windows whose pelvis is nailed down, as sources without a position in space deliver them.
        no_legs: Share of windows without legs, among labels that can be told without.
        no_arm: Share of windows that lose one arm.
        holes: Share of windows in which single joints vanish for a while.
    """

    yaw_deg: float = 40.0
    pitch_deg: float = 17.0
    roll_deg: float = 6.0
    depth: tuple[float, float] = (0.37, 1.65)
    depth_share: float = 0.7
    size: tuple[float, float] = (0.8, 1.15)
    noise_m: float = 0.015
    drift_m: float = 0.03
    wobble_m: float = 0.0
    wobble_depth_m: float = 0.0
    locked_share: float = 0.4
    no_legs: float = 0.25
    no_arm: float = 0.05
    holes: float = 0.15

    def __call__(self, positions: Tensor, confidence: Tensor, keeps_legs: Tensor) -> tuple[Tensor, Tensor]:
        """Augment a batch.

        Args:
            positions: ``[B, T, V, 3]`` in the ``body13`` layout.
            confidence: ``[B, T, V]``.
            keeps_legs: ``[B]`` True where the label needs its legs.
        """
        root = positions[:, :, hips()].mean(dim=2, keepdim=True)
        body = self._view(positions - root)
        body = body + self._noise(body)
        if self.wobble_m or self.wobble_depth_m:
            body = body + self._wobble(body)
        root = self._root(root)
        return body + root, self._hide(confidence.clone(), keeps_legs)

    def _view(self, body: Tensor) -> Tensor:
        size = len(body)
        limits = (self.yaw_deg, self.pitch_deg, self.roll_deg)
        turn = rotation_matrices(*(torch.deg2rad(_uniform(body, -limit, limit, size)) for limit in limits))
        body = body @ turn.transpose(1, 2)[:, None]
        low, high = (math.log(value) for value in self.depth)
        depth = _uniform(body, low, high, size).exp()
        depth = torch.where(_chance(body, self.depth_share), depth, torch.ones_like(depth))
        factors = torch.stack((torch.ones_like(depth), torch.ones_like(depth), depth), dim=-1)
        return body * (factors * _uniform(body, *self.size, size, 1))[:, None, None]

    def _noise(self, body: Tensor) -> Tensor:
        deviation = _uniform(body, 0, self.noise_m, len(body), 1, 1, 1)
        return torch.randn_like(body) * deviation

    def _wobble(self, body: Tensor) -> Tensor:
        """What a pose estimator believes for a while and then no more, between a quarter second and one."""
        size, steps, joints, _ = body.shape
        knots = torch.randn(size, joints * 3, 2 + steps // int(torch.randint(4, 16, ())), device=body.device)
        path = interpolate(knots, steps, mode="linear", align_corners=True).reshape(size, joints, 3, steps)
        across = _uniform(body, 0, self.wobble_m, size, 1)
        along = _uniform(body, 0, self.wobble_depth_m, size, 1)
        deviation = torch.cat((across, across, along), dim=-1)
        return path.permute(0, 3, 1, 2) * deviation[:, None, None]

    def _root(self, root: Tensor) -> Tensor:
        """Let the whole body wander slowly, or nail its pelvis down."""
        steps = torch.randn_like(root) * _uniform(root, 0, self.drift_m, len(root), 1, 1, 1) / root.shape[1] ** 0.5
        wandering = root + steps.cumsum(dim=1)
        locked = _chance(root, self.locked_share)[:, None, None, None]
        return torch.where(locked, root[:, :1].expand_as(root), wandering)

    def _hide(self, confidence: Tensor, keeps_legs: Tensor) -> Tensor:
        self._drop(confidence, _chance(confidence, self.no_legs) & ~keeps_legs, legs())
        self._drop(confidence, (confidence[:, :, legs()].sum(dim=(1, 2)) == 0) & _chance(confidence, 0.5), hips())
        for side in ("left", "right"):
            self._drop(confidence, _chance(confidence, self.no_arm / 2), arm(side)[1:])
        size, steps, joints = confidence.shape
        start = _uniform(confidence, -0.3, 1.0, size, 1, joints) * steps
        length = _uniform(confidence, 0.1, 0.5, size, 1, joints) * steps
        clock = torch.arange(steps, device=confidence.device)[None, :, None]
        chosen = _chance(confidence, self.holes)[:, None, None] & (_uniform(confidence, 0, 1, size, 1, joints) < 0.2)
        return confidence.masked_fill(chosen & (clock >= start) & (clock < start + length), 0.0)

    @staticmethod
    def _drop(confidence: Tensor, rows: Tensor, joints: Sequence[int]) -> None:
        for joint in joints:
            confidence[:, :, joint] = confidence[:, :, joint].masked_fill(rows[:, None], 0.0)
