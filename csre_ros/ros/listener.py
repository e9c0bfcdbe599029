"""The other end of the node's topics: a subscriber for programs that are no ROS nodes themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any

from csre_ros.ros.missing import without_ros

try:
    import rclpy
except ImportError as error:
    raise without_ros("listening to the node") from error
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String

from csre_ros.ros.qos import LATCHED
from csre_ros.ros.stamps import to_ns
from csre_ros.skeleton import Frame, SkeletonLayout, get_layout
from csre_ros.skeleton.cloud import unpack_cloud


class Listener:
    """Hears ``~/actions`` and ``~/skeletons`` of one node. A context manager that starts and ends rclpy.

    Args:
        node: Full name of the node, for example ``/action_node``.
        on_actions: Called with every record (see ``csre_ros.ros.outputs.json_records``).
        on_people: Called with the people of every skeleton message once the layout is known, which the node announces;
            their ``source_id`` is the person's id.
        on_classes: Called with the record of ``~/classes``, and again when the labels change.

    Raises:
        ValueError: From :meth:`spin_once`: what arrived is no record, no layout, or no cloud of the layout announced.
    """

    def __init__(
        self,
        node: str,
        on_actions: Callable[[dict[str, Any]], None],
        on_people: Callable[[Frame], None],
        on_classes: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        rclpy.init()
        self._node = rclpy.create_node("csre_listener")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._layout: SkeletonLayout | None = None
        self._on_people = on_people
        self._node.create_subscription(
            String, f"{node}/actions", lambda message: on_actions(json.loads(message.data)), 10
        )
        if on_classes is not None:
            self._node.create_subscription(
                String, f"{node}/classes", lambda message: on_classes(json.loads(message.data)), LATCHED
            )
        self._node.create_subscription(String, f"{node}/skeletons/layout", self._announced, LATCHED)
        self._node.create_subscription(PointCloud2, f"{node}/skeletons", self._people, qos_profile_sensor_data)

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def spin_once(self, timeout_s: float) -> None:
        """Handle what has arrived, waiting at most this long."""
        self._executor.spin_once(timeout_sec=timeout_s)

    def _announced(self, message: String) -> None:
        self._layout = get_layout(message.data)

    def _people(self, message: PointCloud2) -> None:
        if self._layout is None:
            return
        skeletons, _ = unpack_cloud(message, self._layout)
        self._on_people(Frame(to_ns(message.header.stamp), message.header.frame_id, skeletons))
