"""What turns pictures into a file: H.264 by FFmpeg, MPEG-4 by OpenCV where there is no FFmpeg, and GIF by Pillow."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from csre_ros.app.screen.terminal import console
from csre_ros.overlay import Image
from csre_ros.paths import native_name

VIDEO_EXTRA = "pip install 'csre_ros[video]'"
GIF_FPS, GIF_WIDTH, GIF_COLOURS = 10.0, 480, 64
"""What a GIF is reduced to: twice the size on disk would hardly look better."""
_GIF_SECONDS = 60


class Encoder(Protocol):
    """Writes pictures of one size to one file, at one rate."""

    def write(self, image: Image) -> None:
        """Add a picture, ``[H, W, 3]`` uint8 BGR.

        Raises:
            OSError: The file takes no more.
        """
        ...

    def close(self) -> None:
        """Complete the file."""
        ...


class H264:
    """H.264 in mp4, as browsers play it, by the FFmpeg of imageio-ffmpeg: a program of its own that reads pictures.

    Args:
        path: The file.
        size: Width and height of the pictures; odd ones lose their last column or row.
        fps: Frames per second.
        ffmpeg: The program.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float, ffmpeg: str) -> None:
        self._width, self._height = (side - side % 2 for side in size)
        pictures = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{self._width}x{self._height}", "-r", f"{fps:g}")
        # yuv420p is what every player takes; with faststart a page plays it before all of it is there.
        codec = (
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-crf",
            "23",
            "-pix_fmt",
            "yuv420p",
            "-movflags",
            "+faststart",
        )
        command = (ffmpeg, "-y", "-v", "quiet", *pictures, "-i", "-", "-an", *codec, f"file:{path.absolute()}")
        with _signals_ignored():  # Ctrl-C is for this program, which ends the other one when the file is whole
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def write(self, image: Image) -> None:
        """As :meth:`Encoder.write`."""
        assert self._process.stdin is not None
        self._process.stdin.write(np.ascontiguousarray(image[: self._height, : self._width]).data)

    def close(self) -> None:
        """As :meth:`Encoder.close`; whether the file is whole is for the caller to see."""
        try:
            assert self._process.stdin is not None
            self._process.stdin.close()
        except BrokenPipeError:  # it has ended by itself
            pass
        finally:
            self._process.wait()


class Mpeg4:
    """MPEG-4 part 2 in mp4 by OpenCV: players show it, browsers do not.

    Raises:
        OSError: OpenCV has no encoder.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        with native_name(path) as name:
            self._writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        if not self._writer.isOpened():
            raise OSError(f"cannot write {path}: OpenCV has no mp4 encoder; {VIDEO_EXTRA}")

    def write(self, image: Image) -> None:
        """As :meth:`Encoder.write`."""
        self._writer.write(image)

    def close(self) -> None:
        """As :meth:`Encoder.close`."""
        self._writer.release()


class Gif:
    """A GIF that repeats, at most 480 pixels wide and a minute long; it is written when it is closed.

    Args:
        path: The file.
        fps: Frames per second, up to ten.

    Raises:
        ImportError: Pillow is missing.
    """

    def __init__(self, path: Path, fps: float) -> None:
        try:
            import PIL.Image
        except ImportError as error:
            raise ImportError(
                f"writing a GIF needs Pillow: {VIDEO_EXTRA}, or choose a name that ends in .mp4"
            ) from error
        self._pillow, self._path, self._fps = PIL.Image, path, fps
        self._most = round(_GIF_SECONDS * fps)
        self._frames: list[PIL.Image.Image] = []
        self._left_out = False

    def write(self, image: Image) -> None:
        """As :meth:`Encoder.write`; what comes after a minute is left out, and said at the end."""
        if len(self._frames) >= self._most:
            self._left_out = True
            return
        height, width = image.shape[:2]
        if width > GIF_WIDTH:
            size = (GIF_WIDTH, round(height * GIF_WIDTH / width))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        picture = self._pillow.fromarray(np.ascontiguousarray(image[..., ::-1]))
        # Without dither, what does not move stays the same from picture to picture and costs nothing.
        self._frames.append(picture.quantize(GIF_COLOURS, dither=self._pillow.Dither.NONE))

    def close(self) -> None:
        """As :meth:`Encoder.close`."""
        first, *others = self._frames
        duration_ms = round(1000 / self._fps)
        first.save(self._path, "GIF", save_all=True, append_images=others, duration=duration_ms, loop=0, optimize=True)
        if self._left_out:
            console.print(f"{self._path} holds the first {_GIF_SECONDS} s only; an .mp4 has no such limit")


def make_encoder(path: Path, size: tuple[int, int], fps: float) -> Encoder:
    """The best encoder there is for a file of this name.

    Raises:
        OSError: The file cannot be written.
        ImportError: What a GIF needs is missing.
    """
    if path.suffix.lower() == ".gif":
        return Gif(path, fps)
    ffmpeg = _ffmpeg()
    if ffmpeg:
        return H264(path, size, fps, ffmpeg)
    console.print(f"{path.name} will not play in browsers, since there is no H.264 encoder here: {VIDEO_EXTRA}")
    return Mpeg4(path, size, fps)


def _ffmpeg() -> str:
    """Path of FFmpeg, or nothing: that of imageio-ffmpeg, or the one that the user gave it."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return ""


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """A program started inside ignores Ctrl-C and a closed terminal; off the main thread nothing changes."""
    asked = [signal.SIGINT] if os.name != "posix" else [signal.SIGINT, signal.SIGHUP]
    try:
        before = {number: signal.signal(number, signal.SIG_IGN) for number in asked}
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
