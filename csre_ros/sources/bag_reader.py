"""Reading bags, of whatever kind and name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from rosbags.rosbag2 import Reader

from csre_ros.foreign_text import sentence
from csre_ros.sources.bag import Bag, BagMessage, Topic
from csre_ros.sources.mcap_reader import MAGIC, McapFile

logger = logging.getLogger(__name__)

BAG_SUFFIXES = (".mcap", ".db3")

_METADATA, _METADATA_KEY = "metadata.yaml", b"rosbag2_bagfile_information"
_SQLITE, _ROS1, _ZSTD = b"SQLite format 3\0", b"#ROSBAG V", b"\x28\xb5\x2f\xfd"
_HEAD_BYTES = 64


class RosbagsBag(Bag):
    """A bag that the ``rosbags`` package reads: a folder, or an SQLite file.

    Raises:
        PermissionError: It may not be read.
        ValueError: It is damaged, or of a kind that is not known.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost: list[str] = []
        try:
            with Reader(path) as reader:
                self.topics = [Topic(c.topic, c.msgtype, c.msgcount) for c in reader.connections]
                self.duration_s = max(0, reader.duration - 1) / 1e9  # rosbags counts to just behind the last message
        except Exception as error:
            raise self._damaged(error) from error

    def messages(self, wanted: Callable[[Topic], bool] = lambda topic: True) -> Iterator[BagMessage]:
        """As :meth:`Bag.messages`."""
        topics = {(topic.name, topic.kind): topic for topic in self.topics if wanted(topic)}
        try:
            with Reader(self.path) as reader:
                chosen = [
                    connection for connection in reader.connections if (connection.topic, connection.msgtype) in topics
                ]
                for connection, recorded_ns, data in reader.messages(chosen) if chosen else ():  # it takes none for all
                    yield BagMessage(topics[connection.topic, connection.msgtype], recorded_ns, bytes(data))
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> Exception:
        """The library fails in many ways on damaged bytes; say which bag it was and keep the reason."""
        if isinstance(error, PermissionError):
            return error
        return ValueError(f"{self.path} is no readable recording: {sentence(error)} ({type(error).__name__})")


def open_bag(path: Path) -> Bag:
    """Open a bag. Of a file without its end, everything that is whole is read, and a warning says what is lost.

    Args:
        path: A file or folder for which :func:`names_bag` is true.

    Raises:
        OSError: It does not exist or cannot be read.
        ValueError: It is damaged, or must be converted or named in another way first; the text says how.
    """
    if not path.exists():
        raise FileNotFoundError(f"the bag {path} does not exist")
    if path.is_dir():
        return RosbagsBag(path)
    head = _head(path)
    if head.startswith(_METADATA_KEY):
        return RosbagsBag(path.parent)
    if head.startswith(_ROS1):
        raise ValueError(
            f"{path} is a bag of ROS 1; convert it first: rosbags-convert --src {path} --dst {path.with_suffix('')}"
        )
    if head.startswith(_ZSTD):
        raise ValueError(f"{path} is one compressed file of a bag; name the folder that it lies in, {path.parent}")
    if path.suffix == ".db3":
        return RosbagsBag(path)
    if not head.startswith(_SQLITE):
        bag = McapFile(path)
        if bag.lost:
            read = f"{bag.duration_s:.1f} s are read, and `csre recover` makes a complete file of them"
            logger.warning("%s: %s; %s", path, "; ".join(bag.lost), read)
        return bag
    raise ValueError(f"{path} is an SQLite file, of which rosbags knows a bag by its name; call it something.db3")


def names_bag(path: Path) -> bool:
    """Whether a path is a bag by its content, or by its name where it does not exist."""
    if path.is_dir():
        return (path / _METADATA).exists()
    inner = Path(path.stem).suffix if path.suffix == ".zstd" else path.suffix
    if inner.lower() in BAG_SUFFIXES or not path.is_file():
        return inner.lower() in BAG_SUFFIXES
    return _head(path).startswith((MAGIC, _SQLITE, _ROS1, _METADATA_KEY))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)
