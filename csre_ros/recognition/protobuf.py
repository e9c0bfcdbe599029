"""Just enough of the protobuf wire format to read and append top-level fields.

Source: protobuf.dev, "Encoding". Groups, which ONNX does not use, are not read.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}


def read_fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The fields of a message, in order.

    Yields:
        Number, offset of its tag, and content; the content of fields that are not length-delimited is left empty.

    Raises:
        ValueError: The bytes are no protobuf message, or end inside a field.

    >>> list(read_fields(bytes_field(14, b"csre")))
    [(14, 0, b'csre')]
    """
    at = 0
    while at < len(message):
        start = at
        tag, at = _read_varint(message, at)
        number, kind = tag >> 3, tag & 7
        if number == 0 or kind not in (_VARINT, _BYTES, *_SIZES):
            raise ValueError(f"no field starts at byte {start} of {len(message)}")
        if kind == _VARINT:
            size, at = 0, _read_varint(message, at)[1]
        elif kind == _BYTES:
            size, at = _read_varint(message, at)
        else:
            size = _SIZES[kind]
        if at + size > len(message):
            raise ValueError(f"{len(message)} bytes found, at least {at + size} expected")
        yield number, start, message[at : at + size] if kind == _BYTES else b""
        at += size


def bytes_field(number: int, content: bytes) -> bytes:
    """A length-delimited field: text, bytes or a message."""
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """An integer, seven bits per byte, and the offset behind it."""
    value = 0
    for i, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError(f"the number at byte {at} of {len(message)} has no end")


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
