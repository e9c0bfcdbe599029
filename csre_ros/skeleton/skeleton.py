"""The one data type that every stage shares: a skeleton, and a frame of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton.layout import SkeletonLayout

FloatArray = NDArray[np.float32]


def in_image_heights(points: FloatArray, aspect: float) -> FloatArray:
    """Image points as 2-D skeletons have them, from points divided by width and height.

    Args:
        points: ``[..., 2]`` each axis in 0..1.
        aspect: Width of the image divided by its height.
    """
    return (points * np.array((aspect, 1), np.float32)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Skeleton:
    """One person in one frame.

    Attributes:
        layout: The joint convention of ``positions``.
        positions: ``[V, dims]`` float32. Metres in camera-optical axes (x right, y down, z forward; REP-103) for 3-D
            layouts; for 2-D ones image coordinates from the top left corner, both divided by the image's **height**:
            y in 0..1 and x in 0..width/height, so that a body keeps its proportions. A joint that was not seen is NaN.
        confidence: ``[V]`` float32 in 0..1; 0 exactly where the position is NaN.
        source_id: The source's own name for this person, where it tracks people itself.
        image_points: ``[V, 2]`` float32 image coordinates divided by width and height, where the source knows them.
            For drawing only; recognition never reads them.

    Raises:
        ValueError: Wrong shape, an infinite coordinate, or a confidence outside 0..1.
    """

    layout: SkeletonLayout
    positions: FloatArray
    confidence: FloatArray
    source_id: str | None = None
    image_points: FloatArray | None = None

    def __post_init__(self) -> None:
        shape = (len(self.layout), self.layout.dims)
        positions = np.array(self.positions, dtype=np.float32)
        confidence = np.array(self.confidence, dtype=np.float32)
        if positions.shape != shape:
            raise ValueError(f"positions have shape {positions.shape}; layout {self.layout.name!r} needs {shape}")
        if confidence.shape != shape[:1]:
            raise ValueError(f"confidence has shape {confidence.shape}; layout {self.layout.name!r} needs {shape[:1]}")
        if np.isinf(positions).any():
            joint = self.layout.joints[int(np.isinf(positions).any(axis=1).argmax())]
            raise ValueError(f"joint {joint!r} has an infinite coordinate; mark unseen joints with NaN")
        if not ((confidence >= 0) & (confidence <= 1)).all():
            raise ValueError(f"confidence ranges over {confidence.min()}..{confidence.max()}; it must lie in 0..1")
        missing = np.isnan(positions).any(axis=1) | (confidence == 0)
        positions[missing] = np.nan
        confidence[missing] = 0
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "confidence", confidence)


@dataclass(frozen=True, eq=False)
class Frame:
    """Everybody seen at one instant.

    Attributes:
        stamp_ns: The source's stamp in nanoseconds.
        frame_id: Name of the coordinate frame, camera-optical by convention (REP-103).
        skeletons: The people; empty when nobody is in view.
    """

    stamp_ns: int
    frame_id: str
    skeletons: tuple[Skeleton, ...]
