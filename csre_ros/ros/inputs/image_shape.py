"""The camera behind a topic of people or images, as its driver or the operator describes it."""

from __future__ import annotations

from typing import Any

from rclpy.qos import qos_profile_sensor_data
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo

from csre_ros.ros.inputs.contract import InputContext
from csre_ros.ros.inputs.topics import image_size
from csre_ros.ros.readers.camera_info import read_image_size, read_pinhole
from csre_ros.skeleton import Pinhole

TOPIC = "camera_info"
"""Relative name; remap it to the camera's."""


class ImageShape:
    """Hears ``camera_info``, and knows the parameters ``image_width`` and ``image_height`` until it has heard one.

    Args:
        context: Owner of the subscription, and the parameters.

    Attributes:
        size: Width and height in pixels; None where nobody has said. Read from another thread than it is heard on.
        camera: How points in space come into the picture: as calibrated, else by the size and the declared field of
            view; None where nobody has said how large the images are.
        calibrated: Whether that was heard from the camera itself.

    Raises:
        ValueError: Only one of the two parameters is set.
    """

    def __init__(self, context: InputContext) -> None:
        given = context.settings.node
        self._given = image_size(given.image_width, given.image_height)
        self._context = context
        self._subscription: Subscription[Any] | None = None
        self.size = self._given
        self.camera = self._declared(self._given)
        self.calibrated = False

    def open(self) -> None:
        """Subscribe with the quality of service of sensor data."""
        self._subscription = self._context.node.create_subscription(
            CameraInfo, TOPIC, self._heard, qos_profile_sensor_data, raw=True
        )

    def close(self) -> None:
        """Unsubscribe and forget what was heard."""
        if self._subscription is not None:
            self._context.node.destroy_subscription(self._subscription)
            self._subscription, self.size, self.camera = None, self._given, self._declared(self._given)
            self.calibrated = False

    def _heard(self, data: bytes) -> None:
        try:
            size, camera = read_image_size(data), read_pinhole(data)
        except ValueError as error:
            self._context.health.rejected("unreadable camera info", detail=f"{TOPIC}: {error}")
            return
        if size is not None:
            self.camera, self.calibrated = camera or self._declared(size), camera is not None
        if size is not None and size != self.size:
            self.size = size
            if self._given is not None:
                width, height = size
                self._context.node.get_logger().warning(
                    f"{TOPIC} says that images are {width}x{height}; image_width and image_height are not used"
                )

    def _declared(self, size: tuple[int, int] | None) -> Pinhole | None:
        return size and Pinhole.of_view(size, self._context.settings.pose.horizontal_fov_deg)
