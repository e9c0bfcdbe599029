"""Video as FFmpeg reads it, through OpenCV: its pixels as the container says that they are to be shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from csre_ros.sources.frames import Image
from csre_ros.sources.opencv import import_opencv

_QUARTER_TURNS = (90, 270)


class Video:
    """A video that may not have opened, with the calls of ``cv2.VideoCapture``.

    Containers say that pixels are stored turned, as phones do, or are wider than high: both are undone.

    Args:
        name: A name that FFmpeg understands, see :func:`csre_ros.paths.native_name`, or an address.
        parameters: Pairs of properties and values for opening.
    """

    def __init__(self, name: str, parameters: Sequence[int] = ()) -> None:
        self._cv2: Any = import_opencv()
        self._capture = self._cv2.VideoCapture(name, self._cv2.CAP_FFMPEG, list(parameters))
        self._capture.set(self._cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # refused as a parameter for opening
        wide, high = (self._number(self._cv2.CAP_PROP_SAR_NUM), self._number(self._cv2.CAP_PROP_SAR_DEN))
        self._aspect = wide / high if wide > 0 and high > 0 else 1.0
        self._turned = self._number(self._cv2.CAP_PROP_ORIENTATION_META) in _QUARTER_TURNS

    def isOpened(self) -> bool:  # noqa: N802
        """Whether it opened."""
        return bool(self._capture.isOpened())

    def grab(self) -> bool:
        """Go to the next frame; False when there is none, or when it is damaged and a further call may find another."""
        return bool(self._capture.grab())

    def retrieve(self) -> tuple[bool, Image | None]:
        """Whether the frame could be decoded, and it, ``[H, W, 3]`` uint8 BGR, with square pixels."""
        read, image = self._capture.retrieve()
        if not read or image is None or image.ndim != 3:
            return False, None
        if self._aspect != 1.0:
            height, width = image.shape[:2]
            if self._turned:
                size = (width, max(1, round(height * self._aspect)))
            else:
                size = (max(1, round(width * self._aspect)), height)
            image = self._cv2.resize(image, size, interpolation=self._cv2.INTER_LINEAR)
        return True, np.asarray(image, np.uint8)

    def get(self, setting: int) -> float:
        """A property of the capture."""
        return float(self._capture.get(setting))

    def release(self) -> None:
        """Close it."""
        self._capture.release()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames, as they are stored; 0 where unknown."""
        properties = (self._cv2.CAP_PROP_FRAME_WIDTH, self._cv2.CAP_PROP_FRAME_HEIGHT)
        width, height = (int(self._number(item)) for item in properties)
        return width, height

    @property
    def fps(self) -> float | None:
        """Nominal frames per second; None where nobody can believe them."""
        fps = self._number(self._cv2.CAP_PROP_FPS)
        return fps if 0 < fps <= 1000 else None

    @property
    def position_ms(self) -> float | None:
        """Time of the frame after the beginning of the video; None where the container has none."""
        position = self.get(self._cv2.CAP_PROP_POS_MSEC)
        return position if math.isfinite(position) and position >= 0 else None

    @property
    def begin(self) -> int:
        """Frames that would fit before the first, where the clock of a video does not start at 0; call at the first."""
        return max(0, int(self._number(getattr(self._cv2, "CAP_PROP_PTS", -1))))

    @property
    def promised(self) -> int:
        """Frames that the container promises, from the time 0 of its clock on; 0 where it has no end, as a stream."""
        return max(0, int(self._number(self._cv2.CAP_PROP_FRAME_COUNT)))

    def _number(self, setting: int) -> float:
        value = self.get(setting)
        return value if math.isfinite(value) else 0.0
