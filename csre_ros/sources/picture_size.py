"""How large a compressed picture will be, read from its header: a few bytes may ask for gigabytes of memory.

Only the plain grammar of the two formats is followed. Decoders forgive more than that, each in its own way, and where
two readers disagree a file can tell one of them a small size and the other a large one; so what an honest encoder does
not write is no picture. PNG: W3C recommendation, sections 5 and 11.2.2. JPEG: ITU-T T.81, annex B.
"""

from __future__ import annotations

import struct

_HEADER_BYTES = 1 << 20  # the size of any honest JPEG stands within so many; profiles and thumbnails come before it
_MOST_MARKERS = 1000  # padding included, of which a hostile file may hold megabytes
_MOST_CHUNKS = 100_000  # an honest PNG has them at least 8 kB long
_JPEG = b"\xff\xd8"
_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # JPEG markers that start a frame which decoders know
# Markers of segments with a length that may stand before: tables, restart interval, applications' own, comments.
_SEGMENTS = {0xC4, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE}


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG or PNG file; None for anything else, and for a file that is not built as it should be.

    >>> picture_size(b"GIF89a") is None
    True
    """
    if data.startswith(_PNG):
        return _png_size(data)
    return _jpeg_size(data[:_HEADER_BYTES]) if data.startswith(_JPEG) else None


def _png_size(data: bytes) -> tuple[int, int] | None:
    """Walk through all chunks: OpenCV reserves whatever length one declares, four gigabytes for a file of a line."""
    at, size = len(_PNG), None
    for _ in range(_MOST_CHUNKS):
        if at + 12 > len(data):
            break
        length, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data) or (name == b"IHDR") != (size is None):
            break
        if size is None:
            if length != 13:
                break
            size = struct.unpack_from(">II", data, at + 8)
        if name == b"IEND":
            return size
        at += 12 + length
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk from segment to segment until the one that starts the frame."""
    at = len(_JPEG)
    for _ in range(_MOST_MARKERS):
        if at + 9 > len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        elif marker in _SEGMENTS and length >= 2:
            at += 2 + length
        else:
            break
    return None
