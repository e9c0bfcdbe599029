"""An input that is a subscription to one topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy, qos_policy_name_from_kind
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

from csre_ros.pose.registry import estimated_layout
from csre_ros.ros.inputs.announcement import Announcement
from csre_ros.ros.inputs.contract import InputContext
from csre_ros.ros.inputs.gaps import Gaps
from csre_ros.ros.inputs.image_shape import ImageShape
from csre_ros.ros.inputs.topics import TopicKind
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.ros.settings import AUTO
from csre_ros.skeleton import get_layout
from csre_ros.sources.frames import SourceFrame


class TopicInput:
    """A subscription. Callbacks only pass messages on, as bytes; :meth:`read` runs on the worker.

    The middleware drops what it cannot deserialise without a word, and spends seconds and gigabytes on some of it.
    So it is not asked to: bytes are judged here, and every message that is refused is counted.
    """

    def __init__(self, kind: TopicKind, context: InputContext) -> None:
        given = context.settings.node
        self.what = context.node.resolve_topic_name(kind.topic)
        self.images = kind.images
        pose = context.settings.pose
        self.dims: int | None = estimated_layout(pose).dims if kind.images else kind.dims
        self._kind = kind
        self._message = kind.message  # what is not installed is the first thing to be told
        self._context = context
        self._read = kind.reader()
        self._sender = Sender()
        self._announcement: Announcement | None = None
        if kind.dims is None and given.layout == AUTO:
            self._announcement = Announcement(context.node, self.what)
        elif kind.dims is None:
            self._sender = replace(self._sender, layout=get_layout(given.layout))
            self.dims = get_layout(given.layout).dims
        self._shape = None if kind.images else ImageShape(context)
        self._subscription: Subscription[Any] | None = None

    def open(self) -> None:
        """Subscribe with the quality of service of sensor data, which the user may override."""
        if self._announcement is not None:
            self._announcement.open()
        if self._shape is not None:
            self._shape.open()
        self._subscription = subscribe(self._context, self._message, self._kind.topic, self._arrived, self._kind.depth)

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._context.node.destroy_subscription(self._subscription)
            self._subscription = None
        if self._announcement is not None:
            self._announcement.close()
        if self._shape is not None:
            self._shape.close()

    def read(self, item: Any) -> Reading:
        """The frame of a message and the time of its arrival."""
        data, arrival_ns = item
        if self._announcement is not None:
            self._sender = replace(self._sender, layout=self._announcement.layout)
        if self._shape is not None:
            self._sender = replace(self._sender, image_size=self._shape.size)
        frame, rejected = self._read(data, self._sender, arrival_ns)
        if self._shape is not None:
            frame = replace(frame, camera=self._shape.camera)
        note_stamp(self._context, self.what, frame, arrival_ns)
        return frame, rejected

    def _arrived(self, data: bytes) -> None:
        self._context.health.arrived()
        if len(data) > self._kind.most_bytes:
            limit = f"{len(data)} bytes; at most {self._kind.most_bytes} are accepted"
            self._context.health.rejected("oversized message", detail=f"a message on {self.what} has {limit}")
            return
        self._context.deliver((data, self._context.now_ns()))


def subscribe(
    context: InputContext,
    message: type[Any],
    name: str,
    callback: Callable[[bytes], None],
    depth: int,
    overridable: bool = True,
) -> Subscription[Any]:
    """Subscribe to the bytes of messages, with the quality of service of sensor data.

    Args:
        context: Owner of the subscription; its health is told about lost messages and publishers that do not fit.
        message: Message class.
        name: Topic.
        callback: Called with every message.
        depth: Messages that the middleware keeps.
        overridable: Whether parameters may override the quality of service.
    """
    health, gaps = context.health, Gaps()

    def numbered(data: bytes, info: Mapping[str, Any]) -> None:
        # Where messages are numbered, the gaps tell of all that is lost; else what the middleware tells must do.
        if lost := gaps.before(info):
            health.lost(lost)
        callback(data)

    events = SubscriptionEventCallbacks(
        message_lost=lambda event: None if gaps.known else health.lost(event.total_count_change),
        incompatible_qos=lambda event: health.incompatible(qos_policy_name_from_kind(event.last_policy_kind).lower()),
    )
    return context.node.create_subscription(
        message,
        name,
        numbered,
        QoSProfile(history=QoSHistoryPolicy.KEEP_LAST, depth=depth, reliability=QoSReliabilityPolicy.BEST_EFFORT),
        event_callbacks=events,
        qos_overriding_options=QoSOverridingOptions.with_default_policies() if overridable else None,
        raw=True,
    )


def note_stamp(context: InputContext, what: str, frame: SourceFrame, arrival_ns: int) -> None:
    """Say once, and count, that a source does not stamp its messages: ages and windows are then those of arrival."""
    if frame.stamp_ns == arrival_ns:
        context.health.stamped_on_arrival()
        logger = context.node.get_logger()
        logger.warning(f"messages on {what} carry no stamp; the time of arrival is used instead", once=True)
