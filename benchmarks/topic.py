"""Raw images over a topic: how many reach the node, and what becomes of them. Loopback only.

    python benchmarks/image_topic.py --source clip.mp4 --frames 300 --fps 30

A publisher sends the frames of a clip as best-effort ``sensor_msgs/Image`` of 640x480, the node looks for people in
them, and its diagnostics say what was received, skipped for a newer frame, and lost. Both ends use the Fast DDS profile
that ships, because without it most raw images are lost.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from csre_ros.ros.free_domain import take_domain

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_DOMAIN_ID"] = str(take_domain())
os.environ["FASTDDS_DEFAULT_PROFILES_FILE"] = str(Path(__file__).resolve().parents[1] / "config" / "fastdds_images.xml")
# Its name up to Jazzy.
os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"] = os.environ["FASTDDS_DEFAULT_PROFILES_FILE"]

import cv2
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from jsonargparse import auto_cli
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from csre_ros.sources import open_source

_START_S = 60.0
_SETTLE_S = 3.0


class Camera:
    """Publishes images, and hears the node's diagnostics."""

    def __init__(self) -> None:
        rclpy.init()
        self.values: dict[str, str] = {}
        self.node = rclpy.create_node("camera")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.publisher = self.node.create_publisher(Image, "/image", qos_profile_sensor_data)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._heard, 10)

    def _heard(self, message: DiagnosticArray) -> None:
        for status in message.status:
            task = status.name.rpartition(": ")[2]
            self.values |= {f"{task}.{value.key}": value.value for value in status.values}

    def spin(self, seconds: float) -> None:
        """Listen for so long."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)


def measure(source: Path, frames: int = 300, fps: float = 30.0) -> None:
    """Send images to the node and print what became of them, as one line of JSON.

    Args:
        source: Clip whose frames are sent.
        frames: How many.
        fps: How many per second.
    """
    with open_source(str(source)) as stored:
        images = [cv2.resize(frame.image, (640, 480)).tobytes() for frame in stored if frame.image is not None]
    camera = Camera()
    node = subprocess.Popen([sys.executable, "-m", "csre_ros.ros.main", "--ros-args", "-p", "input:=image"])
    try:
        limit_s = time.monotonic() + _START_S
        while not camera.publisher.get_subscription_count() and time.monotonic() < limit_s:
            camera.spin(0.2)
        camera.spin(_SETTLE_S)
        due_s = time.monotonic()
        for data in itertools.islice(itertools.cycle(images), frames):
            message = Image(height=480, width=640, encoding="bgr8", step=640 * 3, data=data)
            message.header.stamp = camera.node.get_clock().now().to_msg()
            camera.publisher.publish(message)
            due_s += 1 / fps
            camera.spin(due_s - time.monotonic())
        camera.spin(_SETTLE_S)
    finally:
        node.terminate()
        node.wait(20)
        rclpy.try_shutdown()
    keys = ("received", "skipped", "undecided", "lost", "rejected", "age_p50_ms", "age_p99_ms")
    found = {key: camera.values.get(f"input.{key}") for key in keys}
    sys.stdout.write(json.dumps({"sent": frames, **found}) + "\n")


if __name__ == "__main__":
    auto_cli(measure, as_positional=False)
