"""Stored images: a video file, or a folder of images."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from csre_ros.sources.bag_reader import BAG_SUFFIXES
from csre_ros.sources.frames import SourceFrame
from csre_ros.sources.opencv import import_opencv
from csre_ros.sources.pacing import at_own_speed
from csre_ros.sources.settings import SourceConfig

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_DEFAULT_FPS = 30.0


class StoredImages(ABC):
    """What video files and image folders share. Every iteration starts at the beginning.

    Attributes:
        name: Path of the file or folder.
        live: False.
        fps: Nominal frames per second.
        dropped: Images that could not be read.
        layout: None; frames have images only.
    """

    live = False
    layout = None
    fps: float | None

    def __init__(self, path: Path, config: SourceConfig | None = None) -> None:
        self.name = str(path)
        self.dropped = 0
        self._path = path
        self._config = config or SourceConfig()
        self._cv2: Any = import_opencv()

    def __enter__(self) -> StoredImages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __iter__(self) -> Iterator[SourceFrame]:
        return at_own_speed(self._frames()) if self._config.realtime else self._frames()

    @abstractmethod
    def _frames(self) -> Iterator[SourceFrame]: ...


class VideoFile(StoredImages):
    """A video file. Stamps are the positions in the file, starting at about 0.

    Args:
        path: The file, anything that OpenCV's FFmpeg reads.
        config: Settings.

    Raises:
        OSError: The file does not exist, is empty, or holds no video that can be decoded.
        ImportError: OpenCV is missing.
    """

    def __init__(self, path: Path, config: SourceConfig | None = None) -> None:
        super().__init__(path, config)
        capture = self._open()
        decodes, fps = capture.grab(), capture.get(self._cv2.CAP_PROP_FPS)
        capture.release()
        if not decodes:
            raise OSError(f"{path} opens as a video but not one frame can be decoded; is it cut short?")
        self.fps = fps if math.isfinite(fps) and 0 < fps <= 1000 else _DEFAULT_FPS

    def _open(self) -> Any:
        size = self._path.stat().st_size
        capture = self._cv2.VideoCapture(str(self._path), self._cv2.CAP_FFMPEG)
        if not capture.isOpened():
            reason = "the file is empty" if size == 0 else f"none of its {size} bytes are a video that FFmpeg knows"
            raise OSError(f"{self._path} does not open as a video: {reason}")
        return capture

    def _frames(self) -> Iterator[SourceFrame]:
        capture = self._open()
        period_ms = 1000 / (self.fps or _DEFAULT_FPS)
        position_ms, count = -period_ms, 0
        try:
            while True:
                read, image = capture.read()
                if not read:
                    break
                stored_ms = capture.get(self._cv2.CAP_PROP_POS_MSEC)
                # Some containers carry no usable times: fall back on the nominal rate, frame by frame.
                usable = math.isfinite(stored_ms) and stored_ms >= 0 and stored_ms > position_ms
                position_ms = stored_ms if usable else position_ms + period_ms
                count += 1
                yield SourceFrame(round(position_ms * 1e6), self._config.frame_id, image)
            promised = capture.get(self._cv2.CAP_PROP_FRAME_COUNT)
            if count < 0.9 * promised:
                logger.warning("%s ends after %d of %d frames; it seems damaged", self.name, count, promised)
        finally:
            capture.release()


class ImageFolder(StoredImages):
    """The images of a folder in the order of their names, at a nominal rate. Stamps start at 0.

    An image that cannot be read is reported and counted; its instant is left out.

    Args:
        path: The folder.
        config: Settings; ``fps`` is the nominal rate.

    Raises:
        OSError: The folder holds no images.
        ImportError: OpenCV is missing.
    """

    def __init__(self, path: Path, config: SourceConfig | None = None) -> None:
        super().__init__(path, config)
        self.fps = self._config.fps or _DEFAULT_FPS
        self._files = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
        if not self._files:
            raise FileNotFoundError(f"the folder {path} holds no images ({', '.join(IMAGE_SUFFIXES)}){_bag_hint(path)}")

    def _frames(self) -> Iterator[SourceFrame]:
        readable = 0
        for index, file in enumerate(self._files):
            image = self._cv2.imread(str(file), self._cv2.IMREAD_COLOR)
            if image is None:
                self.dropped += 1
                logger.warning("%s is no readable image; left out", file)
                continue
            readable += 1
            yield SourceFrame(round(index / (self.fps or _DEFAULT_FPS) * 1e9), self._config.frame_id, image)
        if not readable:
            raise OSError(f"not one of the {len(self._files)} images in {self._path} can be read")


def _bag_hint(folder: Path) -> str:
    """What to do with a folder that a recorder left behind which was killed."""
    storage = ", ".join(sorted(file.name for file in folder.iterdir() if file.suffix in BAG_SUFFIXES))
    if not storage:
        return ""
    return (
        f"; it holds {storage} and no metadata.yaml, as after a recorder that was killed: name the file itself, or run "
        f"`ros2 bag reindex {folder}`"
    )
