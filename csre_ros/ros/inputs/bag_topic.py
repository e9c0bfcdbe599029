"""One topic of a bag as a source: its messages read as the node reads them live. Needs no graph."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader

from csre_ros.ros.inputs.subscription import Read
from csre_ros.ros.inputs.topics import read_cloud, read_compressed, read_image, read_text
from csre_ros.ros.readers.azure import MarkerReader
from csre_ros.ros.readers.zed import read_objects
from csre_ros.skeleton import SkeletonLayout
from csre_ros.sources.frames import SourceFrame

logger = logging.getLogger(__name__)

READERS: Mapping[str, Callable[[], Read]] = {
    "sensor_msgs/msg/Image": lambda: read_image,
    "sensor_msgs/msg/CompressedImage": lambda: read_compressed,
    "sensor_msgs/msg/PointCloud2": lambda: read_cloud,
    "std_msgs/msg/String": lambda: read_text,
    "visualization_msgs/msg/MarkerArray": MarkerReader,
    "zed_msgs/msg/ObjectsStamped": lambda: read_objects,
}
"""What makes the reader of messages of a type, for one pass through the bag."""


class BagTopic:
    """A topic of a rosbag2 file or folder. Every iteration starts at the beginning.

    A message that cannot be read is counted in ``dropped``, the first with a warning, and a single person in
    ``rejected``; the bag goes on.

    Args:
        path: An ``.mcap`` file, or a rosbag2 folder.
        topic: Name of the topic.
        layout: Layout of people whose messages do not name one.

    Attributes:
        name: Path and topic.
        live: False.
        fps: Mean rate of the topic; None with fewer than two messages.
        dropped: Messages that could not be read.
        rejected: People left out, by reason.
        layout: As given.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no bag, or has no such topic of a type in :data:`READERS`.
    """

    live = False

    def __init__(self, path: Path, topic: str, layout: SkeletonLayout) -> None:
        self.name = f"{path}, topic {topic}"
        self.dropped = 0
        self.rejected: Counter[str] = Counter()
        self.layout = layout
        self._path = path
        if not path.exists():
            raise FileNotFoundError(f"the bag {path} does not exist")
        self._connection, self.fps = self._find(topic)

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
        read = READERS[self._connection.msgtype]()
        good, fault = 0, ""
        for recorded_ns, data in self._messages():
            try:
                frame, rejected = read(data, self.layout, recorded_ns)
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

    def _messages(self) -> Iterator[tuple[int, bytes]]:
        try:
            with Reader(self._path) as reader:
                wanted = [c for c in reader.connections if c.topic == self._connection.topic]
                for _, recorded_ns, data in reader.messages(wanted):
                    yield recorded_ns, bytes(data)
        except Exception as error:  # the library fails in many ways on damaged bytes
            raise ValueError(f"{self._path} is no readable bag: {error} ({type(error).__name__})") from error

    def _find(self, topic: str) -> tuple[Connection, float | None]:
        try:
            with Reader(self._path) as reader:
                connections = list(reader.connections)
                duration_s = (reader.duration - 1) / 1e9  # rosbags counts to just behind the last message
        except Exception as error:
            raise ValueError(f"{self._path} is no readable bag: {error} ({type(error).__name__})") from error
        for connection in connections:
            if connection.topic == topic and connection.msgtype in READERS:
                gaps = connection.msgcount - 1
                return connection, gaps / duration_s if gaps > 0 and duration_s > 0 else None
        readable = ", ".join(c.topic for c in connections if c.msgtype in READERS) or "none"
        raise ValueError(
            f"{self._path} has no topic {topic!r} of a type that is read ({', '.join(READERS)}); "
            f"topics of such types: {readable}"
        )
