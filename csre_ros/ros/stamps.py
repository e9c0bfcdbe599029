"""Stamps: ``builtin_interfaces/Time`` and the nanoseconds that the runtime counts in. Needs no graph."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time

from csre_ros.foreign_text import is_printable, quoted

SECOND = 1_000_000_000
_LONGEST_FRAME_ID = 256


def to_ns(stamp: Time) -> int:
    """Nanoseconds of a message's stamp.

    >>> to_ns(Time(sec=2, nanosec=5))
    2000000005
    """
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def from_ns(stamp_ns: int) -> Time:
    """The stamp of a message; times before 1970 and after 2038, which it cannot hold, become the nearest it can.

    >>> from_ns(2_000_000_005).nanosec
    5
    """
    limited = min(max(int(stamp_ns), 0), 2**31 * SECOND - 1)
    return Time(sec=limited // SECOND, nanosec=limited % SECOND)


def read_header(header: Any, arrival_ns: int) -> tuple[int, str]:
    """Stamp and frame of a message.

    Args:
        header: A ``std_msgs/Header``.
        arrival_ns: Time of arrival, used where the sender left the stamp at zero, so that its messages do not all
            share one instant.

    Raises:
        ValueError: As for :func:`checked_frame`.
    """
    return to_ns(header.stamp) or arrival_ns, checked_frame(header.frame_id)


def checked_frame(frame_id: str) -> str:
    """The name of a coordinate frame, which everything that is published repeats.

    Raises:
        ValueError: It is too long for one, or holds what cannot be shown, or said in UTF-8.
    """
    if len(frame_id) > _LONGEST_FRAME_ID:
        raise ValueError(f"frame_id has {len(frame_id)} characters; at most {_LONGEST_FRAME_ID} are accepted")
    if not is_printable(frame_id):
        raise ValueError(f"frame_id {quoted(frame_id)} is no text: it holds what cannot be shown, or said in UTF-8")
    return frame_id
