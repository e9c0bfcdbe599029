"""Inputs that are topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy, qos_policy_name_from_kind
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image, PointCloud2

from csre_ros.ros.config import NodeSettings
from csre_ros.ros.diagnostics import Health
from csre_ros.ros.images import compressed_to_bgr, image_to_bgr
from csre_ros.ros.stamps import read_header
from csre_ros.skeleton import SkeletonLayout, get_layout
from csre_ros.skeleton.cloud import unpack_cloud
from csre_ros.sources.frames import SourceFrame

Read = Callable[[Any, SkeletonLayout, int], tuple[SourceFrame, "Counter[str]"]]


def read_image(message: Image, layout: SkeletonLayout, arrival_ns: int) -> tuple[SourceFrame, Counter[str]]:
    """A frame of a ``sensor_msgs/Image``; errors as :func:`image_to_bgr`."""
    return SourceFrame(*read_header(message.header, arrival_ns), image=image_to_bgr(message)), Counter()


def read_compressed(
    message: CompressedImage, layout: SkeletonLayout, arrival_ns: int
) -> tuple[SourceFrame, Counter[str]]:
    """A frame of a ``sensor_msgs/CompressedImage``; errors as :func:`compressed_to_bgr`."""
    return SourceFrame(*read_header(message.header, arrival_ns), image=compressed_to_bgr(message)), Counter()


def read_cloud(message: PointCloud2, layout: SkeletonLayout, arrival_ns: int) -> tuple[SourceFrame, Counter[str]]:
    """A frame of a skeleton cloud; errors and rejections as :func:`unpack_cloud`."""
    people, rejected = unpack_cloud(message, layout)
    return SourceFrame(*read_header(message.header, arrival_ns), skeletons=people), rejected


@dataclass(frozen=True)
class TopicKind:
    """What distinguishes one topic input from another.

    Attributes:
        name: Relative name; remap it to the publisher's.
        message: Message class.
        read: Makes a frame of a message, given the layout and the time of its arrival.
        depth: Messages that the middleware keeps; 1 where only the newest counts.
        images: Whether frames carry pictures.
    """

    name: str
    message: type[Any]
    read: Read
    depth: int
    images: bool


class TopicInput:
    """A subscription. Callbacks only pass messages on; :meth:`read` runs on the worker."""

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
        self._layout = get_layout(settings.node.layout)
        self.dims = 3 if kind.images else self._layout.dims
        self._subscription: Subscription[Any] | None = None

    def open(self) -> None:
        """Subscribe with the quality of service of sensor data, which the user may override."""
        quality = QoSProfile(
            history=QoSHistoryPolicy.KEEP_LAST,
            depth=self._kind.depth,
            reliability=QoSReliabilityPolicy.BEST_EFFORT,
        )
        events = SubscriptionEventCallbacks(
            message_lost=lambda event: self._health.lost(event.total_count_change),
            incompatible_qos=lambda event: self._health.incompatible(
                qos_policy_name_from_kind(event.last_policy_kind).lower()
            ),
        )
        self._subscription = self._node.create_subscription(
            self._kind.message,
            self._kind.name,
            self._arrived,
            quality,
            event_callbacks=events,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def read(self, item: Any) -> tuple[SourceFrame, Counter[str]]:
        """The frame of a message and the time of its arrival."""
        message, arrival_ns = item
        return self._kind.read(message, self._layout, arrival_ns)

    def _arrived(self, message: Any) -> None:
        self._health.arrived()
        self._deliver((message, self._node.get_clock().now().nanoseconds))


image = partial(TopicInput, TopicKind("image", Image, read_image, 1, images=True))
compressed_image = partial(TopicInput, TopicKind("image/compressed", CompressedImage, read_compressed, 1, images=True))
skeletons = partial(TopicInput, TopicKind("skeletons", PointCloud2, read_cloud, 10, images=False))
