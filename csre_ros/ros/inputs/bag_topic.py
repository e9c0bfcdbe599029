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
from csre_ros.ros.inputs.topics import TOPICS, image_size
from csre_ros.ros.readers.camera_info import read_image_size
from csre_ros.ros.readers.reading import Sender
from csre_ros.ros.readers.rep155 import Gathering
from csre_ros.ros.settings import AUTO
from csre_ros.skeleton import SkeletonLayout
from csre_ros.sources.bag import Bag, Topic
from csre_ros.sources.bag_reader import open_bag
from csre_ros.sources.frames import SourceFrame

_CAMERA_INFO = "sensor_msgs/msg/CameraInfo"

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

    Attributes:
        name: Path and topic.
        live: False.
        fps: Mean rate of the topic; None with fewer than two messages.
        dropped: Messages that could not be read.
        rejected: People left out, by reason.
        layout: The one of all messages where the type of the topic says so, else as given.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no bag, has no such topic of a type in :data:`~csre_ros.ros.inputs.topics.TOPICS`, several
            inputs read it and none is named.
        ImportError: A message package that the topic needs is not installed.
    """

    live = False

    def __init__(
        self, path: Path, topic: str, layout: SkeletonLayout, name: str = AUTO, size: tuple[int, int] = (0, 0)
    ) -> None:
        self.name = f"{path}, topic {topic}"
        self.dropped = 0
        self.rejected: Counter[str] = Counter()
        self._bag = open_bag(path)
        self._topic = _find(self._bag, topic)
        self._kind = TOPICS[_input_of(self._topic, name)]
        self.layout = self._kind.layout or layout
        flat = (self._kind.dims or layout.dims) == 2
        self._sender = Sender(layout, (_recorded_size(self._bag) or image_size(*size)) if flat else None)
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
        for item, arrival_ns in self._bodies() if self._kind.bodies else self._messages():
            try:
                if isinstance(item, ValueError):
                    raise item
                frame, rejected = read(item, self._sender, arrival_ns)
            except ValueError as error:
                if not fault:
                    logger.warning("%s: a message is left out: %s", self.name, error)
                self.dropped, fault = self.dropped + 1, str(error)
                continue
            self.rejected += rejected
            good += 1
            yield frame
        if fault and not good:
            raise ValueError(f"{self.name}: not one of {self.dropped} messages can be read; the last: {fault}")

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


def _recorded_size(bag: Bag) -> tuple[int, int] | None:
    """The size that the first messages of all camera infos in a bag name; None where there are none or they differ."""
    topics = {topic.name for topic in bag.topics if topic.kind == _CAMERA_INFO and topic.count}
    sizes: dict[str, tuple[int, int] | None] = {}
    for topic, _, data in bag.messages(lambda topic: topic.name in topics and topic.kind == _CAMERA_INFO):
        try:
            sizes.setdefault(topic.name, read_image_size(data))
        except ValueError as error:
            logger.warning("%s, topic %s: %s", bag.path, topic.name, error)
            sizes.setdefault(topic.name, None)
        if sizes.keys() == topics:
            break
    known = {size for size in sizes.values() if size is not None}
    return known.pop() if len(known) == 1 else None


def _input_of(topic: Topic, name: str) -> str:
    """The input that reads a topic of a bag."""
    fitting = [known for known, kind in TOPICS.items() if kind.type_name == topic.kind]
    if name != AUTO and name not in fitting:
        raise ValueError(f"input {name!r} does not read {topic.kind}; choose one of: {', '.join(fitting)}")
    if name == AUTO and len(fitting) > 1:
        raise ValueError(f"{topic.kind} is read by several inputs; choose one by --input: {', '.join(fitting)}")
    return fitting[0] if name == AUTO else name
