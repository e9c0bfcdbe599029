"""Skeletons of whatever layout, retargeted: as arrays of the one layout that the bundle was trained on."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from csre_ros.skeleton import FloatArray, LayoutMapping, Skeleton, SkeletonLayout

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Bodies:
    """The usable people of one frame.

    Attributes:
        skeletons: As they came.
        positions: ``[N, V, dims]`` float32 in the common layout; 0 where a joint is missing.
        confidence: ``[N, V]`` float32; 0 where a joint is missing, above 0 for at least one joint of everybody.
    """

    skeletons: tuple[Skeleton, ...]
    positions: FloatArray
    confidence: FloatArray


# A bundle for image points sees people in metres as a camera with a vertical field of view of 47 degrees would: which
# one does not matter to it, since it measures everybody by their own size.
_FOCAL_HEIGHTS = 1.15
_NEAREST_M = 0.1


class Intake:
    """Maps skeletons into one layout and refuses those that cannot be mapped.

    People in metres are projected where the common layout is one of image points. Depth is never invented.

    Args:
        layout: The common layout.
        counts: Where refused skeletons are counted: ``wrong_layout`` and ``nothing_visible``.
    """

    def __init__(self, layout: SkeletonLayout, counts: Counter[str] | None = None) -> None:
        self._layout = layout
        self._counts: Counter[str] = Counter() if counts is None else counts
        self._mappings: dict[SkeletonLayout, LayoutMapping | None] = {}

    def step(self, skeletons: Sequence[Skeleton]) -> Bodies:
        """Map the people of one frame."""
        known = [skeleton for skeleton in skeletons if self._mapping(skeleton.layout) is not None]
        self._count("wrong_layout", len(skeletons) - len(known))
        positions = np.zeros((len(known), len(self._layout), self._layout.dims), dtype=np.float32)
        confidence = np.zeros(positions.shape[:2], dtype=np.float32)
        for layout in {skeleton.layout for skeleton in known}:
            mapping = self._mapping(layout)
            assert mapping is not None
            rows = [i for i, skeleton in enumerate(known) if skeleton.layout == layout]
            own, seen = np.stack([known[i].positions for i in rows]), np.stack([known[i].confidence for i in rows])
            if layout.dims > self._layout.dims:
                own, seen = _projected(own, seen)
            positions[rows], confidence[rows] = mapping.apply(own, seen)
        visible = confidence.any(axis=1)
        self._count("nothing_visible", int((~visible).sum()))
        positions, confidence = positions[visible], confidence[visible]
        positions[confidence == 0] = 0
        return Bodies(tuple(known[i] for i in np.flatnonzero(visible)), positions, confidence)

    def _mapping(self, layout: SkeletonLayout) -> LayoutMapping | None:
        """How a layout is mapped; None, and said once, where it cannot be."""
        if layout not in self._mappings:
            mapping = LayoutMapping(layout, self._layout)
            usable = layout.dims >= self._layout.dims and len(mapping.missing) < len(self._layout)
            if not usable:
                _log.warning(
                    "skeletons of layout %r (%d-D) are refused: the bundle needs %d-D skeletons with joints "
                    "such as %s; use a bundle that was trained for this source",
                    *(layout.name, layout.dims, self._layout.dims, ", ".join(self._layout.joints[:5])),
                )
            self._mappings[layout] = mapping if usable else None
        return self._mappings[layout]

    def _count(self, reason: str, number: int) -> None:
        if number:
            self._counts[reason] += number


def _projected(positions: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Image points ``[..., 2]`` in image heights of optical metres ``[..., 3]``; what is not in front is not seen."""
    depth = positions[..., 2:]
    ahead = depth[..., 0] > _NEAREST_M
    points = positions[..., :2] / np.where(ahead[..., None], depth, np.nan) * np.float32(_FOCAL_HEIGHTS) + np.float32(
        0.5
    )
    return points.astype(np.float32), np.where(ahead, confidence, 0).astype(np.float32)
