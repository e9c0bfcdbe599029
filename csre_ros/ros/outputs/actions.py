"""``~/actions``: the records that robots read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import String

from csre_ros.recognition.types import ActionEvent
from csre_ros.ros.outputs.json_records import actions_record, to_json
from csre_ros.ros.outputs.report import Report
from csre_ros.ros.qos import RELIABLE, overridable
from csre_ros.ros.settings import NodeConfig

FAREWELL = Duration(seconds=0.5)
"""Longest wait for those who listen to hear that nobody is seen any more."""


class Actions:
    """Publishes records, at most so many a second (throttle); one with an event is never held back.

    Args:
        node: Owner of the publisher.
        config: The settings of the node as they are now.
    """

    def __init__(self, node: LifecycleNode, config: Callable[[], NodeConfig]) -> None:
        self._node = node
        self._config = config
        self._publisher = node.create_lifecycle_publisher(String, "~/actions", **overridable(RELIABLE))
        self._events: list[ActionEvent] = []  # since the last record
        self._due_ns = 0
        self._listed = False

    def publish(self, report: Report) -> None:
        """Publish a record, if one is due."""
        self._events += report.events
        # A due time further ahead than one period means that the clock jumped back, which must not silence the topic.
        if self._events or not 0 < self._due_ns - report.now_ns <= self._period_ns:
            self._say(report)

    def withdraw(self, report: Report) -> None:
        """Say that nobody is seen any more, so that no robot acts on what was true before the input stopped."""
        self._events += report.events
        if self._listed or self._events:
            self._say(replace(report, people=()))

    def destroy(self) -> None:
        """Remove the publisher, once the farewell has arrived where somebody listens."""
        self._publisher.wait_for_all_acked(FAREWELL)
        self._node.destroy_lifecycle_publisher(self._publisher)

    def _say(self, report: Report) -> None:
        record = actions_record(report, self._events, self._config().top_k)
        self._publisher.publish(String(data=to_json(record)))
        self._events.clear()
        self._listed = bool(record["persons"])
        # Counted from when it was due, so that frames which come at just the allowed rate are not halved by jitter.
        now_ns, period_ns = report.now_ns, self._period_ns
        self._due_ns = min(max(self._due_ns, now_ns - period_ns), now_ns) + period_ns

    @property
    def _period_ns(self) -> int:
        return int(1e9 / self._config().max_rate_hz)
