"""Bags (rosbag2), and what a recording is as one: its topics, message types and qualities of service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from csre_ros.foreign_text import sentence

SKELETONS = "/skeletons"
IMAGE = "/image/compressed"
LABEL = "/label"

CLOUD_TYPE = "sensor_msgs/msg/PointCloud2"
IMAGE_TYPE = "sensor_msgs/msg/CompressedImage"
STRING_TYPE = "std_msgs/msg/String"

_MAGIC = b"\x89MCAP0\r\n"
_FOREVER = QosTime(9223372036, 854775807)


def layout_topic(skeletons: str = SKELETONS) -> str:
    """The latched topic that names the layout of a skeleton topic."""
    return f"{skeletons}/layout"


def offered_qos(*, latched: bool = False) -> list[Qos]:
    """Reliable; a latched topic hands its last message to whoever subscribes later."""
    durability = QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
    depth = 1 if latched else 10
    return [
        Qos(QosHistory.KEEP_LAST, depth, QosReliability.RELIABLE, durability, _FOREVER, _FOREVER,
            QosLiveliness.AUTOMATIC, _FOREVER, False)
    ]  # fmt: skip


@lru_cache(maxsize=1)
def typestore() -> Any:
    """Message definitions; those used here are the same in every ROS 2 distribution."""
    return get_typestore(Stores.ROS2_JAZZY)


class Bag:
    """An ``.mcap`` file or rosbag2 folder, opened anew for every pass.

    Args:
        path: The file or folder.

    Attributes:
        path: As given.
        connections: Its topics, with type and number of messages.

    Raises:
        OSError: It does not exist or cannot be read.
        ValueError: It is empty, cut short, damaged, or no bag.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise FileNotFoundError(f"the bag {path} does not exist")
        if path.suffix == ".mcap" and path.is_file():
            _check_ends(path)
        try:
            with Reader(path) as reader:
                self.connections: tuple[Connection, ...] = tuple(reader.connections)
                self._duration_s = (reader.duration - 1) / 1e9  # rosbags counts to just behind the last message
        except Exception as error:
            raise self.damaged(error) from error

    def rate(self, connection: Connection) -> float | None:
        """Mean messages per second of a topic; None with fewer than two messages."""
        gaps = connection.msgcount - 1
        return gaps / self._duration_s if gaps > 0 and self._duration_s > 0 else None

    def messages(self, wanted: Callable[[Connection], bool]) -> Iterator[tuple[Connection, int, bytes]]:
        """Topic, recording time in nanoseconds and serialised message, in order of time.

        Args:
            wanted: Says of which topics.

        Raises:
            OSError: The file cannot be read any more.
            ValueError: It is damaged further on.
        """
        try:
            with Reader(self.path) as reader:
                chosen = [connection for connection in reader.connections if wanted(connection)]
                if chosen:  # rosbags takes none for all
                    yield from reader.messages(chosen)
        except Exception as error:
            raise self.damaged(error) from error

    def damaged(self, error: Exception) -> Exception:
        """The library fails in many ways on damaged bytes; say which file it was and keep the reason."""
        if isinstance(error, PermissionError):
            return error
        return ValueError(f"{self.path} is no readable recording: {sentence(error)} ({type(error).__name__})")


def _check_ends(path: Path) -> None:
    """Refuse what is not a complete MCAP file, in words that say what is wrong with it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
        file.seek(max(0, size - len(_MAGIC)))
        tail = file.read()
    if not size:
        raise ValueError(f"{path} is empty (0 bytes); expected a recording (MCAP)")
    if head != _MAGIC:
        raise ValueError(f"{path} is no MCAP file: it starts with {head!r}, expected {_MAGIC!r}")
    if tail != _MAGIC or size == len(_MAGIC):
        raise ValueError(
            f"{path} was cut short: its {size} bytes lack the end that a finished recording has; copy it again, "
            "or save what is left with 'mcap recover'"
        )
