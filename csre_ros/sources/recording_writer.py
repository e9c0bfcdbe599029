"""Writing recordings: skeletons, and optionally images and labels, as one MCAP file that ROS 2 and Foxglove open."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from csre_ros.skeleton import Frame, SkeletonLayout
from csre_ros.skeleton.cloud import pack_cloud
from csre_ros.sources.bag import (
    CLOUD_TYPE,
    IMAGE,
    IMAGE_TYPE,
    LABEL,
    SKELETONS,
    STRING_TYPE,
    layout_topic,
    offered_qos,
    typestore,
)
from csre_ros.sources.frames import Image
from csre_ros.sources.opencv import import_opencv

logger = logging.getLogger(__name__)

# Version 9 spells qualities of service in words, which older distributions do not read.
_BAG_VERSION: Final = 8
_JPEG_QUALITY = 90


class RecordingWriter:
    """A context manager that writes one recording.

    The file holds ``/skeletons`` (``sensor_msgs/PointCloud2``, see :mod:`csre_ros.skeleton.cloud`),
    ``/skeletons/layout`` (``std_msgs/String``, latched) and, where given, ``/image/compressed``
    (``sensor_msgs/CompressedImage``, JPEG) and ``/label`` (``std_msgs/String``), all at the stamp of their frame.

    It is one file, not a bag folder: ``ros2 bag play FILE`` and Foxglove open either, and one file is never torn apart.
    rosbags writes folders only, so the bag is made in a temporary folder beside the file and its storage moved out on
    exit. The storage repeats the bag's metadata, so nothing is lost. What was recorded before an exception is kept.

    Args:
        path: The new ``.mcap`` file.
        layout: Layout of all skeletons.

    Raises:
        ValueError: The name does not end in ``.mcap``.
        FileExistsError: The file exists; recordings are never overwritten.
        OSError: The file cannot be written.
    """

    def __init__(self, path: Path | str, layout: SkeletonLayout) -> None:
        self.path = Path(path)
        self.layout = layout
        if self.path.suffix != ".mcap":
            raise ValueError(f"a recording is called something.mcap, not {self.path.name!r}")
        if self.path.exists():
            raise FileExistsError(f"{self.path} exists and recordings are never overwritten; choose another name")
        self._types = typestore().types
        self._connections: dict[str, Any] = {}
        self._writer: Writer | None = None
        self._folder: Path | None = None

    def __enter__(self) -> RecordingWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(dir=self.path.parent, prefix=f".{self.path.stem}-"))
        self._writer = Writer(self._folder / self.path.stem, version=_BAG_VERSION, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._writer is not None
        assert self._folder is not None
        try:
            self._writer.close()
            if self._connections:
                os.replace(self._folder / self.path.stem / self.path.name, self.path)
            else:
                logger.warning("no frame was recorded, so %s was not written", self.path)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._writer = None

    def write(self, frame: Frame, image: Image | None = None, label: str | None = None) -> None:
        """Append a frame.

        Args:
            frame: The people; a frame of nobody is recorded as such. ``image_points`` are not kept.
            image: ``[H, W, 3]`` uint8 BGR, kept as JPEG.
            label: Annotation of this instant.

        Raises:
            ValueError: A skeleton has another layout, or the stamp is negative or beyond the year 2038.
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
        if not self._connections:
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
            data=np.frombuffer(packed.data, np.uint8),
            is_dense=packed.is_dense,
        )
        self._append(SKELETONS, stamp_ns, cloud)

    def _append(self, topic: str, stamp_ns: int, message: Any, *, latched: bool = False) -> None:
        assert self._writer is not None
        kind = message.__msgtype__
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, kind, typestore=typestore(), offered_qos_profiles=offered_qos(latched=latched)
            )
        self._writer.write(self._connections[topic], stamp_ns, typestore().serialize_cdr(message, kind))


def _jpeg(image: Image) -> Any:
    cv2 = import_opencv()
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
