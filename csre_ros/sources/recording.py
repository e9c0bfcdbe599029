"""Reading recordings: our own, and any rosbag2 file or folder with skeleton clouds."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

from csre_ros.foreign_text import quoted, sentence
from csre_ros.skeleton import SkeletonLayout, get_layout
from csre_ros.skeleton.cloud import holds_width_and_height, unpack_cloud
from csre_ros.sources.bag import CLOUD_TYPE, IMAGE, IMAGE_TYPE, LABEL, STRING_TYPE, layout_topic, typestore
from csre_ros.sources.bag_reader import open_bag
from csre_ros.sources.frames import Image, SourceFrame
from csre_ros.sources.pacing import at_own_speed
from csre_ros.sources.pictures import decode_picture
from csre_ros.sources.settings import SourceConfig

logger = logging.getLogger(__name__)

_SHOWN = 20  # topics in a message, at most


class RecordingSource:
    """A recording. Every iteration starts at the beginning.

    The skeletons are those of the one ``sensor_msgs/PointCloud2`` topic that has a ``std_msgs/String`` topic
    ``.../layout`` beside it. Images and labels belong to the frame of the same recording time. A single cloud that
    cannot be read is counted in ``dropped``, a single person in ``rejected``; the recording goes on. A file without its
    end gives what is whole, and a warning says what is lost.

    Image points of older recordings are divided by width and height. They are converted by the shape of the recorded
    images, or that of ``config``.

    Args:
        path: A bag as :func:`~csre_ros.sources.bag_reader.open_bag` takes it.
        config: Settings; ``frame_id`` does not apply, ``width`` and ``height`` to older image points only.

    Attributes:
        name: Path of the recording.
        live: False.
        fps: Mean rate of the skeletons; None with fewer than two frames.
        dropped: Frames that could not be read.
        rejected: People left out, by reason.
        layout: Layout of the skeletons.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is empty, cut short, damaged, no rosbag2 recording, has no skeletons, an unknown layout, or older
            image points of images whose shape is not known.
    """

    live = False

    def __init__(self, path: Path, config: SourceConfig | None = None) -> None:
        self.name = str(path)
        self.dropped = 0
        self.rejected: Counter[str] = Counter()
        self._path = path
        self._config = config or SourceConfig()
        self._bag = open_bag(path)
        self._topic, self.fps = self._find_skeletons()
        self.layout = self._read_layout()
        self._aspect = self._read_aspect() if self.layout.dims == 2 else None

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
                    skeletons, rejected = unpack_cloud(cloud, self.layout, aspect=self._aspect)
                except ValueError as error:
                    self.dropped += 1
                    logger.warning("%s: the frame at %d ns is left out: %s", self._path, recorded_ns, error)
                    continue
                self.rejected += rejected
                stamp = cloud.header.stamp
                stamp_ns = (stamp.sec * 1_000_000_000 + stamp.nanosec) or recorded_ns
                yield SourceFrame(stamp_ns, cloud.header.frame_id, image, skeletons, label)

    def _find_skeletons(self) -> tuple[str, float | None]:
        topics = self._bag.topics
        strings = {topic.name for topic in topics if topic.kind == STRING_TYPE}
        found = [t for t in topics if t.kind == CLOUD_TYPE and layout_topic(t.name) in strings and t.count]
        if len(found) != 1:
            present = ", ".join(f"{quoted(t.name)} ({quoted(t.kind)})" for t in topics[:_SHOWN]) or "nothing"
            raise ValueError(
                f"{self._path} has {len(found) or 'no'} skeleton topics: it holds {present}; expected one topic "
                f"of type {CLOUD_TYPE} and beside it <topic>/layout of type {STRING_TYPE}; other "
                "topics are replayed by `csre replay BAG --topic NAME`"
            )
        return found[0].name, self._bag.rate(found[0])

    def _read_layout(self) -> SkeletonLayout:
        topic = layout_topic(self._topic)
        for _, _, message in self._messages({topic: STRING_TYPE}):
            try:
                return get_layout(message.data)
            except ValueError as error:
                raise ValueError(f"{self._path}, topic {topic}: {error}") from None
        raise ValueError(f"{self._path}: topic {topic} is empty; expected the name of a layout")

    def _read_aspect(self) -> float | None:
        """Width by height of the images behind image points; None where these are divided by the height alone."""
        _, _, cloud = next(self._messages({self._topic: CLOUD_TYPE}))
        if not holds_width_and_height(cloud):
            return None
        for _, _, message in self._messages({IMAGE: IMAGE_TYPE}):
            if (image := _decode(message)) is not None:
                return float(image.shape[1] / image.shape[0])
        if self._config.width and self._config.height:
            return self._config.width / self._config.height
        raise ValueError(
            f"{self._path} holds image points divided by width and height, and no image that shows how wide it was: "
            "say how large the images were, in pixels (csre replay: --image_width and --image_height; otherwise "
            "capture.width and capture.height)"
        )

    def _messages(self, topics: dict[str, str]) -> Iterator[tuple[str, int, Any]]:
        """Topic, recording time and decoded message, in order of time."""
        for topic, recorded_ns, data in self._bag.messages(lambda topic: topics.get(topic.name) == topic.kind):
            try:
                message = typestore().deserialize_cdr(data, topic.kind)
            except Exception as error:  # the library fails in many ways on damaged bytes
                raise ValueError(
                    f"{self._path} is no readable recording: the message of {quoted(topic.name)} at {recorded_ns} ns "
                    f"cannot be decoded: {sentence(error)} ({type(error).__name__})"
                ) from error
            yield topic.name, recorded_ns, message


def _decode(message: Any) -> Image | None:
    """The image, ``[H, W, 3]`` uint8 BGR; None when it is damaged."""
    try:
        return decode_picture(message.data)
    except ValueError:
        return None
