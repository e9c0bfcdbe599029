"""The layout of a skeleton topic, as its publisher announces it on ``<topic>/layout``."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from std_msgs.msg import String

from csre_ros.ros.readers.cdr import Reader
from csre_ros.skeleton import LAYOUTS, SkeletonLayout, get_layout

_LONGEST_NAME = 64


class Announcement:
    """Hears a latched ``std_msgs/String`` with the name of a layout. Read from another thread than it is heard on.

    Args:
        node: Owner of the subscription.
        topic: The skeleton topic.
        known: Called with every layout that is announced and known.
    """

    def __init__(self, node: Node, topic: str, known: Callable[[SkeletonLayout], None]) -> None:
        self._node = node
        self._known = known
        self._topic = f"{topic}/layout"
        self._name: str | None = None
        self._subscription: Subscription[String] | None = None

    @property
    def layout(self) -> SkeletonLayout:
        """The layout announced last.

        Raises:
            ValueError: There is none yet, or nobody knows it.
        """
        if self._name is None:
            raise ValueError(f"no layout has been announced on {self._topic}; name it in the parameter 'layout'")
        return get_layout(self._name)

    def open(self) -> None:
        """Subscribe."""
        latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
        self._subscription = self._node.create_subscription(String, self._topic, self._announced, latched, raw=True)

    def close(self) -> None:
        """Unsubscribe and forget."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = self._name = None

    def _announced(self, data: bytes) -> None:
        try:
            reader = Reader(data)
            length = min(reader.number("<I") - 1, _LONGEST_NAME)  # whoever sends more means no layout
            name = bytes(reader.body[reader.position : reader.position + max(0, length)])
        except ValueError as error:
            name = f"no name: {error}".encode()  # which nobody knows, so that every message tells of it
        self._name = name.decode(errors="replace")
        if self._name in LAYOUTS:
            self._known(get_layout(self._name))
