"""``~/detections`` and ``~/label_info``: people and what they do as ``vision_msgs`` has them, where it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecycleNode

from csre_ros.recognition.bundle_info import Label
from csre_ros.recognition.types import PersonAction
from csre_ros.ros.outputs.report import Report
from csre_ros.ros.qos import LATCHED, RELIABLE, overridable
from csre_ros.ros.stamps import from_ns
from csre_ros.skeleton import Skeleton


def label_info(labels: Sequence[Label]) -> Any:
    """``vision_msgs/LabelInfo``: the names behind the class ids; its threshold is the lowest of any action."""
    from vision_msgs.msg import LabelInfo, VisionClass

    names = [VisionClass(class_id=i, class_name=label.name) for i, label in enumerate(labels)]
    lowest = min((label.threshold for label in labels if not label.background), default=0.0)
    return LabelInfo(class_map=names, threshold=float(lowest))


def detection(person: PersonAction, skeleton: Skeleton, shape: Sequence[int] | None, top_k: int) -> Any:
    """``vision_msgs/Detection2D`` without a header.

    Args:
        person: Who; the track id becomes ``id``, the likeliest labels become ``results``, best first.
        skeleton: Where.
        shape: Height and width of the picture; without them, or without image points, there is no box.
        top_k: Most labels.
    """
    from vision_msgs.msg import Detection2D, ObjectHypothesisWithPose

    found = Detection2D(id=str(person.person))
    if person.probabilities is not None:
        for i in np.argsort(-person.probabilities, kind="stable")[:top_k].tolist():
            result = ObjectHypothesisWithPose()
            result.hypothesis.class_id, result.hypothesis.score = str(i), float(person.probabilities[i])
            found.results.append(result)
    if shape is not None and skeleton.image_points is not None:
        points = skeleton.image_points[np.isfinite(skeleton.positions).all(axis=1)] * (shape[1], shape[0])
        low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        centre = found.bbox.center.position
        centre.x, centre.y = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2
        found.bbox.size_x, found.bbox.size_y = high[0] - low[0], high[1] - low[1]
    return found


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
        shape, top_k = None if report.image is None else report.image.shape, self._top_k()
        self._publish(report, [detection(person, skeleton, shape, top_k) for person, skeleton in report.seen()])

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
