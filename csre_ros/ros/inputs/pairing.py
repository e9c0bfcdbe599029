"""Joins what was captured at the same instant and comes on two topics. Needs no ROS.

``message_filters`` does this for deserialised messages in distributions; here bytes are joined, before anything costs
time, and no wheel brings that package.
"""

from __future__ import annotations

from collections import deque
from typing import Any

SLOP_NS = 20_000_000
"""Largest distance of the stamps of a picture and its depth: two thirds of a frame at 30 Hz."""
_WAITING, _KEPT = 8, 8
_JUMP_NS = 1_000_000_000


class Pairing:
    """Finds for every item the companion whose stamp is nearest, if it is near enough.

    One with the same stamp is taken at once. Otherwise the item waits for a companion that is newer than it, since no
    nearer one can come after that. Both queues are bounded; stamps that go back by more than a second begin anew.

    Args:
        slop_ns: Largest distance of the stamps.

    Attributes:
        alone: Items that were given up without a companion.

    >>> pairing = Pairing(20)
    >>> pairing.companion(100, "depth"), pairing.item(100, "picture")
    ([], [('picture', 'depth')])
    >>> pairing.item(200, "later"), pairing.companion(190, "near"), pairing.companion(215, "farther")
    ([], [], [('later', 'near')])
    """

    def __init__(self, slop_ns: int) -> None:
        self.alone = 0
        self._slop_ns = slop_ns
        self._items: deque[tuple[int, Any]] = deque()
        self._companions: deque[tuple[int, Any]] = deque(maxlen=_KEPT)
        self._newest_ns = 0

    def item(self, stamp_ns: int, item: Any) -> list[tuple[Any, Any]]:
        """Take an item in; the pairs that are complete now, oldest first."""
        self._notice(stamp_ns)
        self._items.append((stamp_ns, item))
        return self._complete()

    def companion(self, stamp_ns: int, companion: Any) -> list[tuple[Any, Any]]:
        """Take a companion in; the pairs that are complete now, oldest first."""
        self._notice(stamp_ns)
        self._companions.append((stamp_ns, companion))
        return self._complete()

    def finish(self) -> list[tuple[Any, Any]]:
        """The pairs of those who still wait, when nothing more comes."""
        return self._complete(ended=True)

    def _notice(self, stamp_ns: int) -> None:
        if stamp_ns < self._newest_ns - _JUMP_NS:
            self.alone += len(self._items)
            self._items.clear()
            self._companions.clear()
            self._newest_ns = stamp_ns
        self._newest_ns = max(self._newest_ns, stamp_ns)

    def _complete(self, ended: bool = False) -> list[tuple[Any, Any]]:
        pairs = []
        newest_ns = max((stamp_ns for stamp_ns, _ in self._companions), default=-1)
        items, self._items = self._items, deque()
        for number, (stamp_ns, item) in enumerate(items):
            near_ns, near = min(self._companions, key=lambda one: abs(one[0] - stamp_ns), default=(-1, None))
            overdue = ended or newest_ns >= stamp_ns or len(items) - number > _WAITING
            if near_ns != stamp_ns and not overdue:
                self._items.append((stamp_ns, item))
            elif near_ns >= 0 and abs(near_ns - stamp_ns) <= self._slop_ns:
                pairs.append((item, near))
            else:
                self.alone += 1
        return pairs
