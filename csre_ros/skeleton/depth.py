"""Where people really stand: image points and a depth image that is aligned with the picture, in metres.

A depth image measures the surface that faces the camera, a few centimetres before the joints inside the body. It has
holes, where nothing came back, and at the edge of a limb it shows what lies behind. So every joint is looked for in a
small window, among what is near enough to the body to belong to it, and the nearest cluster of that is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton.layout import SkeletonLayout
from csre_ros.skeleton.layouts import LAYOUTS
from csre_ros.skeleton.mapping import LayoutMapping
from csre_ros.skeleton.pinhole import Pinhole
from csre_ros.skeleton.skeleton import Skeleton

_TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
_LIMB_M, _WIDEST_PX = 0.04, 24  # half a window
_REACH_M = 1.0  # from the body to a stretched hand
_CLUSTER_M, _NEAREST = 0.15, 0.25  # how thick a limb is, and which share of a window may be specks before it
_FARTHEST_M = 1000.0
_FEWEST = 3  # measured pixels that are worth an answer
_VISIBLE = 0.5  # confidence above which an estimator that guesses hidden joints has seen one


@dataclass(frozen=True, eq=False)
class DepthImage:
    """Depth along the optical axis, pixel by pixel as the picture has them.

    Attributes:
        pixels: ``[H, W]``, of any number type; what is not positive, or beyond a kilometre, was not measured.
        metres: Length of one unit in metres.
    """

    pixels: NDArray[np.uint16] | NDArray[np.float32]
    metres: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def around(self, pixel: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
        """The depths in metres that were measured in a square window; none around what lies outside of the image."""
        if (pixel < 0).any() or (pixel >= self.size).any():
            return np.empty(0)
        low = np.maximum(np.floor(pixel - radius), 0).astype(int)
        high = np.ceil(pixel + radius).astype(int)
        window = self.pixels[low[1] : high[1] + 1, low[0] : high[0] + 1].astype(np.float64) * self.metres
        return np.asarray(window[(window > 0) & (window < _FARTHEST_M)])


def solid_layouts() -> Mapping[str, SkeletonLayout]:
    """The layout in space of every layout in the image: one that has the same joints, in whatever order.

    >>> {name: layout.name for name, layout in solid_layouts().items()}["coco17"]
    'coco17_3d'
    """
    solid = [layout for layout in LAYOUTS.values() if layout.dims == 3]
    flat = [layout for layout in LAYOUTS.values() if layout.dims == 2]
    return {one.name: next(other for other in solid if set(other.joints) == set(one.joints)) for one in flat}


def lifted(skeleton: Skeleton, depth: DepthImage, camera: Pinhole) -> Skeleton | None:
    """A person at the place that the depth image shows.

    Joints in an image are lifted each by its own depth; those without one are missing, never guessed. A body in metres
    keeps its shape and is moved: along the axis by the median of what its visible joints ask for, then sideways to
    where they were seen. A body in metres without image points stays where it is.

    Args:
        skeleton: The person, in the picture that the depth image is aligned with.
        depth: Of the same size as the camera's pictures.
        camera: The camera of both.

    Returns:
        The person in metres, in camera-optical axes; None where no joint has a depth.
    """
    width, height = camera.size
    if skeleton.image_points is not None:
        pixels = skeleton.image_points.astype(np.float64) * (width, height)
    elif skeleton.layout.dims == 2:
        pixels = skeleton.positions.astype(np.float64) * height
    else:
        return skeleton
    solid = skeleton.layout.dims == 3
    seen = (skeleton.confidence >= (_VISIBLE if solid else np.finfo(np.float32).tiny)) & np.isfinite(pixels).all(axis=1)
    found = _joint_depths(np.where(seen[:, None], pixels, np.nan), skeleton.layout, depth, camera)
    if not np.isfinite(found).any():
        return None
    if solid:
        return replace(skeleton, positions=_moved(skeleton, pixels, found, camera))
    layout = solid_layouts()[skeleton.layout.name]
    mapping = LayoutMapping(skeleton.layout, layout)
    confidence = np.where(np.isfinite(found), skeleton.confidence, 0).astype(np.float32)
    points, _ = mapping.apply((pixels / (width, height)).astype(np.float32), confidence)
    positions, confidence = mapping.apply(camera.lift(pixels, found).astype(np.float32), confidence)
    return Skeleton(layout, positions, confidence, skeleton.source_id, points)


def _moved(
    skeleton: Skeleton, pixels: NDArray[np.float64], found: NDArray[np.float64], camera: Pinhole
) -> NDArray[np.float32]:
    measured = np.isfinite(found)
    body, weights = skeleton.positions[measured].astype(np.float64), skeleton.confidence[measured]
    along = float(np.median(found[measured] - body[:, 2]))
    aside = camera.lift(pixels[measured], body[:, 2] + along)[:, :2] - body[:, :2]
    move = np.append(np.average(aside, axis=0, weights=weights), along)
    return np.asarray(skeleton.positions + move, np.float32)


def _joint_depths(
    pixels: NDArray[np.float64], layout: SkeletonLayout, depth: DepthImage, camera: Pinhole
) -> NDArray[np.float64]:
    """``[V]`` metres of every joint; NaN where its pixel is NaN, or nothing of the body was measured around it."""
    seen = pixels[np.isfinite(pixels).all(axis=1)]
    if not len(seen):
        return np.full(len(pixels), np.nan)
    # How large a person is in the picture tells how far away they are, well enough for a first look.
    span = float(np.linalg.norm(seen.max(axis=0) - seen.min(axis=0)))
    torso = pixels[[layout.index[name] for name in _TORSO if name in layout.index]]
    for joints in (torso, pixels):
        rough = np.array([_foreground(pixel, 0.03 * span, depth) for pixel in joints])
        if np.isfinite(rough).any():
            break
    else:
        return np.full(len(pixels), np.nan)
    body = float(np.nanmedian(rough))
    radius = camera.focal[0] * _LIMB_M / body
    return np.array([_foreground(pixel, radius, depth, (body - _REACH_M, body + _REACH_M)) for pixel in pixels])


def _foreground(
    pixel: NDArray[np.float64], radius: float, depth: DepthImage, limits: tuple[float, float] = (0, np.inf)
) -> float:
    """Median of the nearest cluster within limits around a pixel; NaN where too little was measured."""
    if not np.isfinite(pixel).all():
        return np.nan
    values = depth.around(pixel, float(np.clip(radius, 1, _WIDEST_PX)))
    values = values[(values >= limits[0]) & (values <= limits[1])]
    if len(values) < _FEWEST:
        return np.nan
    rank = int(_NEAREST * len(values))
    return float(np.median(values[values <= np.partition(values, rank)[rank] + _CLUSTER_M]))
