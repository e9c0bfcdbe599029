"""``~/detections`` and ``~/label_info``: people and what they do as ``vision_msgs`` has them, where it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleNode

from csre_ros.recognition.bundle_info import Label
from csre_ros.recognition.types import PersonAction
from csre_ros.ros.outputs.report import Report, likeliest, standing
from csre_ros.ros.qos import LATCHED, RELIABLE, overridable
from csre_ros.ros.stamps import from_ns
from csre_ros.skeleton import Skeleton


def label_info(labels: Sequence[Label]) -> Any:
    """``vision_msgs/LabelInfo``: the names behind the class ids; its threshold is the lowest of any action."""
    from vision_msgs.msg import LabelInfo, VisionClass

    names = [VisionClass(class_id=i, class_name=label.name) for i, label in enumerate(labels)]
    lowest = min((label.threshold for label in labels if not label.background), default=0.0)
    return LabelInfo(class_map=names, threshold=float(lowest))


def detection(person: PersonAction, skeleton: Skeleton, report: Report, top_k: int) -> Any:
    """``vision_msgs/Detection2D`` without a header.

    Args:
        person: Who; the track id becomes ``id``. The first of the ``results`` is what was decided: the action, or an
            empty class and a score of 0 where there is none. The likeliest other labels follow, best first.
        skeleton: Where: every result has the position in metres, for skeletons in space.
        report: Everything else about the frame.
        top_k: Most labels.
    """
    from vision_msgs.msg import Detection2D

    decided = next((i for i, label in enumerate(report.labels) if label.name == person.action), None)
    others = [(str(i), score) for i, score in likeliest(person, top_k) if i != decided]
    first = [("", 0.0)] if decided is None else [(str(decided), float(person.score))]
    found = Detection2D(id=str(person.person))
    found.results = [_hypothesis(*one, skeleton) for one in first + others[: top_k - (decided is not None)]]
    if (box := joint_box(skeleton, report)) is not None:
        (left, top), (right, bottom) = box
        centre = found.bbox.center.position
        centre.x, centre.y = (left + right) / 2, (top + bottom) / 2
        found.bbox.size_x, found.bbox.size_y = right - left, bottom - top
    return found


def _hypothesis(class_id: str, score: float, skeleton: Skeleton) -> Any:
    from vision_msgs.msg import ObjectHypothesisWithPose

    found = ObjectHypothesisWithPose()
    found.hypothesis.class_id, found.hypothesis.score = class_id, score
    if (place := standing(skeleton)) is not None:
        position = found.pose.pose.position
        position.x, position.y, position.z = place
    return found


def joint_box(skeleton: Skeleton, report: Report) -> NDArray[np.float64] | None:
    """Least and largest pixel ``[[left, top], [right, bottom]]`` of the joints that were seen.

    Returns:
        The box; None where nobody says how large the picture is, or the person is behind the camera.
    """
    camera = report.camera
    seen = np.isfinite(skeleton.positions).all(axis=1)
    points = None
    if skeleton.image_points is not None and report.image is not None:
        height, width = report.image.shape[:2]
        points = skeleton.image_points[seen] * (width, height)
    elif camera is not None and skeleton.layout.dims == 2:
        points = skeleton.positions[seen] * camera.size[1]
    elif camera is not None:
        points = camera.project(skeleton.positions[seen])
        points = points[np.isfinite(points).all(axis=1)]
    if points is None or not len(points):
        return None
    return np.array((points.min(axis=0), points.max(axis=0)), np.float64)


class Detections:
    """Publishes detections while somebody listens; the names of the labels at once, and again when they change.

    Args:
        node: Owner of the publishers.
        labels: The labels at the start.
        top_k: Says how many labels per person; asked at every frame.

    Raises:
        ImportError: ``vision_msgs`` is not installed.
    """

    def __init__(self, node: LifecycleNode, labels: tuple[Label, ...], top_k: Callable[[], int]) -> None:
        from vision_msgs.msg import Detection2DArray, LabelInfo

        self._array = Detection2DArray
        self._node = node
        self._top_k = top_k
        self._publisher = node.create_lifecycle_publisher(Detection2DArray, "~/detections", **overridable(RELIABLE))
        self._labels = node.create_publisher(LabelInfo, "~/label_info", **overridable(LATCHED))
        self._announce(labels)

    def publish(self, report: Report) -> None:
        """Publish everybody in a frame."""
        if report.labels != self._announced:
            self._announce(report.labels)
        if not self._publisher.get_subscription_count():
            return
        top_k = self._top_k()
        self._publish(report, [detection(person, skeleton, report, top_k) for person, skeleton in report.seen()])

    def withdraw(self, report: Report) -> None:
        """Publish that nobody is detected any more, as of the newest frame."""
        if self._publisher.get_subscription_count():
            self._publish(report, [])

    def destroy(self) -> None:
        """Remove the publishers."""
        self._node.destroy_lifecycle_publisher(self._publisher)
        self._node.destroy_publisher(self._labels)

    def _announce(self, labels: tuple[Label, ...]) -> None:
        self._announced = labels
        message = label_info(labels)
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._labels.publish(message)

    def _publish(self, report: Report, detections: list[Any]) -> None:
        message = self._array(detections=detections)
        message.header.stamp, message.header.frame_id = from_ns(report.stamp_ns), report.frame_id
        for one in detections:
            one.header = message.header
        self._publisher.publish(message)
