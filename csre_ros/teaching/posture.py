"""The posture of one person, frame by frame: joints about the shoulders and hips, in body sizes, turned to the camera.

Causal, with what it needs of the past in a few running means, so that an example and a stream are shaped alike.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray, SkeletonLayout
from csre_ros.skeleton.proportions import SEEN, TRUNK_AND_ARMS_M

_ABOUT_SHOULDERS = ("head", "left_elbow", "left_wrist", "right_elbow", "right_wrist")
_ABOUT_HIPS = ("left_knee", "left_ankle", "right_knee", "right_ankle")
_Array = NDArray[np.floating[Any]]

_SIZE_S, _HEADING_S, _HEIGHT_S = 4.0, 1.0, 2.0


class Shape(NamedTuple):
    """The posture in one frame.

    Attributes:
        points: ``[K, dims]`` typical metres: head, arms and legs about their roots, and the height of the shoulders
            against their running mean.
        known: ``[K]`` whether each was seen.
    """

    points: FloatArray
    known: FloatArray


class Posture:
    """Shapes the frames of one person.

    Args:
        layout: Layout of the joints; must name those of ``body13``.
        rate_hz: Frames per second.
    """

    def __init__(self, layout: SkeletonLayout, rate_hz: float) -> None:
        self._rate = rate_hz
        self._dims = layout.dims
        self._arms = [layout.index[name] for name in _ABOUT_SHOULDERS]
        self._legs = [layout.index[name] for name in _ABOUT_HIPS]
        self._shoulders = [layout.index[f"{side}_shoulder"] for side in ("left", "right")]
        self._hips = [layout.index[f"{side}_hip"] for side in ("left", "right")]
        self._ends = np.array([[layout.index[one], layout.index[other]] for one, other in TRUNK_AND_ARMS_M])
        self._lengths = np.array(list(TRUNK_AND_ARMS_M.values()))
        self.reset()

    def reset(self) -> None:
        """Forget the person."""
        self._size = np.zeros(2)
        self._line = np.zeros(2)
        self._height = np.zeros(2)

    def step(self, positions: FloatArray, confidence: FloatArray) -> Shape:
        """Shape a frame of ``[V, dims]`` and ``[V]``; what is not seen may hold anything."""
        seen = (confidence >= SEEN).astype(np.float64)
        points = np.where(seen[:, None] > 0, positions, 0).astype(np.float64)
        chest, chest_seen = _middle(points, seen, self._shoulders)
        pelvis, pelvis_seen = _middle(points, seen, self._hips)
        size = self._sized(points, seen)
        height = self._risen(chest[1], chest_seen, size)
        local = np.concatenate((points[self._arms] - chest, points[self._legs] - pelvis)) / size
        if self._dims == 3:
            local = self._facing(points, seen, local)
        rise = np.zeros((1, self._dims))
        rise[0, 1] = height
        known = np.r_[seen[self._arms] * chest_seen, seen[self._legs] * pelvis_seen, chest_seen]
        return Shape((np.concatenate((local, rise)) * known[:, None]).astype(np.float32), known.astype(np.float32))

    def _sized(self, points: _Array, seen: _Array) -> float:
        both = seen[self._ends].prod(axis=1)
        lengths = np.linalg.norm(points[self._ends[:, 0]] - points[self._ends[:, 1]], axis=1)
        if both.any():
            self._fade(self._size, float((lengths * both).sum() / (self._lengths * both).sum()), _SIZE_S)
        return float(max(self._size[0] / max(self._size[1], 1e-6), 1e-3)) if self._size[1] else 1.0

    def _risen(self, height: float, seen: float, size: float) -> float:
        """How far the shoulders are below their running mean."""
        if not seen:
            return 0.0
        self._fade(self._height, height, _HEIGHT_S)
        return float(height - self._height[0] / self._height[1]) / size

    def _facing(self, points: _Array, seen: _Array, local: _Array) -> _Array:
        """Turned so that the running line from the right to the left side lies on the x axis."""
        line = np.zeros(3)
        for left, right in (self._shoulders, self._hips):
            line += (points[left] - points[right]) * seen[left] * seen[right]
        self._line = self._line * (1 - 1 / (_HEADING_S * self._rate)) + line[[0, 2]]
        length = float(np.hypot(*self._line))
        if length < 1e-4:
            return local
        cos, sin = self._line / length
        turn = np.array(((cos, 0, -sin), (0, 1, 0), (sin, 0, cos)))
        turned: _Array = local @ turn
        return turned

    def _fade(self, sums: _Array, value: float, seconds: float) -> None:
        """Take a value into a running mean, kept as a sum and its weight."""
        sums *= 1 - 1 / (seconds * self._rate)
        sums += (value, 1.0)


def _middle(points: _Array, seen: _Array, joints: list[int]) -> tuple[_Array, float]:
    """Mean of those of two joints that are seen, and whether any was."""
    weights = seen[joints]
    return (points[joints] * weights[:, None]).sum(axis=0) / max(float(weights.sum()), 1.0), float(weights.any())
