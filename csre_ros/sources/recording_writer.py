"""Writing recordings: skeletons, and optionally images and labels, as one MCAP file that ROS 2 and Foxglove open."""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import Frame, SkeletonLayout
from csre_ros.skeleton.cloud import PackedCloud, pack_cloud
from csre_ros.sources.bag import (
    CLOUD_TYPE,
    IMAGE,
    IMAGE_TYPE,
    LABEL,
    SKELETONS,
    STRING_TYPE,
    Topic,
    layout_topic,
    offered_qos,
    typestore,
)
from csre_ros.sources.frames import Image
from csre_ros.sources.mcap_writer import McapWriter
from csre_ros.sources.opencv import import_opencv

logger = logging.getLogger(__name__)

_JPEG_QUALITY = 90
# Noise does not compress. Powers of two leave zeros in the mantissa; what was rounded once stays as it is.
_POSITION_STEPS, _CONFIDENCE_STEPS = 8192, 1024


class RecordingWriter:
    """A context manager that writes one recording.

    The file holds ``/skeletons`` (``sensor_msgs/PointCloud2``, see :mod:`csre_ros.skeleton.cloud`),
    ``/skeletons/layout`` (``std_msgs/String``, latched) and, where given, ``/image/compressed``
    (``sensor_msgs/CompressedImage``, JPEG) and ``/label`` (``std_msgs/String``), all at the stamp of their frame.

    It is one file, not a bag folder: ``ros2 bag play FILE`` and Foxglove open either, and one file is never torn apart.
    What was written is on the disk at most two seconds later and stays there, however the recording ends; see
    :class:`~csre_ros.sources.mcap_writer.McapWriter`.

    Args:
        path: The new ``.mcap`` file.
        layout: Layout of all skeletons.
        rounded: Keep positions to 1/8192 of a metre, or of the height of the image, and confidences to 1/1024: an
            eighth of a millimetre is far below what any sensor tells, and the file takes two thirds of the room. For
            people who come from sensors; a recording of a recording is exact. The metadata of the topic says so.

    Raises:
        ValueError: The name does not end in ``.mcap``.
        FileExistsError: The file exists; recordings are never overwritten.
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path | str, layout: SkeletonLayout, rounded: bool = False) -> None:
        self.path = Path(path)
        self.layout = layout
        self._rounded = rounded
        check_new(self.path)
        self._types = typestore().types
        self._topics: dict[str, int] = {}
        self._file = McapWriter(self.path)

    def __enter__(self) -> RecordingWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)
        if not self._topics:
            logger.warning("no frame was recorded, so %s was not written", self.path)

    def write(self, frame: Frame, image: Image | None = None, label: str | None = None) -> None:
        """Append a frame.

        Args:
            frame: The people; a frame of nobody is recorded as such. ``image_points`` are not kept.
            image: ``[H, W, 3]`` uint8 BGR, kept as JPEG.
            label: Annotation of this instant.

        Raises:
            ValueError: A skeleton has another layout, or the stamp is negative or beyond the year 2038.
            OSError: The disk takes no more; the text says what is kept. Nothing more can be written.
        """
        seconds, nanoseconds = divmod(frame.stamp_ns, 1_000_000_000)
        if not 0 <= seconds < 2**31:
            raise ValueError(f"stamp {frame.stamp_ns} ns cannot be recorded; ROS times lie in 0..{2**31 - 1} s")
        packed = pack_cloud(frame.skeletons, self.layout)
        types, stamp_ns = self._types, frame.stamp_ns
        header = types["std_msgs/msg/Header"](
            types["builtin_interfaces/msg/Time"](seconds, nanoseconds), frame.frame_id
        )
        string = types[STRING_TYPE]
        if not self._topics:
            self._append(layout_topic(), stamp_ns, string(self.layout.name), latched=True)
        if image is not None:
            self._append(IMAGE, stamp_ns, types[IMAGE_TYPE](header, "jpeg", _jpeg(image)))
        if label is not None:
            self._append(LABEL, stamp_ns, string(label))
        field = types["sensor_msgs/msg/PointField"]
        cloud = types[CLOUD_TYPE](
            header=header,
            height=packed.height,
            width=packed.width,
            fields=[field(item.name, item.offset, item.datatype, item.count) for item in packed.fields],
            is_bigendian=packed.is_bigendian,
            point_step=packed.point_step,
            row_step=packed.row_step,
            data=_rounded(packed) if self._rounded else np.frombuffer(packed.data, np.uint8),
            is_dense=packed.is_dense,
        )
        self._append(SKELETONS, stamp_ns, cloud)

    def _append(self, topic: str, stamp_ns: int, message: Any, *, latched: bool = False) -> None:
        kind = message.__msgtype__
        if topic not in self._topics:
            definition, _ = typestore().generate_msgdef(kind, ros_version=2)
            metadata = {"offered_qos_profiles": offered_qos(latched=latched)}
            if self._rounded and topic == SKELETONS:
                metadata |= {"position_step": f"1/{_POSITION_STEPS}", "confidence_step": f"1/{_CONFIDENCE_STEPS}"}
            facts = Topic(topic, kind, metadata=metadata, definition=definition.encode())
            self._topics[topic] = self._file.add_topic(facts)
        self._file.write(self._topics[topic], stamp_ns, bytes(typestore().serialize_cdr(message, kind)))


def _rounded(packed: PackedCloud) -> NDArray[np.uint8]:
    """The data of a cloud, less the digits that nobody needs. A joint that was seen stays seen."""
    points = np.frombuffer(packed.data, "<f4").reshape(-1, len(packed.fields)).copy()
    positions, confidence = points[:, :-2], points[:, -2]  # behind them, the bits of the id
    positions[:] = np.rint(positions * _POSITION_STEPS) / _POSITION_STEPS
    confidence[:] = np.maximum(np.rint(confidence * _CONFIDENCE_STEPS), confidence > 0) / _CONFIDENCE_STEPS
    return points.view(np.uint8).reshape(-1)


def check_new(path: Path) -> None:
    """Refuse a name under which no recording can be made.

    Raises:
        ValueError: It does not end in ``.mcap``.
        FileExistsError: The file exists; recordings are never overwritten.
    """
    if path.suffix != ".mcap":
        raise ValueError(f"a recording is called something.mcap, not {path.name!r}")
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists and recordings are never overwritten; choose another name")


def _jpeg(image: Image) -> Any:
    cv2 = import_opencv()
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
