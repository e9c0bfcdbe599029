"""People as REP-155 publishes them: one list of ids, and one topic of ``hri_msgs/Skeleton2D`` per body.

Positions are image coordinates divided by width and height, joints in the order of layout ``rep155``. What belongs to
one image arrives as several messages with the same stamp; :class:`Gathering` joins them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.ros.packages import message_class
from csre_ros.ros.readers.cdr import Reader, deserialize
from csre_ros.ros.readers.crowd import MAX_PEOPLE, Crowd
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.skeleton import get_layout
from csre_ros.sources.frames import SourceFrame

LAYOUT = get_layout("rep155")
_MAX_BYTES = 8192
_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Instant:
    """Everybody in one image.

    Attributes:
        stamp_ns: Stamp of the messages; 0 where they have none.
        bodies: Serialised ``hri_msgs/Skeleton2D`` by body id.
        arrival_ns: When the last of them came.
    """

    stamp_ns: int
    bodies: Mapping[str, bytes]
    arrival_ns: int


def read_ids(data: bytes) -> tuple[int, tuple[str, ...], int]:
    """Stamp and ids of a serialised ``hri_msgs/IdsList``, and how many ids were rejected as parts of a topic's name.

    Raises:
        ValueError: The bytes are no such message, or there are too many ids.
    """
    reader = Reader(data)
    stamp_ns, _ = reader.header()
    given = [reader.text().decode(errors="replace") for _ in range(reader.length(MAX_PEOPLE, "ids"))]
    ids = tuple(dict.fromkeys(name for name in given if _TOKEN.fullmatch(name)))
    return stamp_ns, ids, sum(not _TOKEN.fullmatch(name) for name in given)


def read_instant(instant: Instant, sender: Sender, arrival_ns: int) -> Reading:
    """A frame of everybody in one image.

    Args:
        instant: What belongs to the image.
        sender: Says how large the image is; the layout is always ``rep155``.
        arrival_ns: Stamp of messages without one.

    Returns:
        The frame, and how many people were rejected, by reason; beside those of :class:`Crowd` there is
        ``"unreadable body"``.

    Raises:
        ValueError: The size of the image is not known.
        ImportError: ``hri_msgs`` is not installed.
    """
    kind = message_class("hri_msgs", "Skeleton2D")
    crowd, frame_id = Crowd(), ""
    if instant.bodies:
        sender.size()  # else no body could be read
    for body, data in instant.bodies.items():
        try:
            _, frame_id = Reader(data).header()
            points = _points(deserialize(data, kind).skeleton)
        except ValueError:
            crowd.rejected["unreadable body"] += 1
        else:
            crowd.add(LAYOUT, sender.in_image_heights(points[:, :2]), points[:, 2], body)
    return SourceFrame(instant.stamp_ns or arrival_ns, frame_id, skeletons=crowd.people), crowd.rejected


def _points(skeleton: Iterable[Any]) -> NDArray[np.float64]:
    return np.array([(point.x, point.y, point.c) for point in skeleton], np.float64)


class Gathering:
    """Joins the bodies of one image: complete when every listed body has come, or when the next image begins.

    :meth:`listed` and :meth:`arrived` take messages as they come; :meth:`expect` and :meth:`add` are what they mean.

    Attributes:
        ids: The bodies tracked now.
        rejected: Since the start: ``"invalid id"``, and ``"late body"`` for bodies that repeated themselves or came
            after their image was complete.

    >>> gathering = Gathering()
    >>> gathering.expect({"a", "b"})
    []
    >>> gathering.add("a", 1, b"", 5)
    []
    >>> gathering.add("b", 1, b"", 6)
    [Instant(stamp_ns=1, bodies={'a': b'', 'b': b''}, arrival_ns=6)]
    """

    def __init__(self) -> None:
        self.ids: tuple[str, ...] = ()
        self.rejected: Counter[str] = Counter()
        self._bodies: dict[str, bytes] = {}
        self._stamp_ns = self._arrival_ns = self._done_ns = 0

    def listed(self, data: bytes, arrival_ns: int) -> list[Instant]:
        """Take in a serialised ``hri_msgs/IdsList``; what has become complete, with an empty image where nobody is.

        Raises:
            ValueError: The bytes are no such message, or there are too many ids.
        """
        stamp_ns, ids, invalid = read_ids(data)
        if invalid:
            self.rejected["invalid id"] += invalid
        complete = self.expect(ids)
        return complete if ids else [*complete, Instant(stamp_ns, {}, arrival_ns)]

    def arrived(self, body: str, data: bytes, arrival_ns: int) -> list[Instant]:
        """Take in a serialised ``hri_msgs/Skeleton2D``; what has become complete, oldest first.

        Raises:
            ValueError: The bytes are no such message; the text names the body.
        """
        try:
            if len(data) > _MAX_BYTES:
                raise ValueError(f"it has {len(data)} bytes")
            stamp_ns, _ = Reader(data).header()
        except ValueError as error:
            raise ValueError(f"body {body}: {error}") from None
        return self.add(body, stamp_ns, data, arrival_ns)

    def finish(self) -> list[Instant]:
        """Nothing will come any more: what waits for bodies that did not."""
        return [self._take()] if self._bodies else []

    def expect(self, ids: Iterable[str]) -> list[Instant]:
        """These bodies are tracked from now on; what has become complete without the others."""
        self.ids = tuple(ids)
        return self._complete()

    def add(self, body: str, stamp_ns: int, data: bytes, arrival_ns: int) -> list[Instant]:
        """Take a body in; what has become complete, oldest first. Bodies that are not tracked are ignored."""
        if body not in self.ids:
            return []
        repeats = stamp_ns == self._stamp_ns and body in self._bodies
        if stamp_ns and (repeats or stamp_ns == self._done_ns):
            self.rejected["late body"] += 1
            return []
        # Without stamps, an image ends when one of its bodies comes again.
        finished = [self._take()] if self._bodies and (repeats or stamp_ns != self._stamp_ns) else []
        self._bodies[body] = data
        self._stamp_ns, self._arrival_ns = stamp_ns, arrival_ns
        return finished + self._complete()

    def _complete(self) -> list[Instant]:
        return [self._take()] if self._bodies and self._bodies.keys() >= set(self.ids) else []

    def _take(self) -> Instant:
        taken = Instant(self._stamp_ns, self._bodies, self._arrival_ns)
        self._bodies, self._done_ns = {}, self._stamp_ns
        return taken
