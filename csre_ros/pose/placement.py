"""Where a person stands: from hip-centred landmarks and their image points to camera coordinates.

A landmark model knows the body in metres around its own hips, and where each joint appears in the image. The person
stands where both agree under a pinhole camera. Only a translation is fitted, so the body itself is not changed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray

NEAREST_M, FARTHEST_M = 0.3, 15.0
"""Depths between which a person is placed."""


def viewing_rays(image_points: FloatArray, size: tuple[int, int], horizontal_fov_deg: float) -> NDArray[np.float64]:
    """Directions of image points in camera-optical axes (x right, y down, z forward), scaled to z = 1.

    Args:
        image_points: ``[V, 2]`` image coordinates divided by width and height.
        size: Width and height of the image in pixels.
        horizontal_fov_deg: Horizontal field of view of the camera; pixels are square, the axis is in the centre.

    Returns:
        ``[V, 2]`` x and y of the rays.
    """
    width, height = size
    half = math.tan(math.radians(horizontal_fov_deg) / 2)
    return (image_points.astype(np.float64) - 0.5) * (2 * half, 2 * half * height / width)


def place(body: NDArray[np.float64], rays: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Translation that brings a body in front of the camera where its joints were seen.

    Weighted least squares of ``(X + t) x ray = 0``: linear, so it has one solution and needs no start value. The depth
    is limited to 0.3..15 m, which also decides cases that have no solution (all joints in one image point).

    Args:
        body: ``[V, 3]`` metres in camera-optical axes around any origin.
        rays: ``[V, 2]`` from :func:`viewing_rays`.
        weights: ``[V]`` how far each joint is trusted; joints of weight 0 do not count.

    Returns:
        ``[3]`` metres.
    """
    share = weights / weights.sum() if weights.any() else np.full(len(body), 1 / len(body))
    # With s = ray * Z - (X, Y) each joint asks for t_xy - ray * t_z = s; less the weighted means, only t_z is left.
    asked = rays * body[:, 2:] - body[:, :2]
    mean_asked, mean_ray = share @ asked, share @ rays
    spread = rays - mean_ray
    extent = share @ (spread**2).sum(axis=1)
    pull = share @ (spread * (asked - mean_asked)).sum(axis=1)
    depth = float(np.clip(-pull / extent, NEAREST_M, FARTHEST_M)) if extent > 0 else FARTHEST_M
    return np.append(mean_asked + mean_ray * depth, depth)
