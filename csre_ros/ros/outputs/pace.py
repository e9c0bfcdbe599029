"""When a record is due: what is said about everybody, at most so many times a second. Needs no ROS."""

from __future__ import annotations

from collections.abc import Callable

from csre_ros.recognition.types import ActionEvent
from csre_ros.ros.outputs.report import Report


class Pace:
    """Holds records back (throttle) but for one with an event, and keeps the events of those that it held back.

    Args:
        max_rate_hz: Says how many records a second are allowed; asked at every frame.

    Attributes:
        events: Everything that happened since the last record.
    """

    def __init__(self, max_rate_hz: Callable[[], float]) -> None:
        self.events: list[ActionEvent] = []
        self._max_rate_hz = max_rate_hz
        self._due_ns = 0
        self._listed = False

    def due(self, report: Report) -> bool:
        """Whether a frame is worth a record; its events are in the next one anyway."""
        self.events += report.events
        # A due time further ahead than one period means that the clock jumped back, which must not silence the topic.
        return bool(self.events) or not 0 < self._due_ns - report.now_ns <= self._period_ns

    def farewell(self, report: Report) -> bool:
        """Whether it must be said that nobody is seen any more: somebody was listed, or something happened since."""
        self.events += report.events
        return self._listed or bool(self.events)

    def said(self, report: Report) -> None:
        """A record was published, with all events."""
        self.events.clear()
        self._listed = any(person.present for person in report.people)
        # The generic cell rate algorithm (ITU-T I.371): counted from when it was due, up to a period back. So a stream
        # of just the allowed rate passes whole where jitter stays below a period, and the mean rate holds.
        now_ns, period_ns = report.now_ns, self._period_ns
        self._due_ns = min(max(self._due_ns, now_ns - period_ns), now_ns) + period_ns

    @property
    def _period_ns(self) -> int:
        return int(1e9 / self._max_rate_hz())
