"""Compressed pictures of anybody: decoded within stated bounds, or refused before they are unpacked.

A picture has at most :data:`~csre_ros.image_size.MAX_PIXELS` pixels, which are 100 MB, and decoding it takes as much
again for a moment: 196 MB were measured, and tests hold it to 250.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from csre_ros.image_size import check_size
from csre_ros.sources.frames import Image
from csre_ros.sources.opencv import import_opencv
from csre_ros.sources.picture_size import picture_size

# A progressive JPEG has about ten scans. Decoders walk the whole picture for each, however few bytes it has.
_SCAN, _MOST_SCANS = b"\xff\xda", 100


def decode_picture(data: Any) -> Image:
    """The pixels of a JPEG or PNG file, ``[H, W, 3]`` uint8 BGR.

    Args:
        data: The file: bytes, or anything that holds them.

    Raises:
        ValueError: It is neither, is damaged, has more scans than any encoder writes, or is larger than
            :func:`~csre_ros.image_size.check_size` accepts.
        ImportError: OpenCV is not installed.
    """
    cv2 = import_opencv()
    file = bytes(data)
    size = picture_size(file)
    if size is None:
        raise ValueError(f"{len(file)} bytes are no picture: they are built as neither a JPEG nor a PNG file")
    check_size(*size)
    if not file.startswith(b"\x89PNG") and (scans := file.count(_SCAN)) > _MOST_SCANS:
        raise ValueError(f"the JPEG has {scans} scans; at most {_MOST_SCANS} are accepted")
    try:
        picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise ValueError(f"{len(file)} bytes are no picture: it is damaged or cut short")
    return np.asarray(picture, np.uint8)
