"""An input that is a subscription to one topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy, qos_policy_name_from_kind
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

from csre_ros.pose.registry import estimated_layout
from csre_ros.ros.health import Health
from csre_ros.ros.inputs.announcement import Announcement
from csre_ros.ros.settings import AUTO, NodeSettings
from csre_ros.skeleton import SkeletonLayout, get_layout
from csre_ros.sources.frames import SourceFrame

_OWN = get_layout("body13")  # stands for the layout of messages that have one of their own

Reading = tuple[SourceFrame, "Counter[str]"]
"""A frame, and how many people were left out of it, by reason."""
Read = Callable[[bytes, SkeletonLayout, int], Reading]
"""From a serialised message, the layout that the user named and the time of arrival; ValueError: unreadable."""


@dataclass(frozen=True)
class TopicKind:
    """What distinguishes one topic input from another.

    Attributes:
        name: Relative name; remap it to the publisher's.
        message: Message class.
        read: Makes a frame of a serialised message, given the layout and the time of its arrival.
        depth: Messages that the middleware keeps; 1 where only the newest counts.
        most_bytes: A larger message is refused unread.
        images: Whether frames carry pictures.
        dims: 2 or 3, of messages that have a layout of their own; None where the parameter ``layout`` decides. Of
            pictures the pose estimator decides.
    """

    name: str
    message: type[Any]
    read: Read
    depth: int = 10
    most_bytes: int = 1 << 20
    images: bool = False
    dims: int | None = 3


class TopicInput:
    """A subscription. Callbacks only pass messages on, as bytes; :meth:`read` runs on the worker.

    The middleware drops what it cannot deserialise without a word, and spends seconds and gigabytes on some of it.
    So it is not asked to: bytes are judged here, and every message that is refused is counted.
    """

    def __init__(
        self,
        kind: TopicKind,
        node: Node,
        settings: NodeSettings,
        health: Health,
        deliver: Callable[[Any], None],
        ended: Callable[[], None],
    ) -> None:
        self.what = node.resolve_topic_name(kind.name)
        self.images = kind.images
        self._kind = kind
        self._node = node
        self._health = health
        self._deliver = deliver
        self._layout = _OWN
        self._announcement: Announcement | None = None
        self.dims: int | None = estimated_layout(settings.pose).dims if kind.images else kind.dims
        if kind.dims is None and settings.node.layout == AUTO:
            self._announcement = Announcement(node, self.what)
        elif kind.dims is None:
            self._layout = get_layout(settings.node.layout)
            self.dims = self._layout.dims
        self._subscription: Subscription[Any] | None = None

    def open(self) -> None:
        """Subscribe with the quality of service of sensor data, which the user may override."""
        kind = self._kind
        if self._announcement is not None:
            self._announcement.open()
        self._subscription = subscribe(self._node, self._health, kind.message, kind.name, self._arrived, kind.depth)

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        if self._announcement is not None:
            self._announcement.close()

    def read(self, item: Any) -> Reading:
        """The frame of a message and the time of its arrival."""
        data, arrival_ns = item
        if self._announcement is not None:
            self._layout = self._announcement.layout
        frame, rejected = self._kind.read(data, self._layout, arrival_ns)
        note_stamp(self._node, self._health, self.what, frame, arrival_ns)
        return frame, rejected

    def _arrived(self, data: bytes) -> None:
        self._health.arrived()
        if len(data) > self._kind.most_bytes:
            limit = f"{len(data)} bytes; at most {self._kind.most_bytes} are accepted"
            self._health.rejected("oversized message", detail=f"a message on {self.what} has {limit}")
            return
        self._deliver((data, self._node.get_clock().now().nanoseconds))


def subscribe(
    node: Node,
    health: Health,
    message: type[Any],
    name: str,
    callback: Callable[[bytes], None],
    depth: int,
    overridable: bool = True,
) -> Subscription[Any]:
    """Subscribe to the bytes of messages, with the quality of service of sensor data.

    Args:
        node: Owner of the subscription.
        health: Told about lost messages and publishers that do not fit.
        message: Message class.
        name: Topic.
        callback: Called with every message.
        depth: Messages that the middleware keeps.
        overridable: Whether parameters may override the quality of service.
    """
    events = SubscriptionEventCallbacks(
        message_lost=lambda event: health.lost(event.total_count_change),
        incompatible_qos=lambda event: health.incompatible(qos_policy_name_from_kind(event.last_policy_kind).lower()),
    )
    return node.create_subscription(
        message,
        name,
        callback,
        QoSProfile(history=QoSHistoryPolicy.KEEP_LAST, depth=depth, reliability=QoSReliabilityPolicy.BEST_EFFORT),
        event_callbacks=events,
        qos_overriding_options=QoSOverridingOptions.with_default_policies() if overridable else None,
        raw=True,
    )


def note_stamp(node: Node, health: Health, what: str, frame: SourceFrame, arrival_ns: int) -> None:
    """Say once, and count, that a source does not stamp its messages: ages and windows are then those of arrival."""
    if frame.stamp_ns == arrival_ns:
        health.stamped_on_arrival()
        node.get_logger().warning(f"messages on {what} carry no stamp; the time of arrival is used instead", once=True)
