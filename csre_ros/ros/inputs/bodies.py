"""The input that follows people by REP-155: a topic with their ids, and a topic of each of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from csre_ros.ros.health import Health
from csre_ros.ros.inputs.subscription import Reading, note_stamp, subscribe
from csre_ros.ros.packages import message_class
from csre_ros.ros.readers.cdr import Reader
from csre_ros.ros.readers.rep155 import LAYOUT, Gathering, Instant, read_ids, read_instant
from csre_ros.ros.settings import NodeSettings

_TRACKED = "/humans/bodies/tracked"
_MAX_BYTES = 8192
# Whoever sends another list of ids with every message makes us subscribe this often, and no more.
_RENEW_PERIOD_S, _RENEW_MOST = 0.05, 4


class BodiesInput:
    """Subscriptions that come and go with the people.

    Callbacks join the messages of one image by their stamps; :meth:`read` reads them on the worker. The topics of
    bodies lie beside that of the ids, wherever it is remapped to.
    """

    images = False
    dims = LAYOUT.dims

    def __init__(
        self,
        node: Node,
        settings: NodeSettings,
        health: Health,
        deliver: Callable[[Any], None],
        ended: Callable[[], None],
    ) -> None:
        self._ids_kind, self._body_kind = message_class("hri_msgs", "IdsList"), message_class("hri_msgs", "Skeleton2D")
        self.what = node.resolve_topic_name(_TRACKED)
        self._node = node
        self._health = health
        self._deliver = deliver
        self._gathering = Gathering()
        self._wanted: tuple[str, ...] = ()
        self._tracked: Subscription[Any] | None = None
        self._bodies: dict[str, Subscription[Any]] = {}
        self._timer: Timer | None = None

    def open(self) -> None:
        """Subscribe to the ids."""
        self._gathering, self._wanted = Gathering(), ()
        self._tracked = subscribe(self._node, self._health, self._ids_kind, _TRACKED, self._listed, 10)
        self._timer = self._node.create_timer(
            _RENEW_PERIOD_S, self._renew, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def close(self) -> None:
        """Unsubscribe from everything."""
        if self._tracked is not None and self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._node.destroy_subscription(self._tracked)
            self._tracked = self._timer = None
        self._keep(())

    def read(self, item: Instant) -> Reading:
        """The frame of one image."""
        frame, rejected = read_instant(item)
        note_stamp(self._node, self._health, self.what, frame, item.arrival_ns)
        return frame, rejected

    def _listed(self, data: bytes) -> None:
        try:
            stamp_ns, self._wanted, invalid = read_ids(data)
        except ValueError as error:
            self._health.rejected("unreadable message", detail=f"{self.what}: {error}")
            return
        if invalid:
            self._health.rejected("invalid id", invalid)
        self._keep(self._wanted)
        self._pass_on(self._gathering.expect(self._wanted))
        if not self._wanted:
            self._pass_on([Instant(stamp_ns, {}, self._now_ns())])

    def _keep(self, ids: tuple[str, ...]) -> None:
        for name in self._bodies.keys() - set(ids):
            self._node.destroy_subscription(self._bodies.pop(name))

    def _renew(self) -> None:
        for name in [name for name in self._wanted if name not in self._bodies][:_RENEW_MOST]:
            topic = f"{self.what.rpartition('/')[0]}/{name}/skeleton2d"
            # Its own parameters for the quality of service would remain when the person has left.
            self._bodies[name] = subscribe(
                self._node, self._health, self._body_kind, topic, partial(self._arrived, name), 5, overridable=False
            )

    def _arrived(self, name: str, data: bytes) -> None:
        late = self._gathering.late
        try:
            if len(data) > _MAX_BYTES:
                raise ValueError(f"it has {len(data)} bytes")
            stamp_ns, _ = Reader(data).header()
        except ValueError as error:
            self._health.rejected("unreadable message", detail=f"body {name}: {error}")
            return
        self._pass_on(self._gathering.add(name, stamp_ns, data, self._now_ns()))
        if self._gathering.late > late:
            self._health.rejected("late body")

    def _pass_on(self, instants: list[Instant]) -> None:
        for instant in instants:
            self._health.arrived()
            self._deliver(instant)

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)
