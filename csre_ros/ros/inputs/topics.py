"""The topics that people come from: one table, for the node and for the replay of bags. Needs no graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from csre_ros.ros.packages import message_class
from csre_ros.ros.readers.azure import MarkerReader
from csre_ros.ros.readers.cloud import read_cloud
from csre_ros.ros.readers.images import read_compressed, read_image
from csre_ros.ros.readers.json_text import read_text
from csre_ros.ros.readers.reading import Read
from csre_ros.ros.readers.rep155 import LAYOUT, read_instant
from csre_ros.ros.readers.yolo import FLAT, SOLID, read_image_points, read_space_points
from csre_ros.ros.readers.zed import read_objects
from csre_ros.skeleton import SkeletonLayout

# Most bytes of a message: more than any honest one has, less than what could stall the node.
_PICTURE, _COMPRESSED, _OBJECTS = 1 << 28, 1 << 25, 1 << 18


@dataclass(frozen=True)
class TopicKind:
    """What distinguishes one topic input from another.

    Attributes:
        topic: Relative name; remap it to the publisher's.
        type_name: ``package/msg/Name``. A package that few robots have is imported when the input is made.
        reader: Makes what reads the messages of one sender, one after the other.
        depth: Messages that the middleware keeps; 1 where only the newest counts.
        most_bytes: A larger message is refused unread.
        images: Whether frames carry pictures.
        dims: 2 or 3, of messages that have a layout of their own; None where the parameter ``layout`` decides. Of
            pictures the pose estimator decides.
        layout: The one layout of all messages, where that is known beforehand.
        measured: Whether a depth image always belongs to every picture.
        bodies: Type of the topics beside it where every person has one, ``<id>/skeleton2d``; empty: there are none.
    """

    topic: str
    type_name: str
    reader: Callable[[], Read]
    depth: int = 10
    most_bytes: int = 1 << 20
    images: bool = False
    dims: int | None = 3
    layout: SkeletonLayout | None = None
    measured: bool = False
    bodies: str = ""

    @property
    def message(self) -> type[Any]:
        """The class of the messages.

        Raises:
            ImportError: Its package is not installed.
        """
        return class_of(self.type_name)


TOPICS: Mapping[str, TopicKind] = {
    "image": TopicKind("image", "sensor_msgs/msg/Image", lambda: read_image, 1, _PICTURE, images=True),
    "compressed_image": TopicKind(
        "image/compressed", "sensor_msgs/msg/CompressedImage", lambda: read_compressed, 1, _COMPRESSED, images=True
    ),
    "skeletons": TopicKind("skeletons", "sensor_msgs/msg/PointCloud2", lambda: read_cloud, dims=None),
    "json": TopicKind("skeletons/json", "std_msgs/msg/String", lambda: read_text, most_bytes=_OBJECTS, dims=None),
    "marker_array": TopicKind("body_tracking_data", "visualization_msgs/msg/MarkerArray", MarkerReader),
    "zed": TopicKind(
        "body_trk/skeletons", "zed_msgs/msg/ObjectsStamped", lambda: read_objects, most_bytes=_OBJECTS
    ),
    "yolo": TopicKind(
        "yolo/detections", "yolo_msgs/msg/DetectionArray", lambda: read_image_points,
        most_bytes=_OBJECTS, dims=2, layout=FLAT,
    ),
    "yolo_3d": TopicKind(
        "yolo/detections_3d", "yolo_msgs/msg/DetectionArray", lambda: read_space_points,
        most_bytes=_OBJECTS, layout=SOLID,
    ),
    "hri": TopicKind(
        "/humans/bodies/tracked", "hri_msgs/msg/IdsList", lambda: read_instant,
        dims=2, layout=LAYOUT, bodies="hri_msgs/msg/Skeleton2D",
    ),
}  # fmt: skip
"""By the name of the input."""
RGBD = replace(TOPICS["image"], measured=True)
"""The same pictures with depth: two topics."""
WITH_DEPTH = ("image", "compressed_image", "rgbd", "skeletons", "yolo", "hri")
"""Inputs whose people a depth image can place: those of pictures, and of people in an image with stamps of theirs."""


def class_of(type_name: str) -> type[Any]:
    """The message class of a type written as ``package/msg/Name``; errors as :func:`message_class`."""
    package, _, name = type_name.partition("/msg/")
    return message_class(package, name)


def image_size(width: int, height: int) -> tuple[int, int] | None:
    """The size of images as somebody gave it, 0 for unknown; None where it is not known.

    Raises:
        ValueError: Only one of the two is given.

    >>> image_size(640, 480), image_size(0, 0)
    ((640, 480), None)
    """
    if bool(width) != bool(height):
        raise ValueError(f"image_width is {width} and image_height {height}: set both to the size of the images")
    return (width, height) if width else None
