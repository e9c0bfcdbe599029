"""Inputs that are one topic each: from the bytes of a message to a frame, and the topics' names."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from csre_ros.ros.inputs.subscription import Reading, TopicInput, TopicKind
from csre_ros.ros.packages import message_class
from csre_ros.ros.readers.azure import MarkerReader
from csre_ros.ros.readers.cdr import Reader, deserialize
from csre_ros.ros.readers.images import compressed_to_bgr, image_to_bgr
from csre_ros.ros.readers.json_text import read_record
from csre_ros.ros.readers.yolo import read_image_points, read_space_points
from csre_ros.ros.readers.zed import read_objects
from csre_ros.ros.settings import NodeSettings
from csre_ros.ros.stamps import read_header
from csre_ros.skeleton import SkeletonLayout
from csre_ros.skeleton.cloud import unpack_cloud
from csre_ros.sources.frames import SourceFrame

# Most bytes of a message: more than any honest one has, less than what could stall the node.
_PICTURE, _COMPRESSED, _OBJECTS = 1 << 28, 1 << 25, 1 << 18
_MOST_FIELDS = 64


def read_image(data: bytes, layout: SkeletonLayout, arrival_ns: int) -> Reading:
    """A frame of a serialised ``sensor_msgs/Image``; errors as :func:`deserialize` and :func:`image_to_bgr`."""
    message = deserialize(data, Image)
    return SourceFrame(*read_header(message.header, arrival_ns), image=image_to_bgr(message)), Counter()


def read_compressed(data: bytes, layout: SkeletonLayout, arrival_ns: int) -> Reading:
    """A frame of a ``sensor_msgs/CompressedImage``; errors as :func:`deserialize` and :func:`compressed_to_bgr`."""
    message = deserialize(data, CompressedImage)
    return SourceFrame(*read_header(message.header, arrival_ns), image=compressed_to_bgr(message)), Counter()


def read_cloud(data: bytes, layout: SkeletonLayout, arrival_ns: int) -> Reading:
    """A frame of a serialised skeleton cloud.

    Errors and rejections as :func:`deserialize` and :func:`unpack_cloud`; ValueError also for more fields than any has.
    """
    reader = Reader(data)
    reader.header()
    for _ in ("height", "width"):
        reader.number("<I")
    reader.length(_MOST_FIELDS, "fields")
    message = deserialize(data, PointCloud2)
    people, rejected = unpack_cloud(message, layout)
    return SourceFrame(*read_header(message.header, arrival_ns), skeletons=people), rejected


def read_text(data: bytes, layout: SkeletonLayout, arrival_ns: int) -> Reading:
    """A frame of a ``std_msgs/String``; errors and rejections as :func:`deserialize` and :func:`read_record`."""
    return read_record(deserialize(data, String).data, layout, arrival_ns)


image = partial(TopicInput, TopicKind("image", Image, read_image, 1, _PICTURE, images=True))
compressed_image = partial(
    TopicInput, TopicKind("image/compressed", CompressedImage, read_compressed, 1, _COMPRESSED, images=True)
)
skeletons = partial(TopicInput, TopicKind("skeletons", PointCloud2, read_cloud, dims=None))
json = partial(TopicInput, TopicKind("skeletons/json", String, read_text, most_bytes=_OBJECTS, dims=None))


def marker_array(node: Node, settings: NodeSettings, *others: Any) -> TopicInput:
    """Body tracking of an Azure Kinect."""
    return TopicInput(TopicKind("body_tracking_data", MarkerArray, MarkerReader()), node, settings, *others)


def zed(node: Node, settings: NodeSettings, *others: Any) -> TopicInput:
    """Body tracking of a ZED camera.

    Raises:
        RuntimeError: ``zed_msgs`` is not installed.
    """
    message = message_class("zed_msgs", "ObjectsStamped")
    kind = TopicKind("body_trk/skeletons", message, read_objects, most_bytes=_OBJECTS)
    return TopicInput(kind, node, settings, *others)


def yolo(node: Node, settings: NodeSettings, *others: Any) -> TopicInput:
    """Key points of ``yolo_ros`` in the image.

    Raises:
        RuntimeError: ``yolo_msgs`` is not installed.
        ValueError: The size of the image is not set.
    """
    size = (settings.node.image_width, settings.node.image_height)
    if 0 in size:
        raise ValueError(
            f"image_width is {size[0]} and image_height {size[1]}; the messages of the input 'yolo' hold "
            "pixels and do not say of how many: set both parameters to the size of the detector's images"
        )
    message = message_class("yolo_msgs", "DetectionArray")
    read = partial(read_image_points, size=size)
    kind = TopicKind("yolo/detections", message, read, most_bytes=_OBJECTS, dims=2)
    return TopicInput(kind, node, settings, *others)


def yolo_3d(node: Node, settings: NodeSettings, *others: Any) -> TopicInput:
    """Key points of ``yolo_ros`` in space.

    Raises:
        RuntimeError: ``yolo_msgs`` is not installed.
    """
    message = message_class("yolo_msgs", "DetectionArray")
    kind = TopicKind("yolo/detections_3d", message, read_space_points, most_bytes=_OBJECTS)
    return TopicInput(kind, node, settings, *others)
