"""Video files and contact sheets of what was drawn."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from csre_ros.app.screen.encoders import GIF_FPS, Encoder, make_encoder
from csre_ros.overlay import Image
from csre_ros.paths import native_name

_SHEET_COLUMNS = 3
_TILE = (320, 240)


class VideoSink:
    """An .mp4 or .gif file that plays at the speed of the stamps. A context manager; at the end an .mp4 is checked.

    Args:
        path: File to write; an existing one is replaced.
        fps: Frames per second; instants without a new frame repeat the last one.

    Raises:
        OSError: The file cannot be written, or at the end: not all of it is there.
        ImportError: With the first picture of a GIF: Pillow is missing.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path = path
        self._is_gif = path.suffix.lower() == ".gif"
        self._fps = min(fps, GIF_FPS) if self._is_gif else fps
        self._writer: Encoder | None = None
        self._size = (0, 0)
        self._first_ns = 0
        self._written = self._frames = 0
        if not path.parent.is_dir():
            raise OSError(f"cannot write {path}: there is no folder {path.parent}")

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
            if kind is None and not self._is_gif:
                self._check()

    def write(self, image: Image, stamp_ns: int) -> None:
        """Add the picture of an instant.

        Raises:
            OSError: The file cannot be written.
        """
        if self._writer is None:
            self._open(image, stamp_ns)
        assert self._writer is not None
        height, width = image.shape[:2]
        if (width, height) != self._size:
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        wanted = round((stamp_ns - self._first_ns) / 1e9 * self._fps) + 1
        if wanted <= self._written and self._is_gif:
            return  # more pictures than it takes
        # A clock that jumped must not fill the disk: more than ten seconds without a frame are cut.
        for _ in range(min(max(wanted - self._written, 1), round(10 * self._fps))):
            self._frames += 1
            try:
                self._writer.write(image)
            except BrokenPipeError:
                raise self._incomplete() from None
        self._written = max(wanted, self._written + 1)

    def _open(self, image: Image, stamp_ns: int) -> None:
        height, width = image.shape[:2]
        self._size, self._first_ns = (width, height), stamp_ns
        self.path.open("wb").close()  # the system says why it cannot be written; OpenCV does not
        self._writer = make_encoder(self.path, self._size, self._fps)

    def _check(self) -> None:
        """Open what was written and decode its last frame; FFmpeg does not say when the disk takes no more."""
        with native_name(self.path) as name:
            capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
        found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.set(cv2.CAP_PROP_POS_FRAMES, max(0, found - 1))
        whole = found >= self._frames and capture.read()[0]
        capture.release()
        if not whole:
            raise self._incomplete()

    def _incomplete(self) -> OSError:
        free_mb = shutil.disk_usage(self.path.parent).free / 1e6
        return OSError(
            f"{self.path} is not complete and may not play: the disk did not take all of its {self._frames} frames "
            f"({free_mb:.0f} MB are free now); write to another disk, or limit the size of frames or --seconds"
        )


class ContactSheet:
    """The best picture of every action seen, side by side in one image."""

    def __init__(self, most: int = 6) -> None:
        self._most = most
        self._best: dict[tuple[int, str], tuple[float, Image]] = {}

    def offer(self, person: int, action: str, score: float, image: Image) -> None:
        """Keep a picture if it shows its action with a higher score than the one kept so far."""
        key = (person, action)
        if key not in self._best and len(self._best) >= self._most:
            return
        if key not in self._best or score > self._best[key][0]:
            self._best[key] = (score, np.asarray(cv2.resize(image, _TILE, interpolation=cv2.INTER_AREA), np.uint8))

    def save(self, path: Path) -> bool:
        """Write the sheet; False where no action was seen.

        Raises:
            OSError: The file cannot be written.
        """
        tiles = [image for _, image in self._best.values()]
        if not tiles:
            return False
        columns = min(_SHEET_COLUMNS, len(tiles))
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
        rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
        path.write_bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())  # no name reaches OpenCV
        return True
