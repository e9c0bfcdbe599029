"""Image messages as arrays. Pure functions: they need neither a graph nor rclpy."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from csre_ros.pose.image_size import check_size
from csre_ros.ros.readers.picture_size import HEADER_BYTES, picture_size

Bgr = NDArray[np.uint8]

# encoding of sensor_msgs/Image -> which channels are blue, green and red
_CHANNELS = {
    "bgr8": (3, (0, 1, 2)),
    "rgb8": (3, (2, 1, 0)),
    "bgra8": (4, (0, 1, 2)),
    "rgba8": (4, (2, 1, 0)),
    "mono8": (1, (0, 0, 0)),
}
ENCODINGS = tuple(_CHANNELS)
"""Encodings that :func:`image_to_bgr` reads."""


class ImageLike(Protocol):
    """What is read of a ``sensor_msgs/Image``."""

    height: int
    width: int
    encoding: str
    step: int
    data: bytes


class CompressedImageLike(Protocol):
    """What is read of a ``sensor_msgs/CompressedImage``."""

    format: str
    data: bytes


def image_to_bgr(message: ImageLike) -> Bgr:
    """The pixels of a ``sensor_msgs/Image``.

    Rows may be padded (``step`` beyond ``width`` times channels). An unpadded ``bgr8`` image is a view of the
    message's own bytes.

    Returns:
        ``[H, W, 3]`` uint8 BGR.

    Raises:
        ValueError: The encoding is not one of :data:`ENCODINGS`, the sizes contradict each other or the data, or the
            image is larger than :func:`~csre_ros.pose.image_size.check_size` accepts.
    """
    if message.encoding not in _CHANNELS:
        raise ValueError(
            f"image encoding {message.encoding!r} is not supported; choose one of: {', '.join(ENCODINGS)} "
            "(set it in the camera driver, or convert with image_proc)"
        )
    if message.height == 0 or message.width == 0:
        raise ValueError(f"the image is {message.width}x{message.height}; the camera driver sent no picture")
    check_size(message.width, message.height)
    channels, order = _CHANNELS[message.encoding]
    row = message.width * channels
    if message.step < row:
        raise ValueError(
            f"image step is {message.step}; {message.width} pixels of {message.encoding} need at least {row} bytes "
            "per row: the driver declares a wrong step, width or encoding"
        )
    data = np.frombuffer(message.data, np.uint8)
    needed = message.step * (message.height - 1) + row
    if data.size < needed:
        raise ValueError(
            f"the image has {data.size} bytes of data; {message.height} rows of {message.step} need {needed}: "
            "the message was cut short or declares wrong sizes"
        )
    pixels = np.lib.stride_tricks.as_strided(
        data, (message.height, message.width, channels), (message.step, channels, 1), writeable=False
    )
    return np.ascontiguousarray(pixels if order == (0, 1, 2) and channels == 3 else pixels[..., order])


def compressed_to_bgr(message: CompressedImageLike) -> Bgr:
    """The pixels of a ``sensor_msgs/CompressedImage``, JPEG or PNG.

    Returns:
        ``[H, W, 3]`` uint8 BGR.

    Raises:
        ValueError: The data is no JPEG or PNG, is a depth image of ``compressedDepth``, or is larger than
            :func:`~csre_ros.pose.image_size.check_size` accepts, which is found out before it is unpacked.
        RuntimeError: OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise RuntimeError(
            "compressed images need OpenCV: pip install 'csre_ros[mediapipe]', or apt install python3-opencv"
        ) from error
    if "compressedDepth" in message.format:
        raise ValueError(f"compressed image format {message.format!r} is depth; subscribe to the colour image")
    data = np.frombuffer(message.data, np.uint8)
    size = picture_size(data[:HEADER_BYTES].tobytes())
    if size is not None:
        check_size(*size)
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if size is not None else None
    except cv2.error:  # damaged
        picture = None
    if picture is None:
        raise ValueError(
            f"{data.size} bytes of compressed image ({message.format!r}) are no picture; "
            "the publisher must send JPEG or PNG, as image_transport's 'compressed' does"
        )
    return np.asarray(picture, np.uint8)
