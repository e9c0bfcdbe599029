"""``~/image/compressed``: what the node sees and says, drawn into the picture."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING

import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CompressedImage

from csre_ros.recognition.types import Decision
from csre_ros.ros.outputs.report import Report
from csre_ros.ros.qos import PICTURES, overridable
from csre_ros.ros.stamps import from_ns
from csre_ros.strips import Strips

if TYPE_CHECKING:
    from csre_ros.overlay import Overlay

_QUALITY = 80


class Picture:
    """Draws and publishes while somebody listens; over black where the source has no pictures.

    Args:
        node: Owner of the publisher.
        horizontal_fov_deg: Field of view for skeletons without image points.
    """

    def __init__(self, node: LifecycleNode, horizontal_fov_deg: float) -> None:
        self._node = node
        self._fov = horizontal_fov_deg
        self._overlay: Overlay | None = None
        self._strips = Strips()
        self._publisher = node.create_lifecycle_publisher(
            CompressedImage, "~/image/compressed", **overridable(PICTURES)
        )

    def publish(self, report: Report) -> None:
        """Publish the picture of a frame."""
        self._strips.tell(report.events)
        if not self._publisher.get_subscription_count():
            return
        try:
            import cv2

            from csre_ros.overlay import Caption, Overlay
        except ImportError:
            self._node.get_logger().warning("~/image/compressed needs OpenCV: apt install python3-opencv", once=True)
            return
        captions = [
            Caption(p.person, skeleton, p.action, p.score, p.best, p.decision is Decision.UNKNOWN)
            for p, skeleton in report.seen()
        ]
        self._overlay = self._overlay or Overlay(self._fov)
        drawn = self._overlay.draw(report.image, captions, self._node.get_fully_qualified_name())
        strips = self._strips.draw(drawn.shape[1], (person.person for person in report.people), report.stamp_ns)
        _, data = cv2.imencode(".jpg", np.vstack((drawn, strips)), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        message = CompressedImage(format="bgr8; jpeg compressed bgr8", data=array.array("B", data.tobytes()))
        message.header.stamp, message.header.frame_id = from_ns(report.stamp_ns), report.frame_id
        self._publisher.publish(message)

    def withdraw(self, report: Report) -> None:
        """The last picture stays: it is a picture of the past."""
        self._strips = Strips()

    def destroy(self) -> None:
        """Remove the publisher."""
        self._node.destroy_lifecycle_publisher(self._publisher)
