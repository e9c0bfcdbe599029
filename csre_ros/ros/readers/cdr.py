"""Where the fields of a message lie in its bytes (CDR, the encoding of DDS; OMG CORBA/GIOP, "CDR Transfer Syntax").

rclpy makes one Python object per nested message, which costs milliseconds where a message holds hundreds of points.
Offsets found once from the message class let NumPy read the points where they lie. All offsets here count from behind
the four bytes that say which encoding follows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rclpy.serialization import deserialize_message
from rosidl_parser.definition import AbstractSequence, AbstractString, Array, BasicType, NamespacedType

_PREAMBLE = 4
_LITTLE_ENDIAN = b"\0\1"  # two bytes of options follow, in which senders may note how they padded the end
_CODES = {
    "boolean": "?", "octet": "u1", "char": "u1", "int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2",
    "int32": "<i4", "uint32": "<u4", "int64": "<i8", "uint64": "<u8", "float": "<f4", "double": "<f8",
}  # fmt: skip
_LONGEST_NAME = 256


@dataclass(frozen=True)
class Slot:
    """One number, or array of numbers, in the bytes of a message.

    Attributes:
        name: Dotted path; the length of a string or sequence is the path with ``#`` behind it.
        code: NumPy type.
        count: How many.
        start: First byte.
        stop: Byte behind the last.
    """

    name: str
    code: str
    count: int
    start: int
    stop: int


def slots(kind: type[Any], start: int, strings: Mapping[str, int], prefix: str = "") -> Iterator[Slot]:
    """All slots of a message whose strings have known lengths and whose sequences are empty.

    Args:
        kind: Message class.
        start: Where the message starts.
        strings: Bytes of the strings that are not empty, by dotted path, without the final zero.
        prefix: Put before every path.

    >>> from builtin_interfaces.msg import Time
    >>> [(slot.name, slot.start, slot.stop) for slot in slots(Time, 5, {})]
    [('sec', 8, 12), ('nanosec', 12, 16)]
    """
    for name, declared in zip(kind.get_fields_and_field_types(), kind.SLOT_TYPES, strict=True):
        for slot in _slots_of(declared, start, strings, prefix + name):
            yield slot
            start = slot.stop


def _slots_of(declared: Any, start: int, strings: Mapping[str, int], name: str) -> Iterator[Slot]:
    if isinstance(declared, BasicType):
        yield _number(name, _CODES[declared.typename], 1, start)
    elif isinstance(declared, NamespacedType):
        yield from slots(_message_class(declared), start, strings, name + ".")
    elif isinstance(declared, AbstractString):
        length = _number(name + "#", "<u4", 1, start)
        yield length
        yield _number(name, "u1", strings.get(name, 0) + 1, length.stop)
    elif isinstance(declared, AbstractSequence):
        yield _number(name + "#", "<u4", 1, start)
    elif isinstance(declared, Array) and isinstance(declared.value_type, BasicType):
        yield _number(name, _CODES[declared.value_type.typename], declared.size, start)
    elif isinstance(declared, Array):
        for i in range(declared.size):
            for slot in _slots_of(declared.value_type, start, strings, f"{name}.{i}"):
                yield slot
                start = slot.stop
    else:
        raise TypeError(f"{name} is a {type(declared).__name__}, which has no fixed place")


def _number(name: str, code: str, count: int, start: int) -> Slot:
    size = int(code[-1]) if code != "?" else 1
    start = align(start, size)
    return Slot(name, code, count, start, start + size * count)


def _message_class(declared: NamespacedType) -> type[Any]:
    kind: type[Any] = getattr(import_module(".".join(declared.namespaces)), declared.name)
    return kind


def align(position: int, size: int) -> int:
    """The next multiple of ``size``."""
    return -(-position // size) * size


def deserialize(data: bytes, kind: type[Any]) -> Any:
    """The message in its bytes.

    Raises:
        ValueError: The bytes are no such message.
    """
    try:
        return deserialize_message(data, kind)
    except Exception as error:  # those of rclpy have no common base
        raise ValueError(f"the bytes are no {kind.__name__}: {error}") from None


class Reader:
    """Reads the front part of a message: whatever comes before its numbers stand in fixed places.

    Args:
        data: The serialised message.

    Raises:
        ValueError: The bytes are not little-endian CDR.
    """

    def __init__(self, data: bytes) -> None:
        if data[:2] != _LITTLE_ENDIAN:
            raise ValueError(f"the message starts with {data[:2].hex() or 'nothing'}; expected 0001, little-endian CDR")
        self.body = memoryview(data)[_PREAMBLE:]
        self.position = 0

    def number(self, code: str) -> int:
        """The next integer, by its ``struct`` code; errors as :meth:`text`."""
        size = struct.calcsize(code)
        start = align(self.position, size)
        self.position = start + size
        try:
            (value,) = struct.unpack_from(code, self.body, start)
        except struct.error:
            raise self.cut_short() from None
        return int(value)

    def text(self) -> bytes:
        """The next string, as bytes.

        Raises:
            ValueError: The message ends before it does, or it is longer than any name.
        """
        length = self.number("<I")
        if not 1 <= length <= _LONGEST_NAME:
            raise ValueError(f"a name in the message declares {length} bytes; at most {_LONGEST_NAME} are accepted")
        start = self.position
        self.position += length
        if self.position > len(self.body):
            raise self.cut_short()
        return bytes(self.body[start : self.position - 1])

    def cut_short(self) -> ValueError:
        """What to raise where the message ends too early."""
        return ValueError(f"the message was cut short: it has {len(self.body)} bytes")

    def header(self) -> tuple[int, str]:
        """The next ``std_msgs/Header``: stamp in nanoseconds, and frame; errors as :meth:`text`."""
        stamp_ns = self.number("<i") * 1_000_000_000 + self.number("<I")
        return stamp_ns, self.text().decode(errors="replace")

    def length(self, most: int, what: str) -> int:
        """The length of the next sequence.

        The deserialiser of the middleware reserves memory for whatever length a message declares, up to one element per
        byte: gigabytes for a message of one megabyte. So lengths are judged before it sees them.

        Raises:
            ValueError: It is larger than ``most``; or as for :meth:`text`.
        """
        length = self.number("<I")
        if length > most:
            raise ValueError(f"the message declares {length} {what}; at most {most} are accepted")
        return length
