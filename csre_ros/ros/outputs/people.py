"""``~/skeletons`` and ``~/skeletons/layout``: the people themselves, with the ids under which they are reported."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String

from csre_ros.ros.outputs.clouds import cloud_message
from csre_ros.ros.outputs.report import Report
from csre_ros.ros.qos import LATCHED, RELIABLE, overridable
from csre_ros.skeleton import SkeletonLayout


class People:
    """Publishes a cloud per frame.

    A cloud has one layout: the one announced, for as long as anybody has it; people of others are left out.

    Args:
        node: Owner of the publishers.
        enabled: Whether anything is published at all.
        counts: Where ``other_layout`` is counted, the people left out.
    """

    def __init__(self, node: LifecycleNode, enabled: bool, counts: Counter[str]) -> None:
        self._node = node
        self._enabled = enabled
        self._counts = counts
        self._layout: SkeletonLayout | None = None
        self._clouds = node.create_lifecycle_publisher(PointCloud2, "~/skeletons", **overridable(RELIABLE))
        self._layouts = node.create_lifecycle_publisher(String, "~/skeletons/layout", **overridable(LATCHED))

    def publish(self, report: Report) -> None:
        """Publish everybody in a frame, and before them their layout where it is new."""
        if not self._enabled:
            return
        seen = [replace(skeleton, source_id=str(person.person)) for person, skeleton in report.seen()]
        layouts = [skeleton.layout for skeleton in seen]
        if layouts and self._layout not in layouts:
            self._layout = layouts[0]
            self._layouts.publish(String(data=self._layout.name))
        if self._layout is not None:
            shown = [skeleton for skeleton in seen if skeleton.layout == self._layout]
            self._clouds.publish(cloud_message(shown, self._layout, report.stamp_ns, report.frame_id))
            if left_out := len(seen) - len(shown):
                self._counts["other_layout"] += left_out

    def withdraw(self, report: Report) -> None:
        """The last cloud stays: it says who was seen when."""

    def destroy(self) -> None:
        """Remove the publishers."""
        for publisher in (self._clouds, self._layouts):
            self._node.destroy_lifecycle_publisher(publisher)
