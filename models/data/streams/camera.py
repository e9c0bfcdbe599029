"""Virtual cameras: what a 2-D pose estimator would have seen of a body in space.

On whole batches on the device. Image points are divided by the height of the picture, x to the right, y down, so that a
bundle needs to know one length only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from models.data.augment import rotation_matrices
from models.data.streams.stream import RATE_HZ
from models.data.synthesis import BODY

_NEAREST_M = 0.5


@dataclass(frozen=True)
class VirtualCamera:
    """Ranges of the cameras and of what their pose estimators get wrong.

    Attributes:
        height_m: Of the camera over the ground.
        distance_m: From the camera to the person.
        pitch_deg: Half range of the camera's tilt.
        roll_deg: Half range of its roll.
        field_deg: Range of the vertical field of view.
        aspect: Range of the picture's width over its height.
        cropped: Share of windows in which the person stands so that the picture cuts the body.
        noise: Largest standard deviation of key points, in body heights.
        swapped: Share of windows in which left and right are exchanged for a while.
        shaken: Share of windows whose camera trembles or pans.
        nearing: Share of windows in which a robot drives up to the person, or away.
        drive_m_s: Greatest speed at which it does.
    """

    height_m: tuple[float, float] = (0.3, 2.2)
    distance_m: tuple[float, float] = (1.0, 6.0)
    pitch_deg: float = 30.0
    roll_deg: float = 5.0
    field_deg: tuple[float, float] = (35.0, 75.0)
    aspect: tuple[float, float] = (0.6, 1.9)
    cropped: float = 0.3
    noise: float = 0.012
    swapped: float = 0.06
    shaken: float = 0.15
    nearing: float = 0.3
    drive_m_s: float = 1.5

    def __call__(self, positions: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
        """Project ``[B, T, 13, 3]`` metres of people who have every heading already.

        Returns:
            ``[B, T, 13, 2]`` image points over the picture's height, and ``[B, T, 13]``: 0 outside the picture.
        """
        size = len(positions)
        draw = _Draw(positions, size)
        ankles = [BODY.index["left_ankle"], BODY.index["right_ankle"]]
        hips = [BODY.index["left_hip"], BODY.index["right_hip"]]
        pelvis = positions[:, :1, hips].mean(2, keepdim=True)
        ground = positions[:, :, ankles, 1].amax(dim=(1, 2)) - pelvis[:, 0, 0, 1]
        distance = draw.between(*self.distance_m).square() / self.distance_m[1]
        distance = distance.clamp(min=self.distance_m[0])
        place = torch.zeros(size, 3, device=positions.device)
        place[:, 1] = draw.between(*self.height_m) - ground  # of the camera's eye, y down
        place[:, 2] = distance
        body = positions - pelvis + place[:, None, None]
        body[..., 2] += self._driven(positions.shape[1], draw)[..., None]
        # The tilt that looks at the middle of the body, and some error; mostly small, for the body is in the picture.
        field = torch.deg2rad(draw.between(*self.field_deg))
        look = torch.atan2(place[:, 1], distance)
        error = torch.where(draw.chance(self.cropped), draw.between(-0.55, 0.55), draw.between(-0.18, 0.18))
        limit = math.radians(self.pitch_deg)
        pitch = (look + error * field).clamp(-limit, limit)
        roll = torch.deg2rad(draw.between(-self.roll_deg, self.roll_deg))
        yaw = torch.where(draw.chance(self.cropped), draw.between(-0.5, 0.5), draw.between(-0.2, 0.2)) * field
        turn = rotation_matrices(yaw, pitch, roll)
        seen = body @ turn.transpose(1, 2)[:, None]
        depth = seen[..., 2:].clamp(min=_NEAREST_M)
        points = seen[..., :2] / depth * (0.5 / torch.tan(field / 2))[:, None, None, None]
        inside = points[..., 1].abs() < 0.5
        inside &= points[..., 0].abs() < (draw.between(*self.aspect) / 2)[:, None, None]
        inside &= seen[..., 2] > _NEAREST_M
        return self._noisy(points, draw), confidence * inside

    def _driven(self, steps: int, draw: _Draw) -> Tensor:
        """``[B, T]`` how much further away than at its nearest the camera is."""
        speed = draw.between(-self.drive_m_s, self.drive_m_s) * draw.chance(self.nearing)
        clock = torch.arange(steps, device=speed.device)[None]
        begin = draw.between(-0.5 * steps, 0.7 * steps)[:, None]
        driven = ((clock - begin).clamp(min=0).clamp(max=0.5 * steps) / RATE_HZ) * speed[:, None]
        return driven - driven.amin(dim=1, keepdim=True)

    def _noisy(self, points: Tensor, draw: _Draw) -> Tensor:
        height = (points[..., 1].amax(dim=(1, 2)) - points[..., 1].amin(dim=(1, 2)))[:, None, None, None]
        points = points + torch.randn_like(points) * height * draw.between(0, self.noise)[:, None, None, None]
        steps = points.shape[1]
        clock = torch.arange(steps, device=points.device)[None]
        start = draw.between(0, steps)[:, None]
        during = (clock >= start) & (clock < start + draw.between(1, 8)[:, None])
        exchanged = (draw.chance(self.swapped)[:, None] & during)[..., None, None]
        points = torch.where(exchanged, points[:, :, list(BODY.mirror)], points)
        pan = torch.randn(len(points), steps, 1, 2, device=points.device).cumsum(1)
        strength = draw.between(0, 0.01) * draw.chance(self.shaken)
        return points + pan * strength[:, None, None, None]


class _Draw:
    """Random numbers for every sample of a batch."""

    def __init__(self, like: Tensor, size: int) -> None:
        self._device, self._size = like.device, size

    def between(self, low: float, high: float) -> Tensor:
        return torch.empty(self._size, device=self._device).uniform_(low, high)

    def chance(self, share: float) -> Tensor:
        return torch.rand(self._size, device=self._device) < share
