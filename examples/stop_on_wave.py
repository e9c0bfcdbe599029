"""Stop the robot when somebody waves, or does what you taught it: a controller that subscribes to the action node.

    python examples/stop_on_wave.py --ros-args -r cmd_vel:=/robot/cmd_vel_stop -p "gestures:=[wave, wave_two_hands]"
    python examples/stop_on_wave.py --ros-args -p gestures:=[halt]      # taught by `csre teach halt`

While somebody waves, and for ``hold_s`` seconds after, it publishes a zero ``geometry_msgs/Twist`` ten times a second
on ``cmd_vel`` (give it the higher priority in ``twist_mux``), and ``std_msgs/Bool`` on ``stopped`` at the start and at
each change, latched: whoever subscribes later is told at once.

The action node has smoothed the labels already. What is left to a controller: let go only after a pause (``hold_s``),
so that the gap between two waves does not start the wheels, and act on nothing that is older than ``max_age_ms``. This
is a courtesy, not a safety function.
"""

import json
import time
from contextlib import suppress

import rclpy
from geometry_msgs.msg import Twist
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, String


class StopOnWave(Node):
    """Holds the robot still while one of the gestures lasts."""

    def __init__(self) -> None:
        super().__init__("stop_on_wave")
        self.gestures: set[str] = set(self.declare_parameter("gestures", ["wave", "wave_two_hands"]).value)
        self.hold_s: float = self.declare_parameter("hold_s", 2.0).value
        self.max_age_ms: float = self.declare_parameter("max_age_ms", 1000.0).value
        self.seen_at, self.gesture = float("-inf"), ""
        self.stopped = False
        self.velocity = self.create_publisher(Twist, "cmd_vel", 1)
        latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
        self.state = self.create_publisher(Bool, "stopped", latched)
        self.state.publish(Bool(data=self.stopped))
        self.create_subscription(String, "action_node/actions", self.on_actions, 10)
        self.create_timer(0.1, self.on_timer)

    def on_actions(self, message: String) -> None:
        record = json.loads(message.data)
        told = [person["action"] for person in record["persons"] if person["action"] in self.gestures]
        if told and record["age_ms"] <= self.max_age_ms:
            self.seen_at, self.gesture = time.monotonic(), told[0]
            self.on_timer()

    def on_timer(self) -> None:
        stop = time.monotonic() - self.seen_at < self.hold_s
        if stop:
            self.velocity.publish(Twist())
        if stop != self.stopped:
            self.stopped = stop
            self.state.publish(Bool(data=stop))
            self.get_logger().info(f"stopped by {self.gesture}" if stop else "free to move")


def main() -> None:
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(StopOnWave())
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
