"""``~/classes``: what the node can say, latched, and again when that changes."""

from __future__ import annotations

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import String

from csre_ros.recognition.bundle_info import BundleInfo, Label
from csre_ros.ros.outputs.json_records import classes_record, to_json
from csre_ros.ros.outputs.report import Report
from csre_ros.ros.qos import LATCHED, overridable


class Classes:
    """Publishes the labels at once, active or not, and whenever a report has others.

    Args:
        node: Owner of the publisher.
        info: The bundle that decides.
        labels: The labels at the start.
    """

    def __init__(self, node: LifecycleNode, info: BundleInfo, labels: tuple[Label, ...]) -> None:
        self._node = node
        self._publisher = node.create_publisher(String, "~/classes", **overridable(LATCHED))
        self._announce(info, labels)

    def publish(self, report: Report) -> None:
        """Announce the labels anew, if they are others."""
        if report.labels != self._announced:
            self._announce(report.info, report.labels)

    def withdraw(self, report: Report) -> None:
        """As :meth:`publish`: labels stay when people leave."""
        self.publish(report)

    def destroy(self) -> None:
        """Remove the publisher."""
        self._node.destroy_publisher(self._publisher)

    def _announce(self, info: BundleInfo, labels: tuple[Label, ...]) -> None:
        self._announced = labels
        self._publisher.publish(String(data=to_json(classes_record(info, labels))))
