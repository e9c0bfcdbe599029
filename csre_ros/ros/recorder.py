"""The node's own recordings: the people of every frame, in files that ``csre replay`` and ``ros2 bag play`` read."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

from rclpy.node import Node

from csre_ros.ros.moment import Moment
from csre_ros.skeleton import Frame, SkeletonLayout
from csre_ros.sources.recording_writer import RecordingWriter


class Recorder:
    """Writes one recording after the other into a folder.

    A file begins with the first person seen and ends when the input stops, the node is deactivated, or people come in
    another layout; what follows goes into the next one. If a file cannot be written, recording ends with an error in
    the log, and everything else goes on.

    Args:
        node: For its log.
        folder: Where the files go; made if it is not there. They are called ``people_DATE_TIME.mcap``, in UTC.
    """

    def __init__(self, node: Node, folder: Path) -> None:
        self._logger = node.get_logger()
        self._folder = folder
        self._stack = ExitStack()
        self._writer: RecordingWriter | None = None
        self._broken = False

    def publish(self, moment: Moment) -> None:
        """Append the people of a frame."""
        if self._broken:
            return
        try:
            writer = self._writer_for(moment)
            if writer is not None:
                writer.write(Frame(moment.stamp_ns, moment.frame_id, moment.skeletons))
        except (OSError, ValueError) as error:
            self._broken = True
            self._logger.error(f"recording ends: {error}")

    def withdraw(self) -> None:
        """Complete the file, so that it is safe whatever happens next."""
        writer, self._writer = self._writer, None
        try:
            self._stack.close()
        except OSError as error:
            self._logger.error(f"{self._folder} lost a recording: {error}")
            return
        if writer is not None:
            self._logger.info(f"recorded {writer.path}")

    def destroy(self) -> None:
        """As :meth:`withdraw`."""
        self.withdraw()

    def _writer_for(self, moment: Moment) -> RecordingWriter | None:
        """The file for a frame; None before anybody was seen."""
        layout = moment.skeletons[0].layout if moment.skeletons else None
        if self._writer is not None and layout in (None, self._writer.layout):
            return self._writer
        if layout is None:
            return None
        self.withdraw()
        self._writer = self._stack.enter_context(self._open(layout))
        return self._writer

    def _open(self, layout: SkeletonLayout) -> RecordingWriter:
        now = datetime.now(timezone.utc)
        return RecordingWriter(self._folder / f"people_{now:%Y%m%d_%H%M%S_%f}.mcap", layout)
