"""Follow whoever claps, until the same person claps again: a toggle that does not flicker, and asks when it is lost.

    python examples/follow_on_clap.py --ros-args -p refractory_s:=3.0

It publishes the id of the person to follow as ``std_msgs/Int32`` on ``follow``, latched; 0 is nobody. Where that person
stands is in ``action_node/skeletons`` under the same id. On ``asked``, as ``std_msgs/Int32``, is the id of whoever does
something for ``unknown_s`` that no label fits (decision ``unknown``), once each time: a robot may say "please again"
then, and must do nothing else; a gesture that it does not know is no order.

What keeps the toggle from flickering:

* only ``started`` events count, so that applause is one clap and not thirty;
* after each toggle nothing counts for ``refractory_s`` seconds, so that a clap that was heard as two is one;
* an event older than ``max_age_s`` is history: it was held up on the way, or comes from a bag;
* while somebody is followed, nobody else can toggle;
* whoever leaves is not followed any more, nor is anybody once the action node has been silent for ``silence_s``.
"""

import json
import time
from contextlib import suppress
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from std_msgs.msg import Int32, String

NOBODY = 0


class FollowOnClap(Node):
    """Decides whom to follow."""

    def __init__(self) -> None:
        super().__init__("follow_on_clap")
        self.gestures: set[str] = set(self.declare_parameter("gestures", ["clap"]).value)
        self.refractory_s: float = self.declare_parameter("refractory_s", 3.0).value
        self.max_age_s: float = self.declare_parameter("max_age_s", 1.0).value
        self.silence_s: float = self.declare_parameter("silence_s", 2.0).value
        self.unknown_s: float = self.declare_parameter("unknown_s", 1.0).value
        self.person = NOBODY
        self.unknown_since: dict[int, float] = {}
        self.toggled_at = self.heard_at = float("-inf")
        latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
        self.publisher = self.create_publisher(Int32, "follow", latched)
        self.publisher.publish(Int32(data=NOBODY))
        self.asked = self.create_publisher(Int32, "asked", 10)
        self.create_subscription(String, "action_node/actions", self.on_actions, 10)
        self.create_timer(0.1, self.on_timer)

    def on_actions(self, message: String) -> None:
        record = json.loads(message.data)
        self.heard_at = time.monotonic()
        if self.person not in {NOBODY, *(person["id"] for person in record["persons"])}:
            self.follow(NOBODY, "the person left")
        for event in record["events"]:
            if self.counts(event):
                self.toggled_at = time.monotonic()
                following = self.person == event["person"]
                self.follow(NOBODY if following else event["person"], event["action"])
        unknown = {person["id"] for person in record["persons"] if person["decision"] == "unknown"}
        self.unknown_since = {one: self.unknown_since.get(one, self.heard_at) for one in unknown}
        for one, since in self.unknown_since.items():
            if self.heard_at - since >= self.unknown_s:
                self.unknown_since[one] = float("inf")
                self.asked.publish(Int32(data=one))
                self.get_logger().info(f"person {one} does something unknown")

    def counts(self, event: dict[str, Any]) -> bool:
        age_s = self.get_clock().now().nanoseconds / 1e9 - event["stamp"]
        return (
            event["state"] == "started"
            and event["action"] in self.gestures
            and self.person in (NOBODY, event["person"])
            and age_s <= self.max_age_s
            and time.monotonic() - self.toggled_at >= self.refractory_s
        )

    def on_timer(self) -> None:
        if self.person != NOBODY and time.monotonic() - self.heard_at > self.silence_s:
            self.follow(NOBODY, "the action node is silent")

    def follow(self, person: int, reason: str) -> None:
        self.person = person
        self.publisher.publish(Int32(data=person))
        self.get_logger().info(f"following {person or 'nobody'}: {reason}")


def main() -> None:
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(FollowOnClap())
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
