"""How a camera sees, as ``sensor_msgs/CameraInfo`` says."""

from __future__ import annotations

import numpy as np

from csre_ros.image_size import check_size
from csre_ros.ros.readers.cdr import Reader, align
from csre_ros.skeleton import Pinhole

_MOST_COEFFICIENTS = 64
_MOST_PIXELS = 1e6  # focal lengths and offsets of a telescope


def read_image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels from a serialised ``sensor_msgs/CameraInfo``; None where its driver left them at zero.

    Raises:
        ValueError: The bytes are no such message, or the image is larger than
            :func:`~csre_ros.image_size.check_size` accepts.
    """
    return _size(Reader(data))


def read_pinhole(data: bytes) -> Pinhole | None:
    """The camera of a serialised ``sensor_msgs/CameraInfo``, by its matrix ``k``; None where it is not calibrated.

    Lens distortion is left out: aligned depth and tracked people come from rectified images, or from lenses of little.

    Raises:
        ValueError: As for :func:`read_image_size`, or the matrix is one of no camera.
    """
    reader = Reader(data)
    size = _size(reader)
    reader.text()
    count = reader.length(_MOST_COEFFICIENTS, "coefficients of distortion")
    start = align(reader.position, 8) + 8 * count
    if len(reader.body) < start + 72:
        raise reader.cut_short()
    matrix = np.frombuffer(reader.body, "<f8", 9, start)
    if not (np.abs(matrix) <= _MOST_PIXELS).all():
        raise ValueError(
            f"the camera matrix k holds numbers that are not finite, or larger than {_MOST_PIXELS:g} pixels"
        )
    fx, _, cx, _, fy, cy = matrix[:6].tolist()
    if any(0 < focal < 1 for focal in (fx, fy)):
        raise ValueError(
            f"the camera matrix k has focal lengths of {fx:g} and {fy:g} pixels; no camera has less than 1"
        )
    return Pinhole(size, (fx, fy), (cx, cy)) if size and fx > 0 and fy > 0 else None


def _size(reader: Reader) -> tuple[int, int] | None:
    reader.header()
    height, width = reader.number("<I"), reader.number("<I")
    check_size(width, height)
    return (width, height) if width and height else None
