"""The depth image beside a topic of pictures or of people in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

from csre_ros.ros.inputs.arrival import subscribe
from csre_ros.ros.inputs.contract import InputContext
from csre_ros.ros.inputs.image_shape import TOPIC as CAMERA_INFO
from csre_ros.ros.inputs.image_shape import ImageShape
from csre_ros.ros.inputs.pairing import SLOP_NS, Pairing
from csre_ros.ros.readers.cdr import Reader
from csre_ros.ros.readers.images import with_depth
from csre_ros.sources.frames import SourceFrame

TOPIC = "depth_image"
"""Relative name; remap it to the depth that the camera's driver aligns with the picture."""
_MOST_BYTES = 1 << 28


class Depth:
    """Hears depth images, joins them with items by their stamps, and lays them under frames.

    Args:
        context: Owner of the subscription.
        shape: The camera.
        deliver: Called with every item and the bytes of its depth image.
    """

    def __init__(self, context: InputContext, shape: ImageShape, deliver: Callable[[Any, bytes], None]) -> None:
        self._context = context
        self._shape = shape
        self._deliver = deliver
        self._pairing = Pairing(SLOP_NS)
        self._subscription: Subscription[Any] | None = None

    def open(self) -> None:
        """Subscribe."""
        self._pairing = Pairing(SLOP_NS)
        self._subscription = subscribe(self._context, Image, TOPIC, self._heard, 5)

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._context.node.destroy_subscription(self._subscription)
            self._subscription = None

    def join(self, stamp_ns: int, item: Any) -> None:
        """Deliver an item with its depth image, now or when that has come."""
        self._pass_on(self._pairing.item(stamp_ns, item))

    def under(self, frame: SourceFrame, data: bytes) -> SourceFrame:
        """A frame with its depth image and its camera.

        Raises:
            ValueError: The bytes are no depth image, it does not fit the picture, or the camera is not known.
        """
        camera = self._shape.camera
        if camera is None or not self._shape.calibrated:
            where = self._context.node.resolve_topic_name(CAMERA_INFO)
            raise ValueError(f"depth needs the calibration of the camera, and none has come on {where}: remap it")
        return with_depth(frame, data, camera)

    def _heard(self, data: bytes) -> None:
        try:
            if len(data) > _MOST_BYTES:
                raise ValueError(f"it has {len(data)} bytes; at most {_MOST_BYTES} are accepted")
            stamp_ns, _ = Reader(data).header()
        except ValueError as error:
            self._context.health.rejected("unreadable depth image", detail=f"{TOPIC}: {error}")
            return
        self._pass_on(self._pairing.companion(stamp_ns, data))

    def _pass_on(self, pairs: list[tuple[Any, bytes]]) -> None:
        if alone := self._pairing.alone:
            self._pairing.alone = 0
            where = self._context.node.resolve_topic_name(TOPIC)
            detail = f"nothing on {where} was captured within {SLOP_NS / 1e9:g} s of the picture"
            self._context.health.rejected("no depth image", alone, detail=detail)
        for item, data in pairs:
            self._deliver(item, data)
