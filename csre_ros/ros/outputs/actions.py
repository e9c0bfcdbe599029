"""``~/actions``: the records that robots read, as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import String

from csre_ros.ros.outputs.json_records import actions_record, to_json
from csre_ros.ros.outputs.pace import Pace
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
        self._pace = Pace(lambda: config().max_rate_hz)

    def publish(self, report: Report) -> None:
        """Publish a record, if one is due."""
        if self._pace.due(report):
            self._say(report)

    def withdraw(self, report: Report) -> None:
        """Say that nobody is seen any more, so that no robot acts on what was true before the input stopped."""
        if self._pace.farewell(report):
            self._say(replace(report, people=()))

    def destroy(self) -> None:
        """Remove the publisher, once the farewell has arrived where somebody listens."""
        self._publisher.wait_for_all_acked(FAREWELL)
        self._node.destroy_lifecycle_publisher(self._publisher)

    def _say(self, report: Report) -> None:
        record = actions_record(report, self._pace.events, self._config().top_k)
        self._publisher.publish(String(data=to_json(record)))
        self._pace.said(report)
