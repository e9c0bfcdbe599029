"""One topic of a bag as a source: its messages read as the node reads them live. Needs no graph."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from csre_ros.foreign_text import quoted
from csre_ros.ros.inputs.bag_camera import BagDepth, calibrated_camera, common_size, recorded_cameras
from csre_ros.ros.inputs.pairing import SLOP_NS
from csre_ros.ros.inputs.topics import TOPICS, WITH_DEPTH, image_size
from csre_ros.ros.readers.cdr import Reader
from csre_ros.ros.readers.images import with_depth
from csre_ros.ros.readers.reading import Sender
from csre_ros.ros.readers.rep155 import Gathering, Instant
from csre_ros.ros.settings import AUTO
from csre_ros.skeleton import SkeletonLayout
from csre_ros.skeleton.depth import solid_layouts
from csre_ros.sources.bag import Bag, Topic
from csre_ros.sources.bag_reader import open_bag
from csre_ros.sources.frames import SourceFrame

logger = logging.getLogger(__name__)

_SHOWN = 20  # topics in a message, at most


class BagTopic:
    """A topic of a rosbag2 file or folder. Every iteration starts at the beginning.

    A message that cannot be read is counted in ``dropped``, the first with a warning, and a single person in
    ``rejected``; the bag goes on. Where every person has a topic, those beside the named one are read with it.

    Args:
        path: A bag as :func:`~csre_ros.sources.bag_reader.open_bag` takes it.
        topic: Name of the topic.
        layout: Layout of people whose messages do not name one.
        name: Input of the node that would read the topic live; ``auto`` finds it by the type of the messages.
        size: Width and height in pixels of the images behind image points, 0 for unknown; where the bag holds camera
            infos and they agree, theirs count.
        depth: Name of the topic of depth images, aligned with the picture behind the topic, by which people are placed;
            empty: none.
        camera_info: Name of the topic with the camera's calibration, which depth needs; empty: the one beside the
            topic, else the only one.

    Attributes:
        name: Path and topic.
        live: False.
        fps: Mean rate of the topic; None with fewer than two messages.
        dropped: Messages that could not be read, or had no depth image.
        rejected: People left out, by reason.
        layout: The one of all messages where the type of the topic says so, else as given; with depth, that in space.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no bag, has no such topic of a type in :data:`~csre_ros.ros.inputs.topics.TOPICS`, several
            inputs read it and none is named; or
            depth is named and cannot be used.
        ImportError: A message package that the topic needs is not installed.
    """

    live = False

    def __init__(
        self,
        path: Path,
        topic: str,
        layout: SkeletonLayout,
        name: str = AUTO,
        size: tuple[int, int] = (0, 0),
        depth: str = "",
        camera_info: str = "",
    ) -> None:
        self.name = f"{path}, topic {topic}"
        self.dropped = 0
        self.rejected: Counter[str] = Counter()
        self._bag = open_bag(path)
        self._topic = _find(self._bag, topic)
        measured = depth or name == "rgbd"
        name = _input_of(self._topic, name)
        self._kind = TOPICS[name]
        self.layout = self._kind.layout or layout
        flat = (self._kind.dims or layout.dims) == 2
        self._sender = Sender(
            layout, (common_size(recorded_cameras(self._bag).values()) or image_size(*size)) if flat else None
        )
        self._depth: BagDepth | None = None
        if measured:
            if name not in WITH_DEPTH:
                raise ValueError(f"depth has no use with the input {name!r}; it has with: {', '.join(WITH_DEPTH)}")
            self._depth = BagDepth(self._bag, depth)
            self._camera = calibrated_camera(self._bag, topic, camera_info)
            self._sender = Sender(layout, self._camera.size)
            self.layout = solid_layouts().get(self.layout.name, self.layout)
        self.fps = self._bag.rate(self._topic)
        _ = self._kind.message  # a missing package is told before anything is read

    def __enter__(self) -> BagTopic:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __iter__(self) -> Iterator[SourceFrame]:
        """The frames in order of recording.

        Raises:
            ValueError: The file is damaged further on, or not one message can be read.
        """
        read = self._kind.reader()
        good, fault = 0, ""
        for item, arrival_ns, depth in self._items():
            try:
                if isinstance(item, ValueError):
                    raise item
                frame, rejected = read(item, self._sender, arrival_ns)
                if depth is not None:
                    frame = with_depth(frame, depth, self._camera)
            except ValueError as error:
                if not fault:
                    logger.warning("%s: a message is left out: %s", self.name, error)
                self.dropped, fault = self.dropped + 1, str(error)
                continue
            self.rejected += rejected
            good += 1
            yield frame
        fault = self._say_alone() or fault
        if fault and not good:
            raise ValueError(f"{self.name}: not one of {self.dropped} messages can be read; the last: {fault}")

    def _items(self) -> Iterator[tuple[Any, int, bytes | None]]:
        """What is read, when it was recorded, and the bytes of its depth image."""
        items = self._bodies() if self._kind.bodies else self._messages()
        if self._depth is None:
            yield from ((item, recorded_ns, None) for item, recorded_ns in items)
            return
        self._depth = BagDepth(self._bag, self._depth.topic)
        for (item, recorded_ns), depth in self._depth.join(items, _stamp_of):
            yield item, recorded_ns, depth

    def _say_alone(self) -> str:
        """What became of those without a depth image, who are dropped."""
        if self._depth is None or not (lost := self._depth.alone + self._depth.unreadable):
            return ""
        told = f"{lost} messages have no image on {self._depth.topic} within {SLOP_NS / 1e9:g} s of their stamp"
        logger.warning("%s: %s, and are left out", self.name, told)
        self.dropped += lost
        return told

    def _messages(self) -> Iterator[tuple[Any, int]]:
        """Messages of the topic, each with the time at which it was recorded."""
        for _, recorded_ns, data in self._bag.messages(lambda topic: topic.name == self._topic.name):
            yield data, recorded_ns

    def _bodies(self) -> Iterator[tuple[Any, int]]:
        """What belongs to one image each, from the topics of all bodies; an error for each unreadable message."""
        ids, gathering = self._topic.name, Gathering()
        beside = re.compile(re.escape(ids.rpartition("/")[0]) + r"/([^/]+)/skeleton2d")
        wanted = {ids: self._kind.type_name}
        wanted |= {topic.name: self._kind.bodies for topic in self._bag.topics if beside.fullmatch(topic.name)}
        recorded_ns = 0
        for topic, recorded_ns, data in self._bag.messages(lambda topic: wanted.get(topic.name) == topic.kind):
            body = beside.fullmatch(topic.name)
            try:
                if body is None:
                    instants = gathering.listed(data, recorded_ns)
                else:
                    instants = gathering.arrived(body.group(1), data, recorded_ns)
            except ValueError as error:
                yield error, recorded_ns
            else:
                yield from ((instant, instant.arrival_ns) for instant in instants)
        yield from ((instant, instant.arrival_ns) for instant in gathering.finish())
        self.rejected += gathering.rejected


def _find(bag: Bag, name: str) -> Topic:
    types = list(dict.fromkeys(kind.type_name for kind in TOPICS.values()))
    for topic in bag.topics:
        if topic.name == name and topic.kind in types:
            return topic
    readable = ", ".join(quoted(topic.name) for topic in bag.topics[:_SHOWN] if topic.kind in types) or "none"
    raise ValueError(
        f"{bag.path} has no topic {quoted(name)} of a type that is read ({', '.join(types)}); "
        f"topics of such types: {readable}"
    )


def _stamp_of(item: Any) -> int:
    """The stamp of what is read: bytes of a message, an instant of several, or an error in place of it."""
    if isinstance(item, ValueError):
        raise item
    return item.stamp_ns if isinstance(item, Instant) else Reader(item).header()[0]


def _input_of(topic: Topic, name: str) -> str:
    """The input that reads a topic of a bag."""
    name = "image" if name == "rgbd" else name
    fitting = [known for known, kind in TOPICS.items() if kind.type_name == topic.kind]
    if name != AUTO and name not in fitting:
        raise ValueError(f"input {name!r} does not read {topic.kind}; choose one of: {', '.join(fitting)}")
    if name == AUTO and len(fitting) > 1:
        raise ValueError(f"{topic.kind} is read by several inputs; choose one by --input: {', '.join(fitting)}")
    return fitting[0] if name == AUTO else name
