"""Joints measured from their own body part, frame by frame: how the inputs of windows and of streams begin alike.

Arms and head are measured from between the shoulders, legs from between the hips. Where a person stands does not matter
then.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from csre_ros.skeleton import SkeletonLayout
from csre_ros.skeleton.proportions import SEEN


class Local(NamedTuple):
    """Bodies measured from their own parts.

    Attributes:
        positions: Joints as they are ``[..., V, D]``, 0 where not seen.
        seen: Whether each is ``[..., V, 1]``.
        local: Joints from their origins ``[..., V, D]``, 0 where not known.
        known: Whether joint and origin are seen ``[..., V, 1]``.
        chest: Between the shoulders ``[..., 1, D]``.
        chest_seen: Whether one of them is ``[..., 1, 1]``.
        pelvis: Between the hips ``[..., 1, D]``.
        pelvis_seen: Whether one of them is ``[..., 1, 1]``.
    """

    positions: Tensor
    seen: Tensor
    local: Tensor
    known: Tensor
    chest: Tensor
    chest_seen: Tensor
    pelvis: Tensor
    pelvis_seen: Tensor


class Origins(nn.Module):
    """From frames in metres or image heights to :class:`Local`.

    Args:
        layout: Must name shoulders, hips, knees and ankles.
    """

    def __init__(self, layout: SkeletonLayout) -> None:
        super().__init__()
        leg = {f"{side}_{joint}" for side in ("left", "right") for joint in ("knee", "ankle")}
        below = torch.tensor([joint in leg for joint in layout.joints], dtype=torch.float32)
        self.register_buffer("below", below[:, None], persistent=False)
        self.below: Tensor
        self.shoulders = [layout.index["left_shoulder"], layout.index["right_shoulder"]]
        self.hips = [layout.index["left_hip"], layout.index["right_hip"]]

    def forward(self, positions: Tensor, confidence: Tensor) -> Local:
        """Measure the joints of every frame.

        Args:
            positions: ``[..., V, D]``; anything, NaN included, where not seen.
            confidence: ``[..., V]``.
        """
        seen = (confidence >= SEEN).to(positions.dtype)[..., None]
        positions = torch.where(seen > 0, positions, torch.zeros_like(positions))
        chest, chest_seen = _mean(positions, seen, self.shoulders)
        pelvis, pelvis_seen = _mean(positions, seen, self.hips)
        origin = chest * (1 - self.below) + pelvis * self.below
        known = seen * (chest_seen * (1 - self.below) + pelvis_seen * self.below)
        local = (positions - origin) * known
        return Local(positions, seen, local, known, chest, chest_seen, pelvis, pelvis_seen)


def with_point(layout: SkeletonLayout, name: str) -> SkeletonLayout:
    """The layout with one more point, hung on the root, which stands for what per-frame origins hide."""
    return SkeletonLayout(
        f"{layout.name}+{name}",
        (*layout.joints, name),
        (*layout.bones, (name, layout.root)),
        layout.root,
        {**layout.parts, name: (name,)},
        layout.dims,
    )


def _mean(positions: Tensor, seen: Tensor, joints: list[int]) -> tuple[Tensor, Tensor]:
    """Mean of those of two joints that are seen, and whether any was."""
    weights = seen[..., joints, :]
    total = weights.sum(dim=-2, keepdim=True)
    centre = (positions[..., joints, :] * weights).sum(dim=-2, keepdim=True) / total.clamp(min=1)
    return centre, (total > 0).to(positions.dtype)
