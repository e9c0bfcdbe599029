"""Image messages as arrays, and as frames that the pose stage must look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from csre_ros.foreign_text import quoted
from csre_ros.image_size import check_size
from csre_ros.ros.readers.cdr import deserialize
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.ros.stamps import read_header
from csre_ros.skeleton import DepthImage, Pinhole
from csre_ros.sources.frames import SourceFrame
from csre_ros.sources.opencv import import_opencv
from csre_ros.sources.pictures import decode_picture

Bgr = NDArray[np.uint8]


class _Encoding(NamedTuple):
    """How the bytes of a picture become blue, green and red.

    Attributes:
        samples: Samples of one pixel in a row of data.
        convert: Which of them are blue, green and red; or OpenCV's name of the conversion.
        depth: Bytes of a sample; of two, the higher one is used.
        tile: Height and width of the pixels that belong together, of which a picture has whole ones only.
        planes: Rows of data per two rows of the picture.
    """

    samples: int
    convert: tuple[int, int, int] | str
    depth: int = 1
    tile: tuple[int, int] = (1, 1)
    planes: int = 2


_BGR, _RGB, _GREY = (0, 1, 2), (2, 1, 0), (0, 0, 0)
# OpenCV names a mosaic by its second row from the second pixel on, ROS by its corner.
_MOSAICS = {"rggb": "BayerBG2BGR", "bggr": "BayerRG2BGR", "gbrg": "BayerGR2BGR", "grbg": "BayerGB2BGR"}
_UYVY, _YUYV = (_Encoding(2, f"YUV2BGR_{name}", tile=(1, 2)) for name in ("UYVY", "YUY2"))
_ENCODINGS = {
    "bgr8": _Encoding(3, _BGR),
    "rgb8": _Encoding(3, _RGB),
    "bgra8": _Encoding(4, _BGR),
    "rgba8": _Encoding(4, _RGB),
    "mono8": _Encoding(1, _GREY),
    "8UC1": _Encoding(1, _GREY),
    "8UC3": _Encoding(3, _BGR),
    "8UC4": _Encoding(4, _BGR),
    "bgr16": _Encoding(3, _BGR, 2),
    "rgb16": _Encoding(3, _RGB, 2),
    "bgra16": _Encoding(4, _BGR, 2),
    "rgba16": _Encoding(4, _RGB, 2),
    "mono16": _Encoding(1, _GREY, 2),
    **{f"bayer_{name}8": _Encoding(1, code, 1, (2, 2)) for name, code in _MOSAICS.items()},
    **{f"bayer_{name}16": _Encoding(1, code, 2, (2, 2)) for name, code in _MOSAICS.items()},
    "yuv422": _UYVY,
    "uyvy": _UYVY,
    "yuv422_yuy2": _YUYV,
    "yuyv": _YUYV,
    "nv12": _Encoding(1, "YUV2BGR_NV12", tile=(2, 2), planes=3),
    "nv21": _Encoding(1, "YUV2BGR_NV21", tile=(2, 2), planes=3),
}
_BY_NAME = {name.lower(): encoding for name, encoding in _ENCODINGS.items()}  # drivers do not agree on the case
ENCODINGS = tuple(_ENCODINGS)
"""Encodings that :func:`image_to_bgr` reads: what ``sensor_msgs/image_encodings.hpp`` lists, but for depth."""


_DEPTHS = {"16uc1": (2, "u2", 0.001), "mono16": (2, "u2", 0.001), "32fc1": (4, "f4", 1.0)}
"""Encodings of depth (REP-118): bytes and type of a sample, and its unit in metres."""


class ImageLike(Protocol):
    """What is read of a ``sensor_msgs/Image``."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: bytes


class CompressedImageLike(Protocol):
    """What is read of a ``sensor_msgs/CompressedImage``."""

    format: str
    data: bytes


def read_image(data: bytes, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of a serialised ``sensor_msgs/Image``; errors as :func:`deserialize` and :func:`image_to_bgr`."""
    message = deserialize(data, Image)
    return SourceFrame(*read_header(message.header, arrival_ns), image=image_to_bgr(message)), Counter()


def read_compressed(data: bytes, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of a ``sensor_msgs/CompressedImage``; errors as :func:`deserialize` and :func:`compressed_to_bgr`."""
    message = deserialize(data, CompressedImage)
    return SourceFrame(*read_header(message.header, arrival_ns), image=compressed_to_bgr(message)), Counter()


def image_to_bgr(message: ImageLike) -> Bgr:
    """The pixels of a ``sensor_msgs/Image``.

    Rows may be padded (``step`` beyond what the width needs). An unpadded ``bgr8`` image is a view of the message's own
    bytes. Of 16 bits the upper eight are kept, as ``cv_bridge`` does; a sender of 10 or 12 bits has to scale them.

    Returns:
        ``[H, W, 3]`` uint8 BGR.

    Raises:
        ValueError: The encoding is not one of :data:`ENCODINGS`, the sizes contradict each other or the data, or the
            image is larger than :func:`~csre_ros.image_size.check_size` accepts.
        ImportError: OpenCV, which YUV and Bayer images need, is not installed.
    """
    encoding = _BY_NAME.get(message.encoding.lower())
    if encoding is None:
        raise ValueError(
            f"image encoding {quoted(message.encoding)} is not supported; choose one of: {', '.join(ENCODINGS)} "
            "(set it in the camera driver, or convert with image_proc)"
        )
    rows = _rows(message, encoding)
    if isinstance(encoding.convert, str):
        cv2 = import_opencv()
        planes = rows if encoding.samples == 1 else rows.reshape(len(rows), message.width, encoding.samples)
        picture = cv2.cvtColor(np.ascontiguousarray(planes), getattr(cv2, f"COLOR_{encoding.convert}"))
        return np.asarray(picture, np.uint8)
    pixels = rows.reshape(message.height, message.width, encoding.samples)
    return np.ascontiguousarray(
        pixels if pixels.shape[2] == 3 and encoding.convert == _BGR else pixels[..., encoding.convert]
    )


def image_to_depth(message: ImageLike) -> DepthImage:
    """The depths of a ``sensor_msgs/Image`` (REP-118): ``16UC1`` in millimetres or ``32FC1`` in metres, as a view.

    Raises:
        ValueError: Another encoding, or as for :func:`image_to_bgr`.
    """
    if (kind := _DEPTHS.get(message.encoding.lower())) is None:
        raise ValueError(
            f"depth_image has the encoding {quoted(message.encoding)}; depth is 16UC1 (millimetres) or 32FC1 (metres)"
        )
    size, code, metres = kind
    rows = _rows(message, _Encoding(size, _GREY))
    order = ">" if message.is_bigendian else "<"
    return DepthImage(np.ascontiguousarray(rows).view(f"{order}{code}"), metres)


def with_depth(frame: SourceFrame, data: bytes, camera: Pinhole) -> SourceFrame:
    """A frame with its camera, and a serialised ``sensor_msgs/Image`` as its depth.

    Raises:
        ValueError: The bytes are no depth image, or it, the picture and the camera are not of one size.
    """
    depth = image_to_depth(deserialize(data, Image))
    picture = camera.size if frame.image is None else (frame.image.shape[1], frame.image.shape[0])
    if picture != camera.size:
        raise ValueError(
            f"camera_info describes images of {_times(camera.size)} and the picture has {_times(picture)}; remap "
            "camera_info to that of the same images"
        )
    if depth.size != picture:
        raise ValueError(
            f"depth_image has {_times(depth.size)} pixels and the picture {_times(picture)}; let the camera's "
            "driver align depth with colour, and remap depth_image to the aligned one"
        )
    return replace(frame, camera=camera, depth=depth)


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _rows(message: ImageLike, encoding: _Encoding) -> NDArray[np.uint8]:
    """``[rows of data, samples]``, a view of the message where it can be one; ValueError where the sizes are wrong."""
    if message.height == 0 or message.width == 0:
        raise ValueError(f"the image is {message.width}x{message.height}; the camera driver sent no picture")
    check_size(message.width, message.height)
    if message.height % encoding.tile[0] or message.width % encoding.tile[1]:
        raise ValueError(
            f"the image is {message.width}x{message.height}; {message.encoding} needs even sizes: the driver declares "
            "a wrong size or encoding"
        )
    row = message.width * encoding.samples * encoding.depth
    if message.step < row:
        raise ValueError(
            f"image step is {message.step}; {message.width} pixels of {message.encoding} need at least {row} bytes "
            "per row: the driver declares a wrong step, width or encoding"
        )
    data = np.frombuffer(message.data, np.uint8)
    count = message.height * encoding.planes // 2
    needed = message.step * (count - 1) + row
    if data.size < needed:
        raise ValueError(
            f"the image has {data.size} bytes of data; {count} rows of {message.step} need {needed}: "
            "the message was cut short or declares wrong sizes"
        )
    rows = np.lib.stride_tricks.as_strided(data, (count, row), (message.step, 1), writeable=False)
    if encoding.depth == 2:
        rows = rows[:, (0 if message.is_bigendian else 1) :: 2]
    return rows


def compressed_to_bgr(message: CompressedImageLike) -> Bgr:
    """The pixels of a ``sensor_msgs/CompressedImage``, JPEG or PNG.

    Returns:
        ``[H, W, 3]`` uint8 BGR.

    Raises:
        ValueError: The format is a depth image of ``compressedDepth``, or the data is no picture that
            :func:`~csre_ros.sources.pictures.decode_picture` reads.
        ImportError: OpenCV is not installed.
    """
    if "compressedDepth" in message.format:
        raise ValueError(f"compressed image format {quoted(message.format)} is depth; subscribe to the colour image")
    try:
        return decode_picture(message.data)
    except ValueError as error:
        raise ValueError(
            f"{error} (format {quoted(message.format)}); the publisher must send JPEG or PNG, as image_transport's "
            "'compressed' does"
        ) from None
