"""When somebody moves, when they rest, and how far a posture is from another one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray, SkeletonLayout
from csre_ros.teaching.posture import Posture

AWAY_M = 0.2
"""Postures further apart than this, in typical metres of their furthest joint, are different ones."""

_MOVING_M_S = 0.45  # of the fastest joint, in typical metres
_SMOOTH_S = 0.2


class Motion(NamedTuple):
    """A recording at the rate of a bundle.

    Attributes:
        grid: ``[T]`` seconds.
        moving: ``[T]`` whether some joint moves.
        points: ``[T, K, dims]`` as of :class:`csre_ros.teaching.posture.Shape`.
        known: ``[T, K]``.
    """

    grid: NDArray[np.float64]
    moving: NDArray[np.bool_]
    points: FloatArray
    known: FloatArray

    @classmethod
    def of(
        cls,
        seconds: NDArray[np.float64],
        positions: FloatArray,
        confidence: FloatArray,
        layout: SkeletonLayout,
        rate_hz: float,
    ) -> Motion:
        """The motion in frames ``[T, V, dims]`` and ``[T, V]`` at some seconds."""
        posture = Posture(layout, rate_hz)
        grid = np.arange(seconds[0], seconds[-1] + 1e-9, 1 / rate_hz)
        nearest = np.abs(seconds[:, None] - grid[None]).argmin(axis=0)
        shapes = [posture.step(positions[row], confidence[row]) for row in nearest]
        points, known = np.stack([shape.points for shape in shapes]), np.stack([shape.known for shape in shapes])
        moved = np.linalg.norm(np.diff(points, axis=0), axis=-1) * known[1:] * known[:-1] * rate_hz
        width = max(round(_SMOOTH_S * rate_hz), 1)
        smooth = np.stack([np.convolve(joint, np.ones(width) / width, "same") for joint in moved.T], axis=1)
        return cls(grid, np.r_[False, smooth.max(axis=1, initial=0) > _MOVING_M_S][: len(grid)], points, known)

    def still(self, start: int = 0) -> list[tuple[int, int]]:
        """Stretches without motion from an index on, in order: first index and the one behind the last."""
        edges = np.flatnonzero(np.diff(np.r_[True, self.moving[start:], True].astype(int)))
        return [(int(one) + start, int(other) + start) for one, other in zip(edges[::2], edges[1::2], strict=True)]

    def apart(self, index: int, part: slice) -> NDArray[np.float64]:
        """How far the postures of a part are from that at an index: of the furthest joint, in typical metres."""
        both = self.known[part] * self.known[index]
        found: NDArray[np.float64] = (np.linalg.norm(self.points[part] - self.points[index], axis=-1) * both).max(
            axis=1
        )
        return found
