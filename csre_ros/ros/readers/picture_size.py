"""How large a compressed picture will be, read from its header: a few bytes may ask for gigabytes of memory.

PNG: W3C recommendation, section 11.2.2. JPEG: ITU-T T.81, annex B.
"""

from __future__ import annotations

import struct

HEADER_BYTES = 1 << 20
"""The size of any honest picture stands within so many bytes; a JPEG may have profiles and thumbnails before it."""

_MOST_MARKERS = 1000  # padding included, of which a hostile file may hold megabytes
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_IHDR_END = 24
_ALONE = {0x01, *range(0xD0, 0xD8)}  # JPEG markers without a length behind them
_TABLES = {0xC4, 0xC8, 0xCC}  # markers among those of frame headers that are none
_SCAN = 0xDA


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG or PNG file; None for anything else, and for a header that breaks off or never ends.

    Args:
        data: The file, or its first :data:`HEADER_BYTES`.

    >>> picture_size(b"GIF89a") is None
    True
    """
    if data.startswith(_PNG) and len(data) >= _IHDR_END:
        width, height = struct.unpack(">II", data[16:_IHDR_END])
        return width, height
    return _jpeg_size(data) if data.startswith(_JPEG) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk from marker to marker until the one that starts the frame."""
    at = len(_JPEG)
    for _ in range(_MOST_MARKERS):
        if at + 9 > len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _ALONE:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in _TABLES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        elif marker == _SCAN:
            return None
        else:
            at += 2 + max(2, struct.unpack(">H", data[at + 2 : at + 4])[0])
    return None
