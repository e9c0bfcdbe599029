"""Messages that the middleware dropped, by the numbers that publishers give them. Needs no ROS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

_MOST_PUBLISHERS = 256


class Gaps:
    """Finds what is missing between the messages of each publisher.

    The event ``message_lost`` of Fast DDS tells of fragments that did not arrive, not of messages that were overwritten
    before somebody took them: a burst of a kilohertz, or a process that was stopped, lost thousands without a word.
    What a publisher sent before its first message here, or after its last, cannot be known.

    >>> gaps = Gaps()
    >>> [gaps.before({"publisher_gid": {"data": b"a"}, "publication_sequence_number": n}) for n in (7, 8, 11, 11, 9)]
    [0, 0, 2, 0, 0]
    """

    def __init__(self) -> None:
        self._newest: OrderedDict[bytes, int] = OrderedDict()

    @property
    def known(self) -> bool:
        """Whether messages are numbered here."""
        return bool(self._newest)

    def before(self, info: Mapping[str, Any]) -> int | None:
        """How many messages of the same publisher are missing before one.

        Args:
            info: What rclpy tells beside a message.

        Returns:
            Their number; None where this middleware or release numbers nothing.
        """
        publisher, number = (info.get("publisher_gid") or {}).get("data"), info.get("publication_sequence_number")
        if publisher is None or number is None:
            return None
        newest: int = self._newest.pop(publisher, number - 1)
        self._newest[publisher] = max(newest, number)
        if len(self._newest) > _MOST_PUBLISHERS:  # whoever comes and goes must not fill the memory
            self._newest.popitem(last=False)
        return max(0, int(number) - newest - 1)
