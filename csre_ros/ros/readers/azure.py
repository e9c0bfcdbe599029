"""People in ``visualization_msgs/MarkerArray``, as the Azure Kinect driver publishes body tracking.

One sphere per joint, ``id = 100 * body + joint``, joints in the order of layout ``azure32``, metres in optical axes.
The driver drops the tracker's confidence, so every joint that came has 1. Markers that delete others are passed over.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from visualization_msgs.msg import Marker, MarkerArray

from csre_ros.ros.readers.cdr import Reader, align, deserialize, slots
from csre_ros.ros.readers.crowd import MAX_PEOPLE, Crowd, check_number
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.ros.stamps import read_header
from csre_ros.skeleton import get_layout
from csre_ros.sources.frames import SourceFrame

_LAYOUT = get_layout("azure32")
_BODY = 100  # ids per body
_MOST = MAX_PEOPLE * len(_LAYOUT)
_FIRST = 4  # where the first marker starts: behind their number
_USUAL_LAG_NS = 200_000_000  # body tracking takes as long at most, before a stamp has said it
_NAMES = struct.Struct("<iII")  # stamp and length of frame_id, with which a marker starts


@dataclass(frozen=True, eq=False)
class MarkerColumns:
    """The markers of one message, as arrays.

    Attributes:
        stamp_ns: Stamp of the first.
        frame_id: Frame of the first.
        numbers: ``[N, 3]`` id, type and action.
        points: ``[N, 3]`` positions.
    """

    stamp_ns: int
    frame_id: str
    numbers: NDArray[np.int32]
    points: NDArray[np.float64]


def read_markers(data: bytes, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of a serialised ``visualization_msgs/MarkerArray``.

    Args:
        data: The message.
        sender: Not used: the driver knows one layout only.
        arrival_ns: Stamp of messages without one.

    Returns:
        The frame, and how many markers (``"not a joint"``) and people were rejected, by reason; beside those of
        :class:`Crowd` there is ``"joint repeats"``.

    Raises:
        ValueError: The bytes are no such message, or there are too many markers.
    """
    count = Reader(data).length(_MOST, "markers")
    markers = strided(data, count) if count else None
    if markers is None:
        markers = from_message(deserialize(data, MarkerArray))
    crowd = Crowd()
    collect(markers, crowd)
    return SourceFrame(markers.stamp_ns or arrival_ns, markers.frame_id, skeletons=crowd.people), crowd.rejected


class MarkerReader:
    """Reads one publisher's messages one after the other, and knows when those without markers were taken.

    The driver publishes an empty array where it sees nobody, and an array has no stamp. Stamped with the time of its
    arrival it would be ahead of the people who come next, because tracking takes a while; so as much is taken off as
    there was between stamp and arrival of the last message that has one.
    """

    def __init__(self) -> None:
        self._lag_ns = _USUAL_LAG_NS

    def __call__(self, data: bytes, sender: Sender, arrival_ns: int) -> Reading:
        """As :func:`read_markers`, but for the stamp of messages without markers."""
        frame, rejected = read_markers(data, sender, 0)
        if frame.stamp_ns:
            self._lag_ns = arrival_ns - frame.stamp_ns
        elif frame.skeletons:  # the sender stamps nothing
            self._lag_ns = 0
        return replace(frame, stamp_ns=arrival_ns - self._lag_ns), rejected


def from_message(message: Any) -> MarkerColumns:
    """The markers of a message, field by field."""
    numbers = np.array([(m.id, m.type, m.action) for m in message.markers], np.int32).reshape(-1, 3)
    places = [m.pose.position for m in message.markers]
    points = np.array([(place.x, place.y, place.z) for place in places], np.float64).reshape(-1, 3)
    stamp_ns, frame_id = read_header(message.markers[0].header, 0) if message.markers else (0, "")
    return MarkerColumns(stamp_ns, frame_id, numbers, points)


@dataclass(frozen=True, eq=False)
class _Pattern:
    """How markers with certain names, no text and no shape lie in the bytes.

    Attributes:
        stride: Bytes from one marker to the next.
        size: Bytes of one, without the padding behind it.
        mask: Words of 32 bits that hold structure: lengths and names.
        expected: Their values.
        numbers: Where id, type and action are, within a marker.
        points: Where the position is.
    """

    stride: int
    size: int
    mask: NDArray[np.uint32]
    expected: NDArray[np.uint32]
    numbers: int
    points: int


@lru_cache(maxsize=16)
def _pattern(frame_id: bytes, ns: bytes) -> _Pattern:
    names = {"header.frame_id": frame_id, "ns": ns}
    found = list(slots(Marker, _FIRST, {name: len(text) for name, text in names.items()}))
    place = {slot.name: slot.start - _FIRST for slot in found}
    stop = found[-1].stop
    structure, mask = bytearray(stop - _FIRST), bytearray(stop - _FIRST)
    for slot in found:
        at = slice(slot.start - _FIRST, slot.stop - _FIRST)
        if slot.name.endswith("#"):
            text = slot.name[:-1] in place  # else a sequence, which must be empty
            structure[at] = struct.pack("<I", len(names.get(slot.name[:-1], b"")) + 1 if text else 0)
            mask[at] = b"\xff" * 4
        elif slot.name in names or slot.name + "#" in place:
            structure[at] = names.get(slot.name, b"") + b"\0"
            mask[at] = b"\xff" * (slot.stop - slot.start)
    words = len(mask) // 4 * 4
    return _Pattern(
        stride=align(stop, 4) - _FIRST,
        size=stop - _FIRST,
        mask=np.frombuffer(bytes(mask[:words]), "<u4"),
        expected=np.frombuffer(bytes(structure[:words]), "<u4"),
        numbers=place["id"],
        points=place["pose.position.x"],
    )


def strided(data: bytes, count: int) -> MarkerColumns | None:
    """The markers as views of the bytes; None unless they all have the same names and nothing but numbers else.

    Args:
        data: The serialised message, little-endian.
        count: How many markers it declares; at least one.
    """
    reader = Reader(data)
    reader.position = _FIRST
    try:
        stamp_ns, frame_id = reader.header()
        pattern = _pattern(frame_id.encode(), reader.text())
    except ValueError:
        return None
    # The place of 64-bit numbers within a marker is the same in all of them only if the stride keeps their alignment.
    size = _FIRST + (count - 1) * pattern.stride + pattern.size
    if pattern.stride % 8 or not size <= len(reader.body) < size + 8:
        return None
    body, strides = reader.body, (pattern.stride, 4)
    words: NDArray[np.uint32] = np.ndarray((count, len(pattern.mask)), "<u4", body, _FIRST, strides)
    if ((words & pattern.mask) != pattern.expected).any():
        return None
    numbers: NDArray[np.int32] = np.ndarray((count, 3), "<i4", body, _FIRST + pattern.numbers, strides)
    points: NDArray[np.float64] = np.ndarray((count, 3), "<f8", body, _FIRST + pattern.points, (pattern.stride, 8))
    return MarkerColumns(stamp_ns, frame_id, numbers, points)


def collect(markers: MarkerColumns, crowd: Crowd) -> None:
    """Sort markers into people."""
    ids, kinds, actions = markers.numbers.T
    bodies, joints = np.divmod(ids, _BODY)
    shown = actions == Marker.ADD
    usable = shown & (kinds == Marker.SPHERE) & (ids >= 0) & (joints < len(_LAYOUT))
    if wrong := int((shown & ~usable).sum()):
        crowd.rejected["not a joint"] += wrong
    names, rows = np.unique(bodies[usable], return_inverse=True)
    check_number(len(names))
    cells = rows * len(_LAYOUT) + joints[usable]
    times = np.bincount(cells, minlength=len(names) * len(_LAYOUT)).reshape(-1, len(_LAYOUT))
    positions = np.full((times.size, 3), np.nan)
    positions[cells] = markers.points[usable]
    for name, points, seen in zip(names.tolist(), positions.reshape(*times.shape, 3), times, strict=True):
        if seen.max() > 1:
            crowd.rejected["joint repeats"] += 1
        else:
            crowd.add(_LAYOUT, points, seen, str(name))
