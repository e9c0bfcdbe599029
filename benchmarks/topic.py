"""Raw images over a topic: how many reach the node, and what becomes of them. Loopback only.

A publisher sends the frames of a clip as best-effort ``sensor_msgs/Image`` of 640x480, the node looks for people in
them, and its diagnostics say what was received, skipped for a newer frame, and lost. Both ends use the Fast DDS profile
that ships, because without it most raw images are lost.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clips import images_of
from benchmarks.nodes import a_node
from benchmarks.report import Row

os.environ["FASTDDS_DEFAULT_PROFILES_FILE"] = str(Path(__file__).resolve().parents[1] / "config" / "fastdds_images.xml")
# Its name up to Jazzy.
os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"] = os.environ["FASTDDS_DEFAULT_PROFILES_FILE"]

import cv2
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

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


def measure(source: Path | None = None, frames: int = 300, fps: float = 30.0) -> Iterator[Row]:
    """Send images to the node and read in its diagnostics what became of them.

    Args:
        source: Clip whose frames are sent; the wave in CSRE_DATA by default.
        frames: How many.
        fps: How many per second.
    """
    images = [cv2.resize(image, (640, 480)).tobytes() for image in images_of(source)]
    camera = Camera()
    with a_node("-p", "input:=image"):
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
    rclpy.try_shutdown()
    for key in ("received", "skipped", "lost"):
        yield Row(key, [100 * float(camera.values.get(f"input.{key}", 0)) / frames], "% of what was sent")
    for key in ("age_p50_ms", "age_p99_ms"):
        yield Row(key.removesuffix("_ms"), [float(camera.values.get(f"input.{key}", "nan"))])
