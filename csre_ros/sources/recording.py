"""Reading recordings: our own, and any rosbag2 file or folder with skeleton clouds."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.rosbag2 import Reader

from csre_ros.skeleton import SkeletonLayout, get_layout
from csre_ros.skeleton.cloud import unpack_cloud
from csre_ros.sources.bag import CLOUD_TYPE, IMAGE, IMAGE_TYPE, LABEL, STRING_TYPE, layout_topic, typestore
from csre_ros.sources.frames import Image, SourceFrame
from csre_ros.sources.pacing import at_own_speed
from csre_ros.sources.pictures import decode_picture
from csre_ros.sources.settings import SourceConfig

logger = logging.getLogger(__name__)

_MAGIC = b"\x89MCAP0\r\n"


class RecordingSource:
    """A recording. Every iteration starts at the beginning.

    The skeletons are those of the one ``sensor_msgs/PointCloud2`` topic that has a ``std_msgs/String`` topic
    ``.../layout`` beside it. Images and labels belong to the frame of the same recording time. A single cloud that
    cannot be read is counted in ``dropped``, a single person in ``rejected``; the recording goes on.

    Args:
        path: An ``.mcap`` file, or a rosbag2 folder.
        config: Settings; ``frame_id`` and camera settings do not apply.

    Attributes:
        name: Path of the recording.
        live: False.
        fps: Mean rate of the skeletons; None with fewer than two frames.
        dropped: Frames that could not be read.
        rejected: People left out, by reason.
        layout: Layout of the skeletons.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is empty, cut short, damaged, no rosbag2 recording, has no skeletons, or an unknown layout.
    """

    live = False

    def __init__(self, path: Path, config: SourceConfig | None = None) -> None:
        self.name = str(path)
        self.dropped = 0
        self.rejected: Counter[str] = Counter()
        self._path = path
        self._config = config or SourceConfig()
        if path.is_file():
            _check_ends(path)
        self._topic, self.fps = self._find_skeletons()
        self.layout = self._read_layout()

    def __enter__(self) -> RecordingSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __iter__(self) -> Iterator[SourceFrame]:
        """The frames in order of recording.

        Raises:
            ValueError: The file is damaged further on.
        """
        return at_own_speed(self._frames()) if self._config.realtime else self._frames()

    def _frames(self) -> Iterator[SourceFrame]:
        messages = self._messages({self._topic: CLOUD_TYPE, IMAGE: IMAGE_TYPE, LABEL: STRING_TYPE})
        for recorded_ns, group in groupby(messages, key=lambda message: message[1]):
            image: Image | None = None
            label: str | None = None
            clouds = []
            for topic, _, message in group:
                if topic == self._topic:
                    clouds.append(message)
                elif topic == IMAGE:
                    image = _decode(message)
                else:
                    label = message.data
            for cloud in clouds:
                try:
                    skeletons, rejected = unpack_cloud(cloud, self.layout)
                except ValueError as error:
                    self.dropped += 1
                    logger.warning("%s: the frame at %d ns is left out: %s", self._path, recorded_ns, error)
                    continue
                self.rejected += rejected
                stamp = cloud.header.stamp
                stamp_ns = (stamp.sec * 1_000_000_000 + stamp.nanosec) or recorded_ns
                yield SourceFrame(stamp_ns, cloud.header.frame_id, image, skeletons, label)

    def _find_skeletons(self) -> tuple[str, float | None]:
        try:
            with Reader(self._path) as reader:
                connections = list(reader.connections)
                duration_s = (reader.duration - 1) / 1e9  # rosbags counts to just behind the last message
        except Exception as error:
            raise self._damaged(error) from error
        strings = {connection.topic for connection in connections if connection.msgtype == STRING_TYPE}
        found = [c for c in connections if c.msgtype == CLOUD_TYPE and layout_topic(c.topic) in strings and c.msgcount]
        if len(found) != 1:
            present = ", ".join(f"{c.topic} ({c.msgtype})" for c in connections) or "nothing"
            raise ValueError(
                f"{self._path} has {len(found) or 'no'} skeleton topics: it holds {present}; expected one topic "
                f"of type {CLOUD_TYPE} and beside it <topic>/layout of type {STRING_TYPE}; other "
                "topics are replayed by `csre replay BAG --topic NAME`"
            )
        gaps = found[0].msgcount - 1
        return found[0].topic, gaps / duration_s if gaps and duration_s > 0 else None

    def _read_layout(self) -> SkeletonLayout:
        topic = layout_topic(self._topic)
        for _, _, message in self._messages({topic: STRING_TYPE}):
            try:
                return get_layout(message.data)
            except ValueError as error:
                raise ValueError(f"{self._path}, topic {topic}: {error}") from None
        raise ValueError(f"{self._path}: topic {topic} is empty; expected the name of a layout")

    def _messages(self, topics: dict[str, str]) -> Iterator[tuple[str, int, Any]]:
        """Topic, recording time and decoded message, in order of time."""
        try:
            with Reader(self._path) as reader:
                wanted = [c for c in reader.connections if topics.get(c.topic) == c.msgtype]
                for connection, recorded_ns, data in reader.messages(wanted):
                    message = typestore().deserialize_cdr(data, connection.msgtype)
                    yield connection.topic, recorded_ns, message
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> Exception:
        """The library fails in many ways on damaged bytes; say which file it was and keep the reason."""
        if isinstance(error, PermissionError):
            return error
        return ValueError(f"{self._path} is no readable recording: {error} ({type(error).__name__})")


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


def _decode(message: Any) -> Image | None:
    """The image, ``[H, W, 3]`` uint8 BGR; None when it is damaged."""
    try:
        return decode_picture(message.data)
    except ValueError:
        return None
