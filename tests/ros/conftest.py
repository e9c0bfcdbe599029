"""A private ROS graph: its own domain, loopback only, field checks on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

from csre_ros.ros.free_domain import take_domain

# Read when the message classes are first imported.
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_DOMAIN_ID"] = str(take_domain())

import numpy as np
import pytest

from csre_ros.skeleton import Skeleton, get_layout

BODY13 = get_layout("body13")


@pytest.fixture(scope="session")
def make_body():
    return _make_body


def _make_body(raised="", x=0.0, source_id=None):
    """A standing body13 skeleton at ``x``, 2.5 m away, with one arm raised or none."""
    positions = np.zeros((len(BODY13), 3), np.float32)
    heights = {"head": -0.7, "shoulder": -0.45, "elbow": -0.2, "wrist": 0.05, "hip": 0.1, "knee": 0.5, "ankle": 0.9}
    for i, joint in enumerate(BODY13.joints):
        side, _, part = joint.rpartition("_")
        height = heights[part]
        if raised and side == raised and part in ("elbow", "wrist"):
            height = {"elbow": -0.6, "wrist": -0.85}[part]
        positions[i] = (x + {"left": 0.2, "right": -0.2}.get(side, 0.0), height, 2.5)
    return Skeleton(BODY13, positions, np.ones(len(BODY13), np.float32), source_id)


class Graph:
    """A peer node, and whatever other nodes share its process, spun by the test itself."""

    def __init__(self):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.peer = rclpy.create_node("peer")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.peer)

    def start_node(self, autostart=True):
        """An action node in this process."""
        from csre_ros.ros.node.node import ActionNode

        node = ActionNode()
        self.executor.add_node(node)
        if autostart:
            node.start()
        return node

    def until(self, condition, seconds=40.0):
        """Spin until the condition holds; its value, or a failed test."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := condition():
                return value
            self.executor.spin_once(timeout_sec=0.02)
        raise AssertionError(f"did not happen within {seconds} s")

    def spin(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.005)

    def listen(self, message, topic, qos=10, read=lambda message: message):
        """A list that fills with what arrives."""
        heard = []
        self.peer.create_subscription(message, topic, lambda message: heard.append(read(message)), qos)
        return heard

    def publisher(self, message, topic, qos=10):
        """A publisher that has found its subscriber, which as a rule has found it a moment later."""
        publisher = self.peer.create_publisher(message, topic, qos)
        self.until(lambda: publisher.get_subscription_count())
        self.spin(0.1)
        return publisher

    def status(self, task, matches=lambda status: True):
        """The next diagnostic status of a task that matches, with its values as a dictionary."""
        from diagnostic_msgs.msg import DiagnosticArray

        found = []

        def read(message):
            for status in message.status:
                table = {value.key: value.value for value in status.values}
                readable = SimpleNamespace(level=status.level, message=status.message, table=table)
                if status.name == f"action_node: {task}" and matches(readable):
                    found.append(readable)

        subscription = self.peer.create_subscription(DiagnosticArray, "/diagnostics", read, 10)
        self.until(lambda: found, 10.0)
        self.peer.destroy_subscription(subscription)
        return found[0]

    def close(self):
        for node in list(self.executor.get_nodes()):
            node.destroy_node()
        self.executor.shutdown()


@pytest.fixture
def graph_with():
    """Starts rclpy with ROS arguments and returns a graph."""
    rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
    graphs = []

    def start(*arguments):
        rclpy.init(args=["test", "--ros-args", *arguments])
        graphs.append(Graph())
        return graphs[-1]

    yield start
    for graph in graphs:
        graph.close()
    rclpy.try_shutdown()


@pytest.fixture
def graph(graph_with):
    return graph_with()


class Talker:
    """A publisher of skeletons with a node that listens, and all that the node says.

    Time is simulated by the stamps: frames follow each other as fast as the node takes them.
    """

    def __init__(self, graph):
        from sensor_msgs.msg import PointCloud2
        from std_msgs.msg import String

        self.graph = graph
        self.node = graph.start_node()
        self.records = graph.listen(String, "/action_node/actions", read=lambda message: json.loads(message.data))
        self.labels = graph.listen(String, "/action_node/action", read=lambda message: message.data)
        self.publisher = graph.publisher(PointCloud2, "skeletons")
        for publisher in self.node.publishers:  # nothing that it says is to be missed
            if publisher.topic_name in ("/action_node/actions", "/action_node/action"):
                graph.until(publisher.get_subscription_count)
        self.stamp_ns = time.time_ns()

    def cloud(self, people, stamp_ns=None):
        from csre_ros.ros.outputs.clouds import cloud_message

        return cloud_message(people, BODY13, self.stamp_ns if stamp_ns is None else stamp_ns, "camera")

    def say(self, people, frames=1, rate=30.0):
        """Publish the same people in each of some frames."""
        for _ in range(frames):
            self.publish(people, rate)
            self.graph.spin(0.003)

    def publish(self, people, rate=30.0):
        """Publish one frame."""
        self.stamp_ns += round(1e9 / rate)
        self.publisher.publish(self.cloud(people))

    def hear(self, matches, people, frames=120):
        """Publish until a record matches; the record."""
        for _ in range(frames):
            self.say(people)
            if found := next((record for record in reversed(self.records) if matches(record)), None):
                return found
        raise AssertionError(f"no such record among {len(self.records)}; the last is {self.records[-1:]}")


@pytest.fixture
def talker_with(graph_with, tiny_bundle):
    """Starts a talker with further ROS arguments for the node."""
    arguments = ("-p", "input:=skeletons", "-p", f"bundle:={tiny_bundle}", "-p", "layout:=body13")
    arguments += ("-p", "max_rate_hz:=1000.0")  # the test's own time is faster than the clock
    return lambda *more: Talker(graph_with(*arguments, *more))


@pytest.fixture
def talker(talker_with):
    return talker_with()


@pytest.fixture
def run_node(tmp_path):
    """Starts the node in a process of its own; what it prints goes to ``node.log``."""
    pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
    started = []

    def run(*arguments, module="csre_ros.ros.main"):
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--ros-args", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=(tmp_path / "node.log").open("a"),
            env={**os.environ, "OMP_NUM_THREADS": "1", "ROS_LOG_DIR": str(tmp_path)},
        )
        process.log = lambda: (tmp_path / "node.log").read_text()
        started.append(process)
        return process

    yield run
    for process in started:
        # A killed participant would leave its shared memory behind.
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=10)
        finally:
            process.kill()
