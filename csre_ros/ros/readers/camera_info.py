"""How large the images of a camera are, as ``sensor_msgs/CameraInfo`` says."""

from __future__ import annotations

from csre_ros.image_size import check_size
from csre_ros.ros.readers.cdr import Reader


def read_image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels from a serialised ``sensor_msgs/CameraInfo``; None where its driver left them at zero.

    Only the front of the message is read: the calibration behind it is of no use here.

    Raises:
        ValueError: The bytes are no such message, or the image is larger than
            :func:`~csre_ros.image_size.check_size` accepts.
    """
    reader = Reader(data)
    reader.header()
    height, width = reader.number("<I"), reader.number("<I")
    check_size(width, height)
    return (width, height) if width and height else None
