"""Memory is bounded, whatever arrives.

A message that is too large is refused unread, but the middleware has taken it in by then: Fast DDS keeps what a topic
may hold, one of it for most, and does not give the room back. So the bound is some messages of the largest size that
anybody sends, once for every topic and service, and repeating does not raise it.
"""

import array
import re
import struct
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from lifecycle_msgs.srv import GetState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, PointCloud2
from std_msgs.msg import String

pytestmark = pytest.mark.ros
SIZE = 100_000_000
MB = 1e6


def memory(process, kind="VmHWM"):
    """Peak (``VmHWM``) or present (``VmRSS``) memory of a process in MB."""
    return int(re.search(rf"{kind}:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1000


@pytest.fixture
def running(run_node, graph, tiny_bundle):
    """Starts the node with some parameters, and returns it when it is active."""

    def start(*parameters):
        given = (f"bundle:={tiny_bundle}", *parameters)
        process = run_node(*(word for parameter in given for word in ("-p", parameter)))
        client = graph.peer.create_client(GetState, "/action_node/get_state")

        def active():
            future = client.call_async(GetState.Request())
            graph.executor.spin_until_future_complete(future, timeout_sec=1.0)
            return future.done() and future.result().current_state.id == 3

        graph.until(active, 60.0)
        process.active = active
        return process

    return start


@pytest.mark.parametrize("name", ["skeletons", "json"])
def test_strings_of_a_hundred_megabytes_on_every_topic(running, graph, name):
    process = running(f"input:={name}", "layout:=auto")
    latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    topic, message = {
        "skeletons": ("/skeletons", PointCloud2(data=array.array("B", bytes(SIZE)))),
        "json": ("/skeletons/json", String(data="[" * SIZE)),
    }[name]
    senders = [
        (graph.publisher(type(message), topic, 1), message),
        (graph.publisher(String, f"{topic}/layout", latched), String(data="x" * SIZE)),
    ]
    service = graph.peer.create_client(SetParameters, "/action_node/set_parameters")
    assert service.wait_for_service(timeout_sec=10)
    value = ParameterValue(type=4, string_value="x" * SIZE)
    request = SetParameters.Request(parameters=[Parameter(name="frame_id", value=value)])
    before, peaks = memory(process, "VmRSS"), []
    for _ in range(3):
        for publisher, sent in senders:
            publisher.publish(sent)
            graph.spin(0.7)
        graph.executor.spin_until_future_complete(service.call_async(request), timeout_sec=3.0)
        assert process.poll() is None, process.log()
        peaks.append(memory(process))
    graph.until(process.active)  # a busy machine may still be at the last string
    assert peaks[-1] - before < 9 * SIZE / MB
    assert peaks[-1] - peaks[1] < 1.5 * SIZE / MB
    assert max(map(len, process.log().splitlines())) < 2000


def jpeg_of(width, height):
    """A header that promises so many pixels, and nothing behind it."""
    return (
        b"\xff\xd8\xff\xc0\x00\x11\x08"
        + struct.pack(">HH", height, width)
        + b"\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    )


def test_pictures_that_would_fill_the_memory_are_refused_and_counted(running, graph, shared_data):
    pytest.importorskip("mediapipe", reason="needs the pose stage: pip install 'csre_ros[mediapipe]'")
    process = running("input:=compressed_image")
    publisher = graph.publisher(CompressedImage, "/image/compressed", 1)
    hostile = [
        (shared_data / "faults" / "says_64_is_12000.jpg").read_bytes(),
        (shared_data / "faults" / "claims_60000x60000.png").read_bytes(),
        jpeg_of(16000, 60000),
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 0xF000_0000, b"IDAT"),
    ]
    before, begin = memory(process, "VmRSS"), time.monotonic()
    for data in hostile * 3:
        publisher.publish(CompressedImage(format="jpeg", data=array.array("B", data)))
        graph.spin(0.2)
    # The first is lost where the node has not found its sender yet, and one may overtake another.
    while int((status := graph.status("input")).table["rejected"]) < 12:
        publisher.publish(CompressedImage(format="jpeg", data=array.array("B", hostile[0])))
        graph.spin(0.2)
    assert status.table["rejected: unreadable message"] == status.table["rejected"]
    assert time.monotonic() - begin < 10
    assert memory(process) - before < 60
