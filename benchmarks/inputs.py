"""Microseconds per message of every topic input, from the bytes on the wire to skeletons.

Beside them, what rclpy alone takes to make a Python object of the same bytes. Inputs whose packages are not installed
are left out; ``python tests/ros/interfaces/build.py FOLDER`` compiles stand-ins, for ``PYTHONPATH=FOLDER/site``.
"""

from __future__ import annotations

import json
import sys
import timeit
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import String
from visualization_msgs.msg import Marker, MarkerArray

from benchmarks.report import Row
from csre_ros.ros.outputs.clouds import cloud_message
from csre_ros.ros.packages import message_class
from csre_ros.ros.readers.azure import read_markers, strided
from csre_ros.ros.readers.cloud import read_cloud
from csre_ros.ros.readers.json_text import read_text
from csre_ros.ros.readers.reading import Sender
from csre_ros.ros.readers.rep155 import Instant, read_instant
from csre_ros.ros.readers.yolo import read_image_points, read_space_points
from csre_ros.ros.readers.zed import read_objects
from csre_ros.skeleton import Skeleton, get_layout

NTU25 = get_layout("ntu25")
SENDER = Sender(NTU25, (640, 480))
RNG = np.random.default_rng(0)


def places(joints: int) -> list[list[float]]:
    """Random positions of one person."""
    return [[float(value) for value in row] for row in RNG.normal(size=(joints, 3))]


def cloud(people: int) -> Any:
    """A skeleton cloud of layout ntu25."""
    bodies = [
        Skeleton(NTU25, np.array(places(25), np.float32), np.ones(25, np.float32), str(i + 1)) for i in range(people)
    ]
    return cloud_message(bodies, NTU25, 1, "camera_optical_frame")


def text(people: int) -> Any:
    """A JSON record of layout ntu25."""
    persons = [{"id": i, "joints": [[*(round(v, 4) for v in row), 1.0] for row in places(25)]} for i in range(people)]
    return String(data=json.dumps({"layout": "ntu25", "stamp": 1.0, "frame_id": "c", "persons": persons}))


def markers(people: int, label: str = "") -> Any:
    """Spheres as the Azure Kinect driver sends them; with a label they are read the slow way."""
    message = MarkerArray()
    for person in range(people):
        for joint, (x, y, z) in enumerate(places(32)):
            marker = Marker(id=100 * person + joint, type=Marker.SPHERE, text=label)
            marker.header.frame_id = "depth_camera_link"
            marker.pose.position.x, marker.pose.position.y, marker.pose.position.z = x, y, z
            message.markers.append(marker)
    return message


def objects(people: int) -> Any:
    """ZED objects of body format 38."""
    message = message_class("zed_msgs", "ObjectsStamped")()
    for person in range(people):
        found = message_class("zed_msgs", "Object")(label=f"Body_{person}", label_id=person, confidence=80.0)
        found.skeleton_available = found.tracking_available = True
        found.tracking_state, found.body_format = 1, 2
        for joint, place in enumerate(places(38)):
            found.skeleton_3d.keypoints[joint].kp = np.array(place, np.float32)
        message.objects.append(found)
    return message


def detections(people: int) -> Any:
    """YOLO detections with 17 key points in the image and in space."""
    kinds = {
        name: message_class("yolo_msgs", name) for name in ("DetectionArray", "Detection", "KeyPoint2D", "KeyPoint3D")
    }
    message = kinds["DetectionArray"]()
    for person in range(people):
        found = kinds["Detection"](id=str(person))
        for joint, (x, y, z) in enumerate(places(17)):
            flat, solid = (kinds[name](id=joint + 1, score=0.5) for name in ("KeyPoint2D", "KeyPoint3D"))
            flat.point.x, flat.point.y = x, y
            solid.point.x, solid.point.y, solid.point.z = x, y, z
            found.keypoints.data.append(flat)
            found.keypoints3d.data.append(solid)
        message.detections.append(found)
    return message


def body(people: int) -> Any:
    """One REP-155 skeleton; every person has a message."""
    message = message_class("hri_msgs", "Skeleton2D")()
    for point, (x, y, _) in zip(message.skeleton, places(18), strict=True):
        point.x, point.y, point.c = x, y, 1.0
    return message


def bodies(data: bytes, people: int) -> Any:
    """Read as many bodies as there are people."""
    return read_instant(Instant(1, {str(person): data for person in range(people)}, 1), SENDER, 1)


KINDS: dict[str, tuple[Callable[[int], Any], Callable[[bytes, int], Any]]] = {
    "skeletons (25 joints)": (cloud, lambda data, people: read_cloud(data, SENDER, 1)),
    "json (25)": (text, lambda data, people: read_text(data, SENDER, 1)),
    "marker_array (32)": (markers, lambda data, people: read_markers(data, SENDER, 1)),
    "marker_array, arrays only": (markers, lambda data, people: strided(data, 32 * people)),
    "marker_array, with text": (
        lambda people: markers(people, "label"),
        lambda data, people: read_markers(data, SENDER, 1),
    ),
    "zed (38)": (objects, lambda data, people: read_objects(data, SENDER, 1)),
    "yolo (17)": (detections, lambda data, people: read_image_points(data, SENDER, 1)),
    "yolo_3d (17)": (detections, lambda data, people: read_space_points(data, SENDER, 1)),
    "hri (18)": (body, bodies),
}


def microseconds(work: Callable[[], Any], repeats: int) -> list[float]:
    """Of one call, in so many short runs."""
    timer = timeit.Timer(work)
    number = max(1, timer.autorange()[0] // 20)
    return [1e6 * seconds / number for seconds in timer.repeat(repeats, number)]


def measure(people: tuple[int, ...] = (1, 4), repeats: int = 20) -> Iterator[Row]:
    """Time the readers of every input.

    Args:
        people: How many are in a message.
        repeats: Short runs of each.
    """
    for name, (make, read) in KINDS.items():
        for count in people:
            try:
                message = make(count)
            except ImportError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
                break
            data, kind = serialize_message(message), type(message)
            yield Row(f"{name}, {count}", microseconds(lambda: read(data, count), repeats), "us")  # noqa: B023
            plain = microseconds(lambda: deserialize_message(data, kind), repeats)  # noqa: B023
            yield Row(f"{name}, {count}, rclpy alone", plain, "us")
