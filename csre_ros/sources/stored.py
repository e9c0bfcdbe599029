"""Stored images: a video file, or a folder of images."""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from csre_ros.foreign_text import sentence
from csre_ros.image_size import check_size
from csre_ros.paths import native_name
from csre_ros.sources.bag_reader import BAG_SUFFIXES
from csre_ros.sources.frames import Image, SourceFrame
from csre_ros.sources.opencv import import_opencv
from csre_ros.sources.pacing import at_own_speed
from csre_ros.sources.picture_size import picture_size
from csre_ros.sources.pictures import decode_picture
from csre_ros.sources.settings import SourceConfig
from csre_ros.sources.video import Video

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
    """A video with an end. Stamps are the positions in it, starting at about 0.

    Where frames are damaged, it goes on with the next that can be decoded; how many are missing is logged, and those
    lost to damage are counted.

    Args:
        path: The file, anything that OpenCV's FFmpeg reads.
        config: Settings.

    Raises:
        OSError: The file does not exist, is empty, or holds no video that can be decoded.
        ValueError: Its pictures are larger than :func:`~csre_ros.image_size.check_size` accepts.
        ImportError: OpenCV is missing.
    """

    _most_damaged = 100
    """Failures in a row after which no further frame is expected."""

    def __init__(self, path: Path, config: SourceConfig | None = None) -> None:
        super().__init__(path, config)
        self._probe()

    def _probe(self) -> None:
        video = self._open()
        try:
            if not any(video.grab() for _ in range(self._most_damaged)):
                raise OSError(f"{self.name} opens as a video but not one frame can be decoded; is it cut short?")
            self.fps = video.fps or _DEFAULT_FPS
            check_size(*video.size)
        finally:
            video.release()

    def _open(self) -> Video:
        size = self._path.stat().st_size
        with native_name(self._path) as name:
            video = Video(name)
        if not video.isOpened():
            reason = "the file is empty" if size == 0 else f"none of its {size} bytes are a video that FFmpeg knows"
            raise OSError(f"{self.name} does not open as a video: {reason}")
        return video

    def _frames(self) -> Iterator[SourceFrame]:
        video = self._open()
        period_ms = 1000 / (self.fps or _DEFAULT_FPS)
        position_ms, count, begin = -period_ms, 0, 0
        damaged, failures = False, 0
        try:
            while failures < self._most_damaged:
                if not video.grab() or (image := video.retrieve()[1]) is None:
                    failures += 1
                    continue
                damaged, failures = damaged or (failures > 0 and count > 0), 0
                begin = begin if count else video.begin
                stored_ms = video.position_ms
                # Some containers carry no usable times: fall back on the nominal rate, frame by frame.
                usable = stored_ms is not None and stored_ms > position_ms
                position_ms = stored_ms if stored_ms is not None and usable else position_ms + period_ms
                count += 1
                yield SourceFrame(round(position_ms * 1e6), self._config.frame_id, image)
            spanned = round(position_ms / period_ms) + 1
            self._judge(count, min(video.promised, max(spanned, video.promised - begin)), damaged)
        finally:
            video.release()

    def _judge(self, count: int, promised: int, damaged: bool) -> None:
        """Say what is missing. Frames are left out by cameras too, and the length of some containers is an estimate."""
        missing = max(0, promised - count)
        if damaged or count < 0.9 * promised:
            self.dropped += missing
            logger.warning("%s gives %d of %d frames; it seems damaged: %d lost", self.name, count, promised, missing)
        elif count < 0.95 * promised:
            logger.warning("%s gives %d of %d frames; %d are missing in it", self.name, count, promised, missing)


class VideoAddress(VideoFile):
    """A video with an end that a web server has; played as a file is.

    Args:
        address: Its address.
        name: The address as it may be shown.
        open_address: Opens it.
        config: Settings.

    Raises:
        OSError: It does not open, or holds no video that can be decoded.
        ValueError: Its pictures are too large.
    """

    _most_damaged = 1  # each failure may be a wait for a server

    def __init__(self, name: str, open_address: Callable[[], Video], config: SourceConfig | None = None) -> None:
        StoredImages.__init__(self, Path(), config)
        self.name = name
        self._open_address = open_address
        self._probe()

    def _open(self) -> Video:
        return self._open_address()


class ImageFolder(StoredImages):
    """The images of a folder in the order of their names, 2 before 10, at a nominal rate. Stamps start at 0.

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
        found = (file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
        self._files = sorted(found, key=lambda file: _natural(file.name))
        if not self._files:
            raise FileNotFoundError(f"the folder {path} holds no images ({', '.join(IMAGE_SUFFIXES)}){_bag_hint(path)}")

    def _frames(self) -> Iterator[SourceFrame]:
        readable = 0
        for index, file in enumerate(self._files):
            try:
                image = self._decode(file.read_bytes())  # no name reaches OpenCV
            except (OSError, ValueError, self._cv2.error) as error:
                self.dropped += 1
                logger.warning("%s is no readable image (%s); left out", file, sentence(error))
                continue
            readable += 1
            yield SourceFrame(round(index / (self.fps or _DEFAULT_FPS) * 1e9), self._config.frame_id, image)
        if not readable:
            raise OSError(f"not one of the {len(self._files)} images in {self._path} can be read")

    def _decode(self, data: bytes) -> Image:
        """The pixels, ``[H, W, 3]`` uint8 BGR, turned as the file says."""
        if picture_size(data) is not None:
            return decode_picture(data)
        image = self._cv2.imdecode(np.frombuffer(data, np.uint8), self._cv2.IMREAD_COLOR) if data else None
        if image is None:
            raise ValueError(f"{len(data)} bytes are no picture")
        check_size(image.shape[1], image.shape[0])
        return np.asarray(image, np.uint8)


def _natural(name: str) -> tuple[list[tuple[bool, int, str]], str]:
    """Sorts ``2.jpg`` before ``10.jpg``: numbers in a name count as numbers.

    >>> sorted(["10.jpg", "2.jpg", "b1", "1.jpg"], key=_natural)
    ['1.jpg', '2.jpg', '10.jpg', 'b1']
    """
    parts = re.split(r"([0-9]+)", name)
    return [(False, int(part), "") if part[0] in "0123456789" else (True, 0, part) for part in parts if part], name


def _bag_hint(folder: Path) -> str:
    """What to do with a folder that a recorder left behind which was killed."""
    storage = ", ".join(sorted(file.name for file in folder.iterdir() if file.suffix in BAG_SUFFIXES))
    if not storage:
        return ""
    return (
        f"; it holds {storage} and no metadata.yaml, as after a recorder that was killed: name the file itself, or run "
        f"`ros2 bag reindex {folder}`"
    )
