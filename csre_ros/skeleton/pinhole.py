"""The pinhole camera: from points in space to pixels, and back where the depth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NEAREST_M = 0.1
"""Points nearer than this, or behind the camera, are in no picture."""


@dataclass(frozen=True)
class Pinhole:
    """A camera without distortion; points are in its optical axes (x right, y down, z forward; REP-103).

    Attributes:
        size: Width and height of its images in pixels.
        focal: Focal lengths along x and y in pixels.
        centre: Pixel of the optical axis.

    >>> camera = Pinhole((640, 480), (500.0, 500.0), (320.0, 240.0))
    >>> camera.project(np.array([0.4, 0.0, 2.0])).tolist()
    [420.0, 240.0]
    >>> camera.lift(np.array([420.0, 240.0]), np.array(2.0)).tolist()
    [0.4, 0.0, 2.0]
    """

    size: tuple[int, int]
    focal: tuple[float, float]
    centre: tuple[float, float]

    @classmethod
    def of_view(cls, size: tuple[int, int], horizontal_fov_deg: float) -> Pinhole:
        """A camera with square pixels and its axis in the middle, of which the field of view is known."""
        width, height = size
        focal = width / 2 / math.tan(math.radians(horizontal_fov_deg) / 2)
        return cls(size, (focal, focal), (width / 2, height / 2))

    def project(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Pixels ``[..., 2]`` of points ``[..., 3]`` in metres; NaN for those behind the camera."""
        depth = np.where(points[..., 2:] > _NEAREST_M, points[..., 2:], np.nan)
        return np.asarray(points[..., :2] / depth * self.focal + self.centre, np.float64)

    def lift(self, pixels: NDArray[Any], depth: NDArray[Any]) -> NDArray[np.float64]:
        """Points ``[..., 3]`` in metres of pixels ``[..., 2]`` at depths ``[...]`` in metres along the optical axis."""
        depth = np.asarray(depth, np.float64)[..., None]
        return np.concatenate(((pixels - self.centre) / self.focal * depth, depth), axis=-1)
