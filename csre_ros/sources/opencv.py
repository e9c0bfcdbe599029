"""OpenCV, loaded when the first source needs it."""

from __future__ import annotations

import os
from types import ModuleType

from csre_ros.image_size import MAX_PIXELS, MAX_SIDE


def import_opencv() -> ModuleType:
    """The ``cv2`` module.

    Raises:
        ImportError: OpenCV is not installed or does not load; the text names the commands that help.
    """
    # Read when the library loads. What goes wrong is said by the exceptions of the sources, once.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # The decoders' own bounds, for formats whose headers nobody here reads before.
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
    for side in ("WIDTH", "HEIGHT"):
        os.environ.setdefault(f"OPENCV_IO_MAX_IMAGE_{side}", str(MAX_SIDE))
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"cameras, videos and images need OpenCV, which does not load ({error}): pip install 'csre_ros[mediapipe]' "
            "brings it, or apt install python3-opencv; if it misses a system library, apt install libgl1 libglib2.0-0"
        ) from error
    return cv2
