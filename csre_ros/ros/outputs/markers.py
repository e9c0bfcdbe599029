"""``~/markers``: bones and labels for RViz."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from csre_ros.recognition.types import PersonAction
from csre_ros.ros.outputs.report import Report
from csre_ros.ros.qos import NEWEST, overridable
from csre_ros.ros.stamps import from_ns
from csre_ros.skeleton import FloatArray, Skeleton

BONES, LABELS = "bones", "labels"
"""Namespaces of the markers; their ids are those of the people."""
_COLOURS = (
    (0.3, 0.85, 0.3),
    (0.25, 0.6, 1.0),
    (1.0, 0.6, 0.25),
    (0.85, 0.35, 0.85),
    (0.25, 0.85, 0.9),
    (1.0, 0.45, 0.45),
)
_LINE_M, _TEXT_M, _ABOVE_M = 0.03, 0.15, 0.25
_LIFETIME = Duration(sec=1)


def bone_points(skeleton: Skeleton) -> FloatArray:
    """``[2 * bones, 3]`` ends of all bones of which both joints were seen."""
    ends = skeleton.positions[np.array(skeleton.layout.bone_indices)]
    whole = np.isfinite(ends).all(axis=(1, 2))
    return np.asarray(ends[whole].reshape(-1, 3))


def person_markers(person: PersonAction, skeleton: Skeleton, stamp_ns: int, frame_id: str) -> list[Marker]:
    """The bones of a person, and above them who it is and what they do."""
    red, green, blue = _COLOURS[person.person % len(_COLOURS)]
    bones, label = (_marker(name, person.person, stamp_ns, frame_id) for name in (BONES, LABELS))
    bones.type, label.type = Marker.LINE_LIST, Marker.TEXT_VIEW_FACING
    bones.color = label.color = ColorRGBA(r=red, g=green, b=blue, a=1.0)
    bones.scale.x, label.scale.z = _LINE_M, _TEXT_M
    bones.points = [Point(x=x, y=y, z=z) for x, y, z in bone_points(skeleton).astype(float).tolist()]
    seen = skeleton.positions[np.isfinite(skeleton.positions).all(axis=1)].astype(float)
    x, _, z = seen.mean(axis=0).tolist()
    position = label.pose.position
    position.x, position.y, position.z = x, float(seen[:, 1].min()) - _ABOVE_M, z  # y points down
    label.text = f"{person.person}: {person.action} {person.score:.2f}" if person.action else str(person.person)
    return [bones, label]


def _marker(name: str, person: int, stamp_ns: int, frame_id: str, action: int = Marker.ADD) -> Marker:
    marker = Marker(ns=name, id=person % 2**31, action=action, lifetime=_LIFETIME)
    marker.header.stamp, marker.header.frame_id = from_ns(stamp_ns), frame_id
    marker.pose.orientation.w = 1.0
    return marker


class Markers:
    """Publishes markers while somebody listens; people in 2-D layouts have none.

    Args:
        node: Owner of the publisher.
    """

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._publisher = node.create_lifecycle_publisher(MarkerArray, "~/markers", **overridable(NEWEST))
        self._shown: dict[int, tuple[int, str]] = {}

    def publish(self, report: Report) -> None:
        """Show who is in view; who no longer is is deleted."""
        if not self._publisher.get_subscription_count():
            self._shown.clear()
            return
        seen = {person.person: (person, skeleton) for person, skeleton in report.seen() if skeleton.layout.dims == 3}
        markers = self._deletions(self._shown.keys() - seen.keys())
        for person, skeleton in seen.values():
            markers += person_markers(person, skeleton, report.stamp_ns, report.frame_id)
            self._shown[person.person] = (report.stamp_ns, report.frame_id)
        if markers:
            self._publisher.publish(MarkerArray(markers=markers))

    def withdraw(self, report: Report) -> None:
        """Delete everybody."""
        if markers := self._deletions(set(self._shown)):
            self._publisher.publish(MarkerArray(markers=markers))

    def destroy(self) -> None:
        """Remove the publisher."""
        self._node.destroy_lifecycle_publisher(self._publisher)

    def _deletions(self, people: set[int]) -> list[Marker]:
        gone = [(person, *self._shown.pop(person)) for person in sorted(people)]
        return [_marker(name, *one, action=Marker.DELETE) for one in gone for name in (BONES, LABELS)]
