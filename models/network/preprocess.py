"""From a window to the input of an encoder: the first part of a bundle's graph, and of a training step.

Arms and head are measured from between the shoulders, legs from between the hips, in every frame: where a person stands
does not matter. What a per-frame origin hides, the rise and fall of the body, comes back as one more point: the height
of the shoulders against their mean over the window. Whether a joint was seen is an input channel.

Layouts with a depth come in metres, the others as image points, both coordinates divided by the height of the image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from csre_ros.skeleton import SkeletonLayout
from csre_ros.skeleton.proportions import SEEN
from models.network.origins import Origins, with_point

UNIT = {3: 0.25, 2: 0.1}
"""Metres, or image heights, per input unit, by number of coordinates: about a forearm, in a picture that a body half
fills. Encoders without batch norm want inputs of order one."""

_FLAT_M = 1e-6
"""An axis along which a window extends less is not stretched."""


class PartLocal(nn.Module):
    """``body13`` windows as ``[B, 4, T, 14, P]``: x, y, z, seen; the thirteen joints and the height point.

    Of a layout without depth: x, y, seen.

    Args:
        layout: Must name shoulders, hips, knees and ankles.

    Attributes:
        channels: One more than the layout has coordinates.
        output_layout: The layout with the height point, hung on the head.
    """

    def __init__(self, layout: SkeletonLayout) -> None:
        super().__init__()
        self.channels, self._unit = layout.dims + 1, UNIT[layout.dims]
        self.output_layout = with_point(layout, "height")
        self.origins = Origins(layout)

    def forward(self, positions: Tensor, confidence: Tensor) -> Tensor:
        """Shape a window for the encoder.

        Args:
            positions: ``[B, P, T, V, dims]``, y down; anything, NaN included, where not seen.
            confidence: ``[B, P, T, V]``.
        """
        body = self.origins(positions, confidence)
        chest, chest_seen = body.chest, body.chest_seen
        height = chest[..., 1:2]
        mean = (height * chest_seen).sum(dim=2, keepdim=True) / chest_seen.sum(dim=2, keepdim=True).clamp(min=1)
        rise = (height - mean) * chest_seen / self._unit
        beside = torch.zeros_like(chest)
        height_point = torch.cat((beside[..., :1], rise, beside[..., 2:], chest_seen), dim=-1)
        points = torch.cat((torch.cat((body.local / self._unit, body.known), dim=-1), height_point), dim=3)
        return points.permute(0, 4, 2, 3, 1)


class Plain(nn.Module):
    """Any layout as ``[B, dims, T, V, P]``, measured from the first person's root in the first frame that shows it.

    The preprocessing of the data-set protocols, where hardly anything is unseen.
    """

    def __init__(self, layout: SkeletonLayout) -> None:
        super().__init__()
        self.channels, self.output_layout = layout.dims, layout
        self._root = layout.index[layout.root]

    def forward(self, positions: Tensor, confidence: Tensor) -> Tensor:
        """Shape a window for the encoder; unseen joints become the origin."""
        seen = (confidence >= SEEN)[..., None]
        first = seen[:, :1, :, self._root : self._root + 1].int().argmax(dim=2, keepdim=True)
        roots = positions[:, :1, :, self._root : self._root + 1]
        origin = roots.gather(2, first.expand(-1, -1, -1, -1, positions.shape[-1]))
        return torch.where(seen, positions - origin, torch.zeros_like(positions)).permute(0, 4, 2, 3, 1)


class Given(nn.Module):
    """Any layout as ``[B, dims, T, V, P]``, measured from wherever the data set has put its origin."""

    def __init__(self, layout: SkeletonLayout) -> None:
        super().__init__()
        self.channels, self.output_layout = layout.dims, layout

    def forward(self, positions: Tensor, confidence: Tensor) -> Tensor:
        """Shape a window for the encoder; unseen joints become the origin."""
        seen = (confidence >= SEEN)[..., None]
        return torch.where(seen, positions, torch.zeros_like(positions)).permute(0, 4, 2, 3, 1)


class UnitBox(nn.Module):
    """Any layout as ``[B, dims, T, V, P]``, each axis of each window stretched so that its seen joints fill -1 to 1.

    As published for NW-UCLA, but of the window: in training the data do it, to whole clips. An axis on which nothing
    differs becomes 0.
    """

    def __init__(self, layout: SkeletonLayout) -> None:
        super().__init__()
        self.channels, self.output_layout = layout.dims, layout

    def forward(self, positions: Tensor, confidence: Tensor) -> Tensor:
        """Shape a window for the encoder; unseen joints become the middle of the box."""
        seen = (confidence >= SEEN)[..., None]
        low = positions.masked_fill(~seen, torch.inf).amin(dim=(1, 2, 3), keepdim=True)
        high = positions.masked_fill(~seen, -torch.inf).amax(dim=(1, 2, 3), keepdim=True)
        flat = high - low < _FLAT_M
        scaled = (positions - (low + high) / 2) * (2 / (high - low))
        return torch.where(seen & ~flat, scaled, torch.zeros_like(scaled)).permute(0, 4, 2, 3, 1)


class FrameCentred(nn.Module):
    """Any layout as ``[B, dims, T, V, P]``, everybody measured from the first person's spine, frame by frame.

    As in the public reproduction of HCN on NTU RGB+D, but for its rounding to 256 steps. Layouts without a spine: from
    the root. Frames in which that joint is not seen stay as they are.
    """

    def __init__(self, layout: SkeletonLayout) -> None:
        super().__init__()
        self.channels, self.output_layout = layout.dims, layout
        self._centre = layout.index["spine_mid" if "spine_mid" in layout.index else layout.root]

    def forward(self, positions: Tensor, confidence: Tensor) -> Tensor:
        """Shape a window for the encoder; unseen joints become the origin."""
        seen = (confidence >= SEEN)[..., None]
        origin = positions[:, :1, :, self._centre : self._centre + 1]
        origin = torch.where(seen[:, :1, :, self._centre : self._centre + 1], origin, torch.zeros_like(origin))
        return torch.where(seen, positions - origin, torch.zeros_like(positions)).permute(0, 4, 2, 3, 1)


Preprocess = PartLocal | Plain | Given | UnitBox | FrameCentred

PREPROCESSORS: dict[str, type[Preprocess]] = {
    "part_local": PartLocal,
    "plain": Plain,
    "given": Given,
    "unit_box": UnitBox,
    "frame_centred": FrameCentred,
}


def build_preprocess(name: str, layout: SkeletonLayout) -> Preprocess:
    """Construct the first part of a graph by its name.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in PREPROCESSORS:
        raise ValueError(f"unknown preprocess {name!r}; choose one of: {', '.join(PREPROCESSORS)}")
    return PREPROCESSORS[name](layout)
