"""The input that follows people by REP-155: a topic with their ids, and a topic of each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from csre_ros.ros.inputs.arrival import note_stamp, subscribe
from csre_ros.ros.inputs.contract import InputContext
from csre_ros.ros.inputs.depth import Depth
from csre_ros.ros.inputs.image_shape import ImageShape
from csre_ros.ros.inputs.topics import TopicKind, class_of
from csre_ros.ros.readers.reading import Reading, Sender
from csre_ros.ros.readers.rep155 import Gathering, Instant

# Whoever sends another list of ids with every message makes us subscribe this often, and no more.
_RENEW_PERIOD_S, _RENEW_MOST = 0.05, 4


class BodiesInput:
    """Subscriptions that come and go with the people.

    Callbacks join the messages of one image by their stamps; :meth:`read` reads them on the worker. The topics of
    bodies lie beside that of the ids, wherever it is remapped to.
    """

    def __init__(self, kind: TopicKind, context: InputContext) -> None:
        self.what = context.node.resolve_topic_name(kind.topic)
        self.images = kind.images
        measured = context.settings.node.use_depth
        self.dims = 3 if measured else kind.dims
        self._kind = kind
        self._ids_class, self._body_class = kind.message, class_of(kind.bodies)
        self._context = context
        self._read = kind.reader()
        self._shape = ImageShape(context)
        self._depth = Depth(context, self._shape, self._joined) if measured else None
        self._gathering = Gathering()
        self._tracked: Subscription[Any] | None = None
        self._bodies: dict[str, Subscription[Any]] = {}
        self._timer: Timer | None = None

    def open(self) -> None:
        """Subscribe to the ids."""
        self._shape.open()
        if self._depth is not None:
            self._depth.open()
        self._gathering = Gathering()
        self._tracked = subscribe(self._context, self._ids_class, self._kind.topic, self._listed, self._kind.depth)
        self._timer = self._context.node.create_timer(
            _RENEW_PERIOD_S, self._renew, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def close(self) -> None:
        """Unsubscribe from everything."""
        self._shape.close()
        if self._depth is not None:
            self._depth.close()
        if self._tracked is not None and self._timer is not None:
            self._context.node.destroy_timer(self._timer)
            self._context.node.destroy_subscription(self._tracked)
            self._tracked = self._timer = None
        self._keep(())

    def read(self, item: Any) -> Reading:
        """The frame of one image."""
        instant, depth = item
        frame, rejected = self._read(instant, Sender(image_size=self._shape.size), instant.arrival_ns)
        note_stamp(self._context, self.what, frame, instant.arrival_ns)
        frame = replace(frame, camera=self._shape.camera)
        return frame if self._depth is None else self._depth.under(frame, depth), rejected

    def _listed(self, data: bytes) -> None:
        self._take(partial(self._gathering.listed, data), self.what + ": ")
        self._keep(self._gathering.ids)

    def _arrived(self, name: str, data: bytes) -> None:
        self._take(partial(self._gathering.arrived, name, data))

    def _take(self, message: Callable[[int], list[Instant]], where: str = "") -> None:
        """Deliver what a message has made complete, and count what it made impossible."""
        before = self._gathering.rejected.copy()
        try:
            instants = message(self._context.now_ns())
        except ValueError as error:
            self._context.health.rejected("unreadable message", detail=f"{where}{error}")
            return
        for reason, count in (self._gathering.rejected - before).items():
            self._context.health.rejected(reason, count)
        for instant in instants:
            self._context.health.arrived()
            if self._depth is None:
                self._joined(instant, None)
            else:
                self._depth.join(instant.stamp_ns, instant)

    def _joined(self, instant: Instant, depth: bytes | None) -> None:
        self._context.deliver((instant, depth))

    def _keep(self, ids: tuple[str, ...]) -> None:
        for name in self._bodies.keys() - set(ids):
            self._context.node.destroy_subscription(self._bodies.pop(name))

    def _renew(self) -> None:
        for name in [name for name in self._gathering.ids if name not in self._bodies][:_RENEW_MOST]:
            topic = f"{self.what.rpartition('/')[0]}/{name}/skeleton2d"
            # Its own parameters for the quality of service would remain when the person has left.
            self._bodies[name] = subscribe(
                self._context, self._body_class, topic, partial(self._arrived, name), 5, overridable=False
            )
