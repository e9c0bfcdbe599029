"""Opening cameras and network streams with OpenCV."""

from __future__ import annotations

import logging
import math
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from csre_ros.sources.frames import Image
from csre_ros.sources.opencv import import_opencv
from csre_ros.sources.settings import SourceConfig
from csre_ros.sources.video import Video

logger = logging.getLogger(__name__)

URL_SCHEMES = ("http", "https", "rtsp", "rtsps", "udp")
_OPEN_TIMEOUT_MS = 10_000
_STREAM_HINT = "check the address, the network and the login"


class OpenCvCapture:
    """An open ``cv2.VideoCapture``, or :class:`~csre_ros.sources.video.Video`, that has proven to deliver frames.

    Args:
        capture: The capture.
        name: What the user asked for, for messages.
        hint: What to check when it does not work.

    Raises:
        OSError: It is not open or delivers nothing; the capture is released.
    """

    def __init__(self, capture: Any, name: str, hint: str) -> None:
        self._capture = capture
        fault = (
            "does not open" if not capture.isOpened() else "opens but delivers no frame" if not self.grab() else None
        )
        if fault is not None:
            capture.release()
            raise OSError(f"{name} {fault}; {hint}")
        fps = capture.get(import_opencv().CAP_PROP_FPS)
        self.fps: float | None = fps if math.isfinite(fps) and 0 < fps <= 1000 else None

    def grab(self) -> bool:
        """Wait for the next frame; False when there is none any more."""
        return bool(self._capture.grab())

    def retrieve(self) -> Image | None:
        """The grabbed frame, ``[H, W, 3]`` uint8 BGR; None when it is damaged."""
        read, image = self._capture.retrieve()
        return np.asarray(image, np.uint8) if read and image is not None and image.ndim == 3 else None

    def release(self) -> None:
        """Close the device."""
        self._capture.release()


def open_camera(index: int, config: SourceConfig) -> OpenCvCapture:
    """Open a local camera.

    Raises:
        OSError: There is no such camera, it is busy, or it may not be read; the text lists what exists.
        ImportError: OpenCV is missing.
    """
    cv2 = import_opencv()
    name, backend = f"camera:{index}", cv2.CAP_ANY
    hint = "another program may be using it"
    if sys.platform.startswith("linux"):
        device, backend = Path(f"/dev/video{index}"), cv2.CAP_V4L2
        if not device.exists():
            raise FileNotFoundError(f"{name} does not exist: {_existing_cameras()}")
        if not os.access(device, os.R_OK | os.W_OK):
            raise PermissionError(f"{name} may not be read: add yourself to the group of {device} (usually 'video')")
        hint += f", or {device} is not the camera's image: {_existing_cameras()}"
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(math.ceil(config.max_age_s)))
    capture = cv2.VideoCapture(index, backend)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a longer queue would only age
    _choose_format(cv2, capture, name, config.fourcc)
    for setting, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, config.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, config.height),
        (cv2.CAP_PROP_FPS, config.fps),
    ):
        if value:
            capture.set(setting, value)
    return OpenCvCapture(capture, name, hint)


def open_address(url: str, config: SourceConfig) -> Video:
    """Open a network stream, or a file of a web server.

    Raises:
        OSError: It does not open.
        ImportError: OpenCV is missing.
    """
    cv2 = import_opencv()
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_TIMEOUT_MS]
    limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, math.ceil(config.max_age_s * 1000)]
    video = Video(url, limits)
    if not video.isOpened():
        video.release()
        raise OSError(f"{without_password(url)} does not open; {_STREAM_HINT}")
    return video


def open_stream(url: str, config: SourceConfig) -> OpenCvCapture:
    """Open a network stream.

    Raises:
        OSError: The stream does not open or delivers nothing.
        ImportError: OpenCV is missing.
    """
    return OpenCvCapture(open_address(url, config), without_password(url), _STREAM_HINT)


def without_password(url: str) -> str:
    """The address as it may be shown and logged.

    >>> without_password("rtsp://guest:secret@camera.local:554/live")
    'rtsp://***@camera.local:554/live'
    """
    parts = urlsplit(url)
    return parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url


def _choose_format(cv2: Any, capture: Any, name: str, fourcc: str) -> None:
    """Ask for a pixel format; a size asked for before it would be lost.

    Uncompressed, 720p fills USB 2 at 10 frames per second.
    """
    wanted = cv2.VideoWriter.fourcc(*(fourcc or "MJPG"))
    before = capture.get(cv2.CAP_PROP_FOURCC)
    if capture.set(cv2.CAP_PROP_FOURCC, wanted) and int(capture.get(cv2.CAP_PROP_FOURCC)) == wanted:
        return
    if fourcc:
        logger.warning(
            "%s does not deliver %s and chooses its own pixel format; see v4l2-ctl --list-formats", name, fourcc
        )
    capture.set(cv2.CAP_PROP_FOURCC, before)


def _existing_cameras() -> str:
    devices = sorted(Path("/dev").glob("video*"))
    if devices:
        return "there is " + ", ".join(map(str, devices))
    return "there is no /dev/video* at all; is the camera plugged in (in a container: passed through)?"
