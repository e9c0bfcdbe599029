"""The contract of pose estimators: pixels in, skeletons out."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from csre_ros.pose.settings import PoseConfig
from csre_ros.skeleton import Frame, SkeletonLayout


class PoseEstimator(Protocol):
    """Finds the people in one image at a time.

    Attributes:
        layout: Layout of everybody found; its ``dims`` say whether in metres or in the image.
    """

    layout: ClassVar[SkeletonLayout]

    def __init__(self, config: PoseConfig) -> None: ...

    def step(self, image: NDArray[np.uint8], stamp_ns: int, frame_id: str) -> Frame:
        """Find the people in an image.

        Args:
            image: ``[H, W, 3]`` uint8 BGR.
            stamp_ns: Capture stamp. Stamps that repeat or go back are legal.
            frame_id: Camera-optical frame of the image.
        """
        ...

    def reset(self) -> None:
        """Forget the people seen so far."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
