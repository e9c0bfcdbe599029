"""The other end of the node's topics: a subscriber for programs that are no ROS nodes themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from csre_ros.foreign_text import quoted
from csre_ros.ros.missing import without_ros

try:
    import rclpy
except ImportError as error:
    raise without_ros("listening to the node") from error
from rclpy.exceptions import InvalidTopicNameException
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String

from csre_ros.ros.qos import LATCHED
from csre_ros.ros.stamps import to_ns
from csre_ros.signals import undisturbed
from csre_ros.skeleton import Frame, SkeletonLayout, get_layout
from csre_ros.skeleton.cloud import unpack_cloud

_KEPT = 1000
"""Records that wait while a callback is busy, half a minute of them: the first picture starts a video encoder, which
takes seconds where the disk is cold, and a record that is lost may hold the beginning of an action."""


class Listener:
    """Hears ``~/actions`` and ``~/skeletons`` of one node. A context manager that starts and ends rclpy.

    Args:
        node: Full name of the node, for example ``/action_node``.
        on_actions: Called with every record (see ``csre_ros.ros.outputs.json_records``).
        on_people: Called with the people of every skeleton message once the layout is known, which the node announces;
            their ``source_id`` is the person's id.
        on_classes: Called with the record of ``~/classes``, and again when the labels change.

    Raises:
        ValueError: The name is none of a node. From :meth:`spin_once`: what arrived is no record, no layout, or no
            cloud of the layout announced.
    """

    def __init__(
        self,
        node: str,
        on_actions: Callable[[dict[str, Any]], None],
        on_people: Callable[[Frame], None],
        on_classes: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._layout: SkeletonLayout | None = None
        self._on_people = on_people
        self._ends = ExitStack()
        try:
            with undisturbed():  # here and below: rclpy cannot end what a signal leaves half made
                self._begin()
                self._subscribe(node, on_actions, on_classes)
        except BaseException as error:
            self.__exit__(None, None, None)
            if isinstance(error, InvalidTopicNameException):
                raise ValueError(f"{quoted(node)} is no full name of a node, such as /action_node") from error
            raise

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            self._ends.close()

    def spin_once(self, timeout_s: float) -> None:
        """Handle what has arrived, waiting at most this long. A signal is handled afterwards."""
        with undisturbed():
            self._executor.spin_once(timeout_sec=timeout_s)

    def _begin(self) -> None:
        # rclpy's own handlers take the context apart on another thread while this one still works in it.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._ends.callback(rclpy.try_shutdown)
        self._node = rclpy.create_node("csre_listener")
        self._ends.callback(self._node.destroy_node)
        self._executor = SingleThreadedExecutor()
        self._ends.callback(self._executor.shutdown)
        self._executor.add_node(self._node)

    def _subscribe(
        self,
        node: str,
        on_actions: Callable[[dict[str, Any]], None],
        on_classes: Callable[[dict[str, Any]], None] | None,
    ) -> None:
        subscribe = self._node.create_subscription
        subscribe(String, f"{node}/actions", lambda message: on_actions(json.loads(message.data)), _KEPT)
        if on_classes is not None:
            subscribe(String, f"{node}/classes", lambda message: on_classes(json.loads(message.data)), LATCHED)
        subscribe(String, f"{node}/skeletons/layout", self._announced, LATCHED)
        subscribe(PointCloud2, f"{node}/skeletons", self._people, qos_profile_sensor_data)

    def _announced(self, message: String) -> None:
        self._layout = get_layout(message.data)

    def _people(self, message: PointCloud2) -> None:
        if self._layout is None:
            return
        skeletons, _ = unpack_cloud(message, self._layout)
        self._on_people(Frame(to_ns(message.header.stamp), message.header.frame_id, skeletons))
