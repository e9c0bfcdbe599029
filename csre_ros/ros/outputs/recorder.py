"""The node's own recordings: the people of every frame, in files that ``csre replay`` and ``ros2 bag play`` read."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from rclpy.node import Node

from csre_ros.foreign_text import quoted
from csre_ros.paths import user_path
from csre_ros.ros.settings import NodeConfig
from csre_ros.skeleton import Frame, SkeletonLayout
from csre_ros.sources.recording_writer import RecordingWriter

_MOST_FILES, _PERIOD_S = 5, 60.0  # files that may begin within so many seconds


def recording_folder(config: NodeConfig) -> Path:
    """The folder that the parameter ``record`` names.

    Raises:
        ValueError: It is no folder, or the one that is captured.
    """
    folder = user_path(config.record)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"record is {quoted(config.record)}, which is no folder; recordings are files in one")
    if config.input == "camera" and os.path.realpath(folder) == os.path.realpath(user_path(config.source)):
        raise ValueError(f"record and source are the same folder, {quoted(config.record)}; record into another one")
    return folder


class Recorder:
    """Writes one recording after the other into a folder.

    A file begins with the first person seen and ends when the input stops, the node is deactivated, the stamps go back,
    or everybody has another layout; what follows goes into the next one. What does not fit into a file is left out and
    counted; so is what would begin a sixth file within a minute. If a file cannot be written, what it has
    is kept, recording ends with an error in the log, and everything else goes on.

    Args:
        node: For its log.
        folder: Where the files go; made if it is not there. They are called ``people_DATE_TIME.mcap``, in UTC.
        counts: Where ``unrecorded_frame`` (its stamp fits no file) and ``unrecorded_person`` (of another layout than
            the file) are counted.
        rounded: Leave out what is below the noise of sensors, as :class:`RecordingWriter` says.

    Attributes:
        failure: Why nothing is recorded any more, and what is kept; empty while all is well.
    """

    def __init__(self, node: Node, folder: Path, counts: Counter[str], rounded: bool = True) -> None:
        self._logger = node.get_logger()
        self._folder = folder
        self._counts = counts
        self._rounded = rounded
        self._stack = ExitStack()
        self._writer: RecordingWriter | None = None
        self._newest_ns = 0
        self._begun_s: deque[float] = deque(maxlen=_MOST_FILES)
        self.failure = ""

    def write(self, frame: Frame) -> None:
        """Append the people of a frame."""
        if self.failure:
            self._counts["unrecorded_frame"] += 1
            return
        try:
            if (writer := self._writer_for(frame)) is not None:
                self._append(writer, frame)
        except ValueError as error:
            self._counts["unrecorded_frame"] += 1
            self._logger.warning(f"a frame is not recorded: {error}", throttle_duration_sec=5.0)
        except OSError as error:
            self._counts["unrecorded_frame"] += 1
            self._end(error)

    def close(self) -> None:
        """Complete the file, so that it is safe whatever happens next."""
        writer, self._writer = self._writer, None
        try:
            self._stack.close()
        except OSError as error:
            self._end(error)
            return
        if writer is not None and not self.failure and writer.path.exists():
            self._logger.info(f"recorded {writer.path}")

    def _end(self, error: OSError) -> None:
        """Give up; the first reason is the one to tell."""
        if not self.failure:
            self.failure = f"recording has ended: {error}"
            self._logger.error(self.failure)
            self.close()

    def _append(self, writer: RecordingWriter, frame: Frame) -> None:
        fitting = tuple(skeleton for skeleton in frame.skeletons if skeleton.layout == writer.layout)
        writer.write(replace(frame, skeletons=fitting))
        self._newest_ns = frame.stamp_ns
        if left_out := len(frame.skeletons) - len(fitting):
            self._counts["unrecorded_person"] += left_out

    def _writer_for(self, frame: Frame) -> RecordingWriter | None:
        """The file for a frame; None before anybody was seen."""
        layouts = [skeleton.layout for skeleton in frame.skeletons]
        if self._writer is not None:
            if frame.stamp_ns >= self._newest_ns and (not layouts or self._writer.layout in layouts):
                return self._writer
            self.close()
        if layouts:
            self._hold_back()
            self._writer = self._stack.enter_context(self._open(layouts[0]))
            self._newest_ns = frame.stamp_ns
        return self._writer

    def _hold_back(self) -> None:
        """Keep files rare: stamps that go back with every frame would fill the folder with files of one frame.

        Raises:
            ValueError: It is too early for another file.
        """
        now_s = time.monotonic()
        if len(self._begun_s) == _MOST_FILES and now_s - self._begun_s[0] < _PERIOD_S:
            raise ValueError(f"{_MOST_FILES} files were begun within {_PERIOD_S:g} s; the next one must wait")
        self._begun_s.append(now_s)

    def _open(self, layout: SkeletonLayout) -> RecordingWriter:
        now = datetime.now(timezone.utc)
        return RecordingWriter(self._folder / f"people_{now:%Y%m%d_%H%M%S_%f}.mcap", layout, self._rounded)
