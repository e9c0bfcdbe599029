"""From frames in metres to the input of a streaming encoder, causally: the first part of a stream bundle's graph.

Arms, head and hips are measured from between the shoulders, legs from between the hips, in every frame, in units of a
running body size. In three dimensions the body is turned so that its running heading faces the camera; in two it is
mirrored where it is seen from behind. One more point holds what a per-frame origin hides: the height of the body
against its running mean, and its travel. Every point comes with its velocity and with whether it was seen.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from csre_ros.skeleton import SkeletonLayout
from csre_ros.skeleton.proportions import TYPICAL_M
from models.encoders.streaming.base import StateShapes
from models.encoders.streaming.causal import States
from models.network.origins import Origins, with_point

_SIZE_S, _HEADING_S, _HEIGHT_S = 4.0, 0.5, 2.0
"""Reach of the running means of body size, heading and height, in seconds."""

_UNIT = 2.5
"""Input units per body size of one metre of typical bones: encoders want inputs of order one."""
_VELOCITY_UNIT = 0.5
_LIMIT = 6.0


class StreamFront(nn.Module):
    """``[N, T, V, D]`` frames as ``[N, 2 D + 2, T, V + 1]``: position and seen, then velocity and seen at both ends.

    Args:
        layout: Must name the joints of ``body13``.
        rate_hz: Frames per second.
        facing: Turn bodies to face the camera; in two dimensions exchange the picture's sides where the left shoulder
            and hip are on its left, since people look from behind as they do mirrored from the front.

    Attributes:
        channels: Channels of position and of motion.
        output_layout: The layout with the point of the body, hung on the head.
    """

    def __init__(self, layout: SkeletonLayout, rate_hz: float, facing: bool = True) -> None:
        super().__init__()
        self.dims = layout.dims
        self.facing = facing
        self.rate_hz = rate_hz
        self.channels = (self.dims + 1, self.dims + 1)
        self.output_layout = with_point(layout, "body")
        self.origins = Origins(layout)
        self.register_buffer("typical", torch.tensor(list(TYPICAL_M.values())), persistent=False)
        self.typical: Tensor
        self._from = [layout.index[one] for one, _ in TYPICAL_M]
        self._to = [layout.index[other] for _, other in TYPICAL_M]

    def state_shapes(self) -> StateShapes:
        """Shapes of all states."""
        points = len(self.output_layout)
        shapes: StateShapes = {"size": (2,), "height": (2,), "points": (points, self.dims), "known": (points, 1)}
        return shapes | ({"heading": (self.dims - 1,)} if self.facing else {})

    def forward(self, positions: Tensor, confidence: Tensor, states: Mapping[str, Tensor]) -> tuple[Tensor, States]:
        """Shape the frames that follow the states.

        Args:
            positions: ``[N, T, V, D]``; anything, NaN included, where not seen.
            confidence: ``[N, T, V]``.
            states: What is remembered.
        """
        after: States = {}
        body = self.origins(positions, confidence)
        positions, seen, local, known = body[:4]
        chest_seen, pelvis_seen = body.chest_seen, body.pelvis_seen
        root_seen = torch.maximum(chest_seen, pelvis_seen)
        root = torch.where(pelvis_seen > 0, body.pelvis, body.chest)

        size, after["size"] = self._size(positions, seen, states["size"])
        height, after["height"] = self._height(root, root_seen, states["height"])
        # The body's own point stands where it is, for its velocity; its position is replaced by the height below.
        points = torch.cat((local, root), dim=2)
        known = torch.cat((known, root_seen), dim=2)
        points_before = torch.cat((states["points"][:, None], points[:, :-1]), dim=1)
        known_before = torch.cat((states["known"][:, None], known[:, :-1]), dim=1)
        after["points"], after["known"] = points[:, -1], known[:, -1]
        moved = known * known_before
        velocity = (points - points_before) * moved * (self.rate_hz * _VELOCITY_UNIT) / size
        rise = torch.cat((torch.zeros_like(height), height, *[torch.zeros_like(height)] * (self.dims - 2)), dim=-1)
        position = torch.cat((local, rise), dim=2) * _UNIT / size
        if self.facing:
            turn, after["heading"] = (self._turn if self.dims == 3 else self._flip)(positions, seen, states["heading"])
            position, velocity = position @ turn, velocity @ turn
        x = torch.cat((position.clamp(-_LIMIT, _LIMIT), known, velocity.clamp(-_LIMIT, _LIMIT), moved), dim=-1)
        return x.permute(0, 3, 1, 2), after

    def _size(self, positions: Tensor, seen: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Running mean of how long the seen bones are against typical ones ``[N, T, 1, 1]``."""
        lengths = (positions[:, :, self._from] - positions[:, :, self._to]).square().sum(-1).sqrt()
        both = (seen[:, :, self._from] * seen[:, :, self._to])[..., 0]
        total = both.sum(-1)
        ratio = (lengths * both).sum(-1) / (self.typical * both).sum(-1).clamp(min=1e-6)
        present = (total > 0).to(ratio.dtype)
        mean, after = self._running(torch.stack((ratio * present, present), -1), before, _SIZE_S)
        size = mean[..., 0] / mean[..., 1].clamp(min=1e-6)
        size = torch.where(size > 0, size, torch.ones_like(size))
        return size.clamp(min=1e-3)[..., None, None], after

    def _height(self, root: Tensor, root_seen: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Height of the body less its running mean ``[N, T, 1, 1]``, down positive."""
        height, present = root[..., 1:2], root_seen
        mean, after = self._running(torch.cat((height * present, present), -1)[:, :, 0], before, _HEIGHT_S)
        middle = (mean[..., 0] / mean[..., 1].clamp(min=1e-6))[..., None, None]
        return (height - middle) * present, after

    def _turn(self, positions: Tensor, seen: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Rotation of row vectors that brings the running line from right to left to the x axis ``[N, T, 3, 3]``."""
        mean, after = self._running(self._line(positions, seen)[..., [0, 2]], before, _HEADING_S)
        length = mean.square().sum(-1).sqrt()
        sure = length > 1e-4
        length = length.clamp(min=1e-4)
        cos = torch.where(sure, mean[..., 0] / length, torch.ones_like(length))
        sin = torch.where(sure, mean[..., 1] / length, torch.zeros_like(length))
        zero, one = torch.zeros_like(cos), torch.ones_like(cos)
        rows = torch.stack((cos, zero, -sin, zero, one, zero, sin, zero, cos), dim=-1)
        return rows.reshape(*cos.shape, 3, 3), after

    def _flip(self, positions: Tensor, seen: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Matrix of row vectors that brings the left side of the body to larger x ``[N, T, 2, 2]``."""
        mean, after = self._running(self._line(positions, seen)[..., :1], before, _HEADING_S)
        side = torch.where(mean[..., 0] < 0, -1.0, 1.0).to(mean.dtype)
        zero, one = torch.zeros_like(side), torch.ones_like(side)
        return torch.stack((side, zero, zero, one), dim=-1).reshape(*side.shape, 2, 2), after

    def _line(self, positions: Tensor, seen: Tensor) -> Tensor:
        """The line from the right side of the body to the left one ``[N, T, D]``; zero where neither end is seen."""
        line = torch.zeros_like(positions[:, :, 0])
        for left, right in (self.origins.shoulders, self.origins.hips):
            line = line + (positions[:, :, left] - positions[:, :, right]) * seen[:, :, left] * seen[:, :, right]
        return line

    def _running(self, values: Tensor, before: Tensor, seconds: float) -> tuple[Tensor, Tensor]:
        """Sums ``[N, T, C]`` of values that fade within some seconds, and the last one."""
        frames = values.shape[1]
        decay = 1 - 1 / (seconds * self.rate_hz)
        age = torch.arange(frames, device=values.device)
        ages = age[:, None] - age[None]
        fade = torch.where(ages >= 0, decay ** ages.clamp(min=0).to(values.dtype), 0.0)
        sums = fade @ values + (decay ** (age + 1).to(values.dtype))[:, None] * before[:, None]
        return sums, sums[:, -1]
