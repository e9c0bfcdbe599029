"""What every reader takes and gives. Needs no ROS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from csre_ros.skeleton import SkeletonLayout
from csre_ros.sources.frames import SourceFrame

Reading = tuple[SourceFrame, "Counter[str]"]
"""A frame, and how many people were left out of it, by reason."""


@dataclass(frozen=True)
class Sender:
    """What a reader must know of whoever sends and cannot find in the messages.

    Attributes:
        layout: Joint convention; None where the messages name one or are always of the same.
        image_size: Width and height in pixels of the images behind the messages; None where unknown.
    """

    layout: SkeletonLayout | None = None
    image_size: tuple[int, int] | None = None


Read = Callable[[Any, Sender, int], Reading]
"""From a serialised message, its sender and the time of arrival in nanoseconds to a frame.

The first argument is whatever the input delivers: bytes, or the :class:`~csre_ros.ros.readers.rep155.Instant` that
several messages make up. ValueError: it is unreadable as a whole.
"""
