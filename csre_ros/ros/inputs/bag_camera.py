"""The camera behind a topic of a bag: what its infos say, and the depth images beside the topic. Needs no graph."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from csre_ros.foreign_text import quoted
from csre_ros.ros.inputs.pairing import SLOP_NS, Pairing
from csre_ros.ros.readers.camera_info import read_image_size, read_pinhole
from csre_ros.ros.readers.cdr import Reader
from csre_ros.skeleton import Pinhole
from csre_ros.sources.bag import Bag

logger = logging.getLogger(__name__)

_CAMERA_INFO, _IMAGE = "sensor_msgs/msg/CameraInfo", "sensor_msgs/msg/Image"
_SHOWN = 20  # topics in a message, at most


class Camera(NamedTuple):
    """What a ``sensor_msgs/CameraInfo`` says: size of the images, and how they are made; None where it does not."""

    size: tuple[int, int] | None
    pinhole: Pinhole | None


def recorded_cameras(bag: Bag) -> dict[str, Camera]:
    """What the first message of each topic of camera infos says."""
    topics = {topic.name for topic in bag.topics if topic.kind == _CAMERA_INFO and topic.count}
    cameras: dict[str, Camera] = {}
    for topic, _, data in bag.messages(lambda topic: topic.name in topics and topic.kind == _CAMERA_INFO):
        if topic.name not in cameras:
            try:
                cameras[topic.name] = Camera(read_image_size(data), read_pinhole(data))
            except ValueError as error:
                logger.warning("%s, topic %s: %s", bag.path, topic.name, error)
                cameras[topic.name] = Camera(None, None)
        if cameras.keys() == topics:
            break
    return cameras


def common_size(cameras: Iterable[Camera]) -> tuple[int, int] | None:
    """The size that all camera infos of a bag name; None where there are none or they differ."""
    sizes = {camera.size for camera in cameras if camera.size is not None}
    return sizes.pop() if len(sizes) == 1 else None


def calibrated_camera(bag: Bag, topic: str, named: str) -> Pinhole:
    """The camera behind a topic: as named, else by the infos beside the topic, else by the only ones in the bag.

    Raises:
        ValueError: There are none, several, or they are not calibrated.
    """
    cameras = recorded_cameras(bag)
    beside = named or f"{topic.removesuffix('/compressed').rpartition('/')[0]}/camera_info"
    found = [beside] if named or beside in cameras else list(cameras)
    if len(found) != 1 or found[0] not in cameras:
        there = ", ".join(map(quoted, cameras)) or "none"
        raise ValueError(
            f"{bag.path}: depth needs the calibration of the camera behind {topic}, a topic of {_CAMERA_INFO}; name "
            f"it by --camera_info: {there} in this bag"
        )
    camera = cameras[found[0]].pinhole
    if camera is None:
        raise ValueError(f"{bag.path}: the camera of {found[0]} is not calibrated (k is zero); depth needs that")
    return camera


class BagDepth:
    """The depth images of a bag, joined with items of another topic by their stamps.

    Args:
        bag: The bag.
        topic: Name of their topic.

    Attributes:
        topic: Their topic.
        alone: Items that had none.
        unreadable: Depth images without a stamp that can be read.

    Raises:
        ValueError: The bag has no such topic of images.
    """

    def __init__(self, bag: Bag, topic: str) -> None:
        images = [one.name for one in bag.topics if one.kind == _IMAGE]
        if topic not in images:
            there = ", ".join(map(quoted, images[:_SHOWN])) or "none"
            raise ValueError(
                f"{bag.path}: no topic {quoted(topic)} of {_IMAGE} with depth; name the one that is aligned with the "
                f"picture by --depth_topic: {there} in this bag"
            )
        self.alone = self.unreadable = 0
        self._bag, self.topic = bag, topic

    def join(
        self, items: Iterable[tuple[Any, int]], stamp_of: Callable[[Any], int]
    ) -> Iterator[tuple[tuple[Any, int], bytes]]:
        """Items, each with the bytes of its depth image, in order.

        Args:
            items: Something and the time at which it was recorded, in order of these times.
            stamp_of: The stamp of such a thing, 0 for none; ValueError: it has none that can be read.
        """
        pairing = Pairing(SLOP_NS)
        depths = ((data, recorded_ns, True) for _, recorded_ns, data in self._bag.messages(self._holds_depth))
        pictures = ((item, recorded_ns, False) for item, recorded_ns in items)
        for what, recorded_ns, is_depth in heapq.merge(depths, pictures, key=lambda one: one[1]):
            try:
                stamp_ns = (_stamp(what) if is_depth else stamp_of(what)) or recorded_ns
            except ValueError:
                self.unreadable += 1
                continue
            if is_depth:
                yield from pairing.companion(stamp_ns, what)
            else:
                yield from pairing.item(stamp_ns, (what, recorded_ns))
            self.alone += pairing.alone
            pairing.alone = 0
        yield from pairing.finish()
        self.alone += pairing.alone

    def _holds_depth(self, topic: Any) -> bool:
        return bool(topic.name == self.topic and topic.kind == _IMAGE)


def _stamp(data: bytes) -> int:
    return Reader(data).header()[0]
