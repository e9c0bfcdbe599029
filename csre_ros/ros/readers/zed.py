"""People in ``zed_msgs/ObjectsStamped``, as the ZED wrapper publishes body tracking.

Every object holds 70 places for key points, of which its body format uses 18, 34 or 38; NaN and the origin mean not
seen. Metres in the axes of the frame: the wrapper's camera frames have body axes, x forward and z up. Confidence is
that of the whole object in percent; there is none per joint. Objects that the tracker has lost and only extrapolates
(``SEARCHING``, ``TERMINATE``) or has not confirmed (``OFF``) are not in view.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from csre_ros.ros.packages import message_class
from csre_ros.ros.readers.axes import to_optical
from csre_ros.ros.readers.cdr import Reader, align, slots
from csre_ros.ros.readers.crowd import MAX_PEOPLE, Crowd
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.skeleton import get_layout
from csre_ros.sources.frames import SourceFrame

FORMATS = tuple(get_layout(name) for name in ("zed18", "zed34", "zed38"))
"""Layouts by ``body_format``."""
_OK = 1


@lru_cache(maxsize=1)
def _fixed_part() -> np.dtype[np.void]:
    """What follows the names in an object: numbers only, so that it lies the same way in all of them.

    Raises:
        ImportError: ``zed_msgs`` is not installed.
    """
    kind = message_class("zed_msgs", "Object")
    found = {slot.name: slot for slot in slots(kind, 0, {})}
    begin = found["confidence"].start
    wanted: dict[str, Any] = {
        name: found[name].code
        for name in ("confidence", "tracking_available", "tracking_state", "skeleton_available", "body_format")
    }
    points = [slot for name, slot in found.items() if name.startswith("skeleton_3d.keypoints.")]
    wanted[points[0].name] = ("<f4", (len(points), 3))
    return np.dtype(
        {
            "names": [name.rpartition(".")[2] for name in wanted],
            "formats": list(wanted.values()),
            "offsets": [found[name].start - begin for name in wanted],
            "itemsize": max(slot.stop for slot in found.values()) - begin,
        }
    )


def read_objects(data: bytes, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of a serialised ``zed_msgs/ObjectsStamped``.

    Args:
        data: The message.
        sender: Not used: every object names its own layout.
        arrival_ns: Stamp of messages without one.

    Returns:
        The frame, and how many people were rejected, by reason; beside those of :class:`Crowd` there are
        ``"no skeleton"`` and ``"unknown body format"``.

    Raises:
        ValueError: The bytes are no such message, or there are too many objects.
        ImportError: ``zed_msgs`` is not installed.
    """
    reader = Reader(data)
    stamp_ns, frame_id = reader.header()
    crowd = Crowd()
    for _ in range(reader.length(MAX_PEOPLE, "objects")):
        label_id, part = _next_object(reader)
        _collect(label_id, part, frame_id, crowd)
    return SourceFrame(stamp_ns or arrival_ns, frame_id, skeletons=crowd.people), crowd.rejected


def _next_object(reader: Reader) -> tuple[int, np.void]:
    reader.text()
    label_id = reader.number("<h")
    reader.text()
    kind = _fixed_part()
    start = align(reader.position, 4)
    reader.position = start + kind.itemsize
    if reader.position > len(reader.body):
        raise reader.cut_short()
    part: np.void = np.frombuffer(reader.body, kind, 1, start)[0]
    return label_id, part


def _collect(label_id: int, part: np.void, frame_id: str, crowd: Crowd) -> None:
    if part["tracking_available"] and part["tracking_state"] != _OK:
        return
    body_format = int(part["body_format"])
    if not part["skeleton_available"]:
        crowd.rejected["no skeleton"] += 1
    elif not 0 <= body_format < len(FORMATS):
        crowd.rejected["unknown body format"] += 1
    else:
        layout = FORMATS[body_format]
        points = part["kp"][: len(layout)]
        with np.errstate(invalid="ignore"):  # some NaN signal when computed with
            confidence = points.any(axis=1) * (part["confidence"] / np.float32(100))
            turned = to_optical(points, frame_id)
        crowd.add(layout, turned, confidence, str(label_id) if label_id >= 0 else None)
