"""An input that is a subscription to one topic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rclpy.subscription import Subscription

from csre_ros.pose.registry import estimated_layout
from csre_ros.ros.inputs.announcement import Announcement
from csre_ros.ros.inputs.arrival import note_stamp, subscribe
from csre_ros.ros.inputs.contract import InputContext
from csre_ros.ros.inputs.depth import Depth
from csre_ros.ros.inputs.image_shape import ImageShape
from csre_ros.ros.inputs.topics import TopicKind
from csre_ros.ros.readers.cdr import Reader
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.ros.settings import AUTO
from csre_ros.skeleton import SkeletonLayout, get_layout


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
            self._announcement = Announcement(context.node, self.what, self._learn)
        elif kind.dims is None:
            self._sender = replace(self._sender, layout=get_layout(given.layout))
            self.dims = get_layout(given.layout).dims
        measured = kind.measured or given.use_depth
        self._shape = ImageShape(context) if measured or not kind.images else None
        self._depth = Depth(context, self._shape, self._joined) if measured and self._shape is not None else None
        if measured:
            self.dims = 3  # whatever they come in
        self._subscription: Subscription[Any] | None = None

    def open(self) -> None:
        """Subscribe with the quality of service of sensor data, which the user may override."""
        if self._announcement is not None:
            self._announcement.open()
        if self._shape is not None:
            self._shape.open()
        if self._depth is not None:
            self._depth.open()
        self._subscription = subscribe(self._context, self._message, self._kind.topic, self._arrived, self._kind.depth)

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._context.node.destroy_subscription(self._subscription)
            self._subscription = None
        if self._announcement is not None:
            self._announcement.close()
            self.dims = None if self._depth is None else 3
        if self._shape is not None:
            self._shape.close()
        if self._depth is not None:
            self._depth.close()

    def read(self, item: Any) -> Reading:
        """The frame of a message and the time of its arrival."""
        data, arrival_ns, depth = item
        if self._announcement is not None:
            self._sender = replace(self._sender, layout=self._announcement.layout)
        if self._shape is not None:
            self._sender = replace(self._sender, image_size=self._shape.size)
        frame, rejected = self._read(data, self._sender, arrival_ns)
        if self._shape is not None:
            frame = replace(frame, camera=self._shape.camera)
        if self._depth is not None:
            frame = self._depth.under(frame, depth)
        note_stamp(self._context, self.what, frame, arrival_ns)
        return frame, rejected

    def _learn(self, layout: SkeletonLayout) -> None:
        if self._depth is None:
            self.dims = layout.dims

    def _arrived(self, data: bytes) -> None:
        self._context.health.arrived()
        if len(data) > self._kind.most_bytes:
            limit = f"{len(data)} bytes; at most {self._kind.most_bytes} are accepted"
            self._context.health.rejected("oversized message", detail=f"a message on {self.what} has {limit}")
            return
        if self._depth is None:
            self._context.deliver((data, self._context.now_ns(), None))
            return
        try:
            stamp_ns, _ = Reader(data).header()
        except ValueError as error:
            self._context.health.rejected("unreadable message", detail=f"{self.what}: {error}")
        else:
            self._depth.join(stamp_ns, (data, self._context.now_ns()))

    def _joined(self, item: tuple[bytes, int], depth: bytes) -> None:
        self._context.deliver((*item, depth))
