"""What every reader takes and gives. Needs no ROS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray, SkeletonLayout, in_image_heights
from csre_ros.sources.frames import SourceFrame

Reading = tuple[SourceFrame, "Counter[str]"]
"""A frame, and how many people were left out of it, by reason."""


@dataclass(frozen=True)
class Sender:
    """What a reader must know of whoever sends and cannot find in the messages.

    Attributes:
        layout: Joint convention; None where the messages name one or are always of the same.
        image_size: Width and height in pixels of the images behind the messages; None where unknown. Image points are
            divided by one length, the height, so that a body keeps its proportions.
    """

    layout: SkeletonLayout | None = None
    image_size: tuple[int, int] | None = None

    def size(self) -> tuple[int, int]:
        """Width and height of the images.

        Raises:
            ValueError: They are not known; the text says what to do.
        """
        if self.image_size is None:
            raise ValueError(
                "the message holds image points and does not say how large the image is: publish camera_info beside "
                "it, or set image_width and image_height"
            )
        return self.image_size

    def aspect(self) -> float:
        """Width by height; errors as :meth:`size`."""
        width, height = self.size()
        return width / height

    def in_image_heights(self, points: NDArray[Any]) -> FloatArray:
        """Image points ``[..., 2]`` divided by the height alone, from those divided by width and height.

        Errors as :meth:`size`. What no float32 holds becomes infinite, as :class:`~csre_ros.ros.readers.crowd.Crowd`
        expects it.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return in_image_heights(np.asarray(points), self.aspect())


Read = Callable[[Any, Sender, int], Reading]
"""From a serialised message, its sender and the time of arrival in nanoseconds to a frame.

The first argument is whatever the input delivers: bytes, or the :class:`~csre_ros.ros.readers.rep155.Instant` that
several messages make up. ValueError: it is unreadable as a whole.
"""
