"""``~/action``: one bare label, for robots that only want to know what the person in front of them is doing."""

from __future__ import annotations

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import String

from csre_ros.ros.outputs.actions import FAREWELL
from csre_ros.ros.outputs.report import Report, primary_person
from csre_ros.ros.qos import LATCHED, overridable


class PrimaryLabel:
    """Publishes the action of the primary person whenever it changes; empty where there is none.

    Args:
        node: Owner of the publisher.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._publisher = node.create_lifecycle_publisher(String, "~/action", **overridable(LATCHED))
        self._label = ""

    def publish(self, report: Report) -> None:
        """Publish the label of a frame, if it is another."""
        primary = primary_person(report.people)
        self._say((primary.action if primary else None) or "")

    def withdraw(self, report: Report) -> None:
        """Take the label back."""
        self._say("")

    def destroy(self) -> None:
        """Remove the publisher, once the farewell has arrived where somebody listens."""
        self._publisher.wait_for_all_acked(FAREWELL)
        self._node.destroy_lifecycle_publisher(self._publisher)

    def _say(self, label: str) -> None:
        if label != self._label:
            self._publisher.publish(String(data=label))
            self._label = label
