"""A crowd in front of a node: how many frames of its stream it answers, and how old they are then."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator

from benchmarks.names import first
from benchmarks.nodes import a_node, processor_s
from benchmarks.people import frames_of
from benchmarks.report import Row

import rclpy  # isort: skip  # behind the domain that nodes takes
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String

cloud_message = first("csre_ros.ros.outputs.clouds:cloud_message", "csre_ros.ros.clouds:cloud_message")

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
        self.active = self.active or any(status.name.endswith(": input") for status in message.status)

    def _on_actions(self, message: String) -> None:
        record = json.loads(message.data)
        if record["persons"]:
            self.ages_ms.append(record["age_ms"])


def measure(
    people: tuple[int, ...] = (12, 60),
    rates_hz: tuple[float, ...] = (30.0, 10.0),
    bundle: str = "default",
    seconds: float = 20.0,
) -> Iterator[Row]:
    """Publish a crowd and count the records.

    Args:
        people: How many are in view, one crowd after the other,
        rates_hz: and the frames per second of each.
        bundle: Name or path of the bundle.
        seconds: How long.
    """
    for count, rate_hz in zip(people, rates_hz, strict=True):
        ages_ms, used_s = _ages(count, rate_hz, bundle, seconds)
        what = f"{count} people at {rate_hz:g} Hz"
        yield Row(f"{what}: frames answered", [100 * len(ages_ms) / (seconds * rate_hz)], "%")
        yield Row(f"{what}: age of the answers", ages_ms)
        yield Row(f"{what}: processor time of a frame", [1e3 * used_s / (seconds * rate_hz)])


def _ages(people: int, rate_hz: float, bundle: str, seconds: float) -> tuple[list[float], float]:
    """Ages of all answers in milliseconds, and the processor time of the node in seconds."""
    listener = Listener()
    parameters = {"input": "skeletons", "layout": "mediapipe33", "bundle": bundle, "max_rate_hz": 1000.0}
    words = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    with a_node(*words, "-p", f"tracker.max_people:={people}") as node:
        listener.until_active()
        due_s, frames, begin_s = time.monotonic(), frames_of(people, rate_hz), 0.0
        for number, frame in enumerate(itertools.islice(frames, round((seconds + 2) * rate_hz))):
            if number == round(2 * rate_hz):
                listener.ages_ms.clear()  # the beginning is not of a running robot
                begin_s = processor_s(node)
            layout = frame.skeletons[0].layout
            listener.publisher.publish(cloud_message(frame.skeletons, layout, time.time_ns(), "camera"))
            due_s += 1 / rate_hz
            listener.spin(due_s - time.monotonic())
        listener.spin(1.0)
        used_s = processor_s(node) - begin_s
    listener.close()
    return listener.ages_ms, used_s
