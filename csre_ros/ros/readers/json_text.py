"""People in ``std_msgs/String`` as JSON, for senders without message packages.

One message is one instant. Positions are metres in camera-optical axes, or where the layout is 2-D image coordinates
divided by width and height::

    {
      "layout": "kinect20",               a name that csre_ros.skeleton knows
      "stamp": 1700000000.25,             seconds; left out or 0: the time of arrival
      "frame_id": "camera_optical_frame", optional
      "persons": [                        empty: nobody is in view
        {
          "id": 3,                        optional: number or text, the same for as long as it is the same person
          "joints": [[x, y, z, c], null]  one per joint of the layout; 2-D: [x, y, c]; null: not seen
        }
      ]
    }

``c`` is the confidence in 0..1. Further keys are ignored. NaN, which some writers put into JSON, means not seen.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from std_msgs.msg import String

from csre_ros.foreign_text import quoted
from csre_ros.ros.readers.cdr import deserialize
from csre_ros.ros.readers.crowd import Crowd, check_number
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.ros.stamps import checked_frame
from csre_ros.skeleton import SkeletonLayout, get_layout
from csre_ros.sources.frames import SourceFrame

_LATEST_S = 2**33


def read_text(data: bytes, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of a ``std_msgs/String``; errors and rejections as :func:`deserialize` and :func:`read_record`."""
    return read_record(deserialize(data, String).data, sender, arrival_ns)


def read_record(text: str, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of one record.

    Args:
        text: The JSON.
        sender: Its layout is what was expected; the record may have any other of as many dimensions.
        arrival_ns: Stamp of records without one.

    Returns:
        The frame, and how many people were rejected, by reason; beside those of :class:`Crowd` there is
        ``"malformed person"``.

    Raises:
        ValueError: The text is no such record, or holds image points of an image whose size is not known; it says
            what is wrong.
    """
    try:
        record = json.loads(text, parse_int=float)  # whole numbers of any size then cannot overflow later
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(record, dict) or not isinstance(record.get("persons"), list):
        raise ValueError("the record must be a JSON object with a list 'persons'")
    spoken = _layout(record.get("layout"), sender.layout)
    stamp_ns, frame_id = _header(record)
    check_number(len(record["persons"]))
    crowd = Crowd()
    if spoken.dims == 2 and record["persons"]:
        sender.size()  # else no person could be read
    for person in record["persons"]:
        try:
            rows, source_id = _person(person, spoken)
        except ValueError:
            crowd.rejected["malformed person"] += 1
        else:
            places = np.array(rows, np.float64)
            points = sender.in_image_heights(places[:, :-1]) if spoken.dims == 2 else places[:, :-1]
            crowd.add(spoken, points, places[:, -1], source_id)
    return SourceFrame(stamp_ns or arrival_ns, frame_id, skeletons=crowd.people), crowd.rejected


def _layout(name: Any, expected: SkeletonLayout | None) -> SkeletonLayout:
    if not isinstance(name, str):
        raise ValueError("the record lacks 'layout', the name of its joint convention")
    layout = get_layout(name[:100])
    if expected is not None and layout.dims != expected.dims:
        raise ValueError(
            f"the record has layout {quoted(name)}, which is {layout.dims}-D; the parameter "
            f"layout is {expected.name!r}, which is {expected.dims}-D: set it to what the sender uses, with a bundle "
            "that declares the same"
        )
    return layout


def _header(record: dict[str, Any]) -> tuple[int, str]:
    stamp, frame_id = record.get("stamp", 0.0), record.get("frame_id", "")
    if not isinstance(stamp, float) or not 0 <= stamp < _LATEST_S:
        raise ValueError("'stamp' must be seconds, as a number of 0 or more")
    if not isinstance(frame_id, str):
        raise ValueError("'frame_id' must be text")
    return round(stamp * 1e9), checked_frame(frame_id)


def _person(person: Any, layout: SkeletonLayout) -> tuple[list[list[float]], str | None]:
    """Coordinates and confidence of every joint, and the id; ValueError where they break the schema."""
    if not isinstance(person, dict) or not isinstance(person.get("joints"), list):
        raise ValueError("no joints")
    unseen = [math.nan] * layout.dims + [0.0]
    rows = [unseen if joint is None else joint for joint in person["joints"]]
    if len(rows) != len(layout) or not all(isinstance(row, list) and len(row) == len(unseen) for row in rows):
        raise ValueError("wrong number of joints or coordinates")
    if not all(isinstance(value, float) for row in rows for value in row):
        raise ValueError("a coordinate is no number")
    return rows, _name(person.get("id"))


def _name(source_id: Any) -> str | None:
    if isinstance(source_id, float) and source_id.is_integer():
        return str(int(source_id))
    if source_id is None or isinstance(source_id, str):
        return source_id or None
    raise ValueError("an id is neither whole number nor text")
