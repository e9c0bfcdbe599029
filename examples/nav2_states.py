"""Pause a Nav2 goal when somebody waves and resume it when somebody claps: a state machine to start from.

    python examples/nav2_states.py --ros-args -r goal:=/goal_from_rviz
    python examples/nav2_states.py --ros-args -p backend:=rehearsal -p drive_s:=10.0     # without Nav2

    idle    -- goal --> driving       paused -- go ---> driving
    driving -- halt --> paused        driving -- done -> idle

A goal arrives as ``geometry_msgs/PoseStamped`` on ``goal``; the state is published as ``std_msgs/String`` on
``navigation_state``, latched. Nav2 has no pause: pausing cancels the goal, resuming sends it again. A goal that arrives
while paused waits. Only ``started`` events younger than ``max_age_s`` count.
"""

import json
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import Protocol

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from std_msgs.msg import String


class State(Enum):
    """What the robot is about."""

    IDLE = "idle"
    DRIVING = "driving"
    PAUSED = "paused"


class Trigger(Enum):
    """What may change it."""

    GOAL = "goal"
    HALT = "halt"
    GO = "go"
    DONE = "done"


# Whatever is not listed changes nothing: a clap does not start a robot without a goal.
TRANSITIONS = {
    (State.IDLE, Trigger.GOAL): State.DRIVING,
    (State.DRIVING, Trigger.GOAL): State.DRIVING,
    (State.DRIVING, Trigger.HALT): State.PAUSED,
    (State.PAUSED, Trigger.GO): State.DRIVING,
    (State.DRIVING, Trigger.DONE): State.IDLE,
}


class Navigation(Protocol):
    """All that the states need of a navigation stack."""

    def go(self, goal: PoseStamped) -> None:
        """Set out, in place of any earlier goal."""

    def stop(self) -> None:
        """Give the goal up."""

    def done(self) -> bool:
        """Whether the goal was reached, or given up by the stack itself."""


class Nav2:
    """Navigation by Nav2's simple commander. Its calls spin, so they must not be made from a callback."""

    def __init__(self) -> None:
        try:
            from nav2_simple_commander.robot_navigator import BasicNavigator
        except ImportError as error:
            raise ImportError(
                "nav2_simple_commander is not installed: apt install ros-$ROS_DISTRO-nav2-simple-commander, "
                "or rehearse without it: -p backend:=rehearsal"
            ) from error
        self._navigator = BasicNavigator()

    def go(self, goal: PoseStamped) -> None:
        self._navigator.goToPose(goal)

    def stop(self) -> None:
        self._navigator.cancelTask()

    def done(self) -> bool:
        return bool(self._navigator.isTaskComplete())


class Rehearsal:
    """Every goal is reached after some seconds of driving."""

    def __init__(self, drive_s: float) -> None:
        self._drive_s = drive_s
        self._begin_s = 0.0

    def go(self, goal: PoseStamped) -> None:
        self._begin_s = time.monotonic()

    def stop(self) -> None:
        pass

    def done(self) -> bool:
        return time.monotonic() - self._begin_s >= self._drive_s


class NavigationStates(Node):
    """Callbacks collect triggers; :meth:`step` acts on them, outside every callback."""

    def __init__(self) -> None:
        super().__init__("nav2_states")
        self.triggers: deque[Trigger] = deque()
        self.state = State.IDLE
        self.goal = PoseStamped()
        self.gestures: dict[str, Trigger] = {
            **dict.fromkeys(self.declare_parameter("halt_on", ["wave", "wave_two_hands"]).value, Trigger.HALT),
            **dict.fromkeys(self.declare_parameter("go_on", ["clap"]).value, Trigger.GO),
        }
        self.max_age_s: float = self.declare_parameter("max_age_s", 1.0).value
        drive_s: float = self.declare_parameter("drive_s", 10.0).value
        backend: str = self.declare_parameter("backend", "nav2").value
        if backend not in ("nav2", "rehearsal"):
            raise ValueError(f"backend is {backend!r}; choose one of: nav2, rehearsal")
        self.navigation: Navigation = Nav2() if backend == "nav2" else Rehearsal(drive_s)
        latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
        self.publisher = self.create_publisher(String, "navigation_state", latched)
        self.publisher.publish(String(data=self.state.value))
        self.create_subscription(PoseStamped, "goal", self.on_goal, 1)
        self.create_subscription(String, "action_node/actions", self.on_actions, 10)

    def on_goal(self, goal: PoseStamped) -> None:
        self.goal = goal
        self.triggers.append(Trigger.GOAL)

    def on_actions(self, message: String) -> None:
        now_s = self.get_clock().now().nanoseconds / 1e9
        for event in json.loads(message.data)["events"]:
            fresh = event["state"] == "started" and now_s - event["stamp"] <= self.max_age_s
            if fresh and event["action"] in self.gestures:
                self.triggers.append(self.gestures[event["action"]])

    def step(self) -> None:
        while self.triggers:
            self.take(self.triggers.popleft())
        if self.state is State.DRIVING and self.navigation.done():
            self.take(Trigger.DONE)

    def take(self, trigger: Trigger) -> None:
        new = TRANSITIONS.get((self.state, trigger))
        if new is None:
            return
        if new is State.DRIVING:
            self.navigation.go(self.goal)
        elif new is State.PAUSED:
            self.navigation.stop()
        self.get_logger().info(f"{self.state.value} -> {new.value}: {trigger.value}")
        self.state = new
        self.publisher.publish(String(data=new.value))


def spin(executor: SingleThreadedExecutor) -> None:
    with suppress(ExternalShutdownException):
        executor.spin()


def main() -> int:
    rclpy.init()
    try:
        node = NavigationStates()
    except (ImportError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinning = threading.Thread(target=spin, args=(executor,))
    spinning.start()
    with suppress(KeyboardInterrupt):
        while rclpy.ok():
            node.step()
            time.sleep(0.02)
    rclpy.try_shutdown()
    spinning.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
