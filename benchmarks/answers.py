"""A crowd in front of a node: how many frames of its stream it answers, and how old they are then."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator

from benchmarks.nodes import a_node
from benchmarks.people import frames_of
from benchmarks.report import Row

import rclpy  # isort: skip  # behind the domain that nodes takes
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String

from csre_ros.ros.outputs.clouds import cloud_message

_START_S = 60.0


class Listener:
    """A peer of the node: publishes skeletons and hears records and diagnostics."""

    def __init__(self) -> None:
        rclpy.init()
        self.active = False
        self.ages_ms: list[float] = []
        self.node = rclpy.create_node("crowd")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.publisher = self.node.create_publisher(PointCloud2, "/skeletons", qos_profile_sensor_data)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.node.create_subscription(String, "/action_node/actions", self._on_actions, 100)

    def spin(self, seconds: float) -> None:
        """Listen for so long."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)

    def until_active(self) -> None:
        """Listen until the node says how it is.

        Raises:
            TimeoutError: It never does.
        """
        end_s = time.monotonic() + _START_S
        while not self.active:
            if time.monotonic() > end_s:
                raise TimeoutError(f"the node said nothing in {_START_S:g} s")
            self.spin(0.02)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.active = self.active or any(status.name.endswith(": model") for status in message.status)

    def _on_actions(self, message: String) -> None:
        record = json.loads(message.data)
        if record["persons"]:
            self.ages_ms.append(record["age_ms"])


def measure(people: int = 12, bundle: str = "default", seconds: float = 20.0, rate_hz: float = 30.0) -> Iterator[Row]:
    """Publish a crowd and count the records.

    Args:
        people: How many are in view.
        bundle: Name or path of the bundle.
        seconds: How long.
        rate_hz: Frames per second.
    """
    listener = Listener()
    parameters = {"input": "skeletons", "layout": "mediapipe33", "bundle": bundle, "max_rate_hz": 1000.0}
    words = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    with a_node(*words, "-p", f"tracker.max_people:={people}"):
        listener.until_active()
        due_s, frames = time.monotonic(), frames_of(people, rate_hz)
        for number, frame in enumerate(itertools.islice(frames, round((seconds + 2) * rate_hz))):
            if number == round(2 * rate_hz):
                listener.ages_ms.clear()  # the beginning is not of a running robot
            layout = frame.skeletons[0].layout
            listener.publisher.publish(cloud_message(frame.skeletons, layout, time.time_ns(), "camera"))
            due_s += 1 / rate_hz
            listener.spin(due_s - time.monotonic())
        listener.spin(1.0)
    listener.close()
    yield Row(f"frames answered, {people}", [100 * len(listener.ages_ms) / (seconds * rate_hz)], "%")
    yield Row(f"age of the newest frame, {people}", listener.ages_ms)
