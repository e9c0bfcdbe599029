"""The node as a user runs it: a process of its own, heard over DDS from another."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from std_msgs.msg import String

from csre_ros.recognition.bundle import BUNDLE_FOLDER
from csre_ros.recordings import SHIPPED
from csre_ros.ros.qos import LATCHED
from csre_ros.skeleton import Frame

pytestmark = [pytest.mark.ros, pytest.mark.slow]
ROOT = Path(__file__).parents[3]


def parameters(**values):
    return [part for name, value in values.items() for part in ("-p", f"{name}:={json.dumps(value)}")]


@pytest.fixture
def recording(tmp_path, make_body):
    """An arm hangs, is raised for a second, hangs again; DDS needs up to two seconds until both ends have met."""
    from csre_ros.sources.recording_writer import RecordingWriter

    path = tmp_path / "arm.mcap"
    with RecordingWriter(path, make_body().layout) as writer:
        for i in range(150):
            body = make_body("right" if 90 <= i < 120 else "")
            writer.write(Frame(round(i * 1e9 / 30), "recorded_camera", (body,)))
    return path


@pytest.fixture
def hear(graph):
    """Lists of what the node's topics say."""
    return (
        graph.listen(String, "/action_node/actions", read=lambda message: json.loads(message.data)),
        graph.listen(String, "/action_node/action", LATCHED, read=lambda message: message.data),
    )


def test_a_recording_becomes_labels_and_the_node_ends_with_it(run_node, graph, hear, recording, tiny_bundle):
    records, labels = hear
    node = run_node(*parameters(source=str(recording), bundle=str(tiny_bundle), exit_at_end=True))
    graph.until(lambda: node.poll() is not None, 30.0)
    graph.spin(0.2)
    assert node.returncode == 0, node.log()
    assert labels == ["raise_right", ""]
    assert [event["state"] for record in records for event in record["events"]] == ["started", "ended"]
    stamps = [record["stamp"] for record in records]
    assert (np.diff(stamps) >= 0).all()
    assert {record["frame_id"] for record in records} == {"recorded_camera"}
    # The last record withdraws everything.
    assert records[-1]["persons"] == []
    ages = [record["age_ms"] for record in records]
    assert min(ages) >= 0
    assert "Traceback" not in node.log()


@pytest.mark.skipif(not (BUNDLE_FOLDER / "default.onnx").exists(), reason="no bundle is shipped in this checkout")
@pytest.mark.skipif(not SHIPPED.exists(), reason="no recording is shipped in this checkout")
def test_the_shipped_recording_and_bundle(run_node, graph, hear):
    """The person in it waves from the first second on."""
    records, labels = hear
    node = run_node(*parameters(source=str(SHIPPED)))
    graph.until(lambda: any(label.startswith("wave") for label in labels), 30.0)
    # The label waits for those who come late; the record that began it may be gone before they listen.
    acting = graph.until(lambda: [p["action"] for record in records for p in record["persons"] if p["action"]])
    assert acting[0].startswith("wave")
    node.send_signal(signal.SIGINT)
    graph.until(lambda: node.poll() is not None)
    assert node.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_and_withdraws_the_action(run_node, graph, hear, recording, tiny_bundle, number):
    records, labels = hear
    node = run_node(*parameters(source=str(recording), bundle=str(tiny_bundle), loop=True))
    graph.until(lambda: labels == ["raise_right"], 30.0)
    node.send_signal(number)
    graph.until(lambda: node.poll() is not None)
    assert node.returncode == 0
    graph.until(lambda: labels[-1] == "")  # the recording may have begun anew meanwhile
    graph.until(lambda: records[-1]["persons"] == [])
    assert "Traceback" not in node.log()
    assert "has ended" not in node.log()  # it was closed by us


def test_a_node_that_cannot_start_stays_alive_and_says_why(run_node, graph):
    node = run_node(*parameters(bundle="nonesuch"))
    graph.until(lambda: "no bundle 'nonesuch'" in node.log())
    status = graph.status("model", lambda status: status.level == b"\2")
    assert "no bundle 'nonesuch'" in status.message
    assert node.poll() is None
    node.send_signal(signal.SIGTERM)
    assert node.wait(timeout=10) == 0


def test_two_nodes_side_by_side_keep_apart(run_node, graph, recording, tiny_bundle):
    """One per camera: names and topics by namespace."""
    from diagnostic_msgs.msg import DiagnosticArray

    tasks = graph.listen(DiagnosticArray, "/diagnostics", read=lambda message: message.status[0].name)
    heard = {
        side: graph.listen(String, f"/{side}/eyes/action", LATCHED, read=lambda message: message.data)
        for side in ("left", "right")
    }
    for side, arguments in (("left", {"source": str(recording)}), ("right", {"input": "skeletons"})):
        run_node(*parameters(bundle=str(tiny_bundle), **arguments), "-r", f"__ns:=/{side}", "-r", "__node:=eyes")
    graph.until(lambda: heard["left"] == ["raise_right", ""], 30.0)
    graph.until(lambda: {"left/eyes: model", "right/eyes: model"} <= set(tasks))
    assert heard["right"] == []


def test_the_fast_dds_profile_loads_and_carries_raw_images(tmp_path, tiny_bundle):
    """Both ends with the profile; a 640x480 image is larger than the default buffers."""
    profile = str(ROOT / "config" / "fastdds_images.xml")
    pytest.importorskip("mediapipe", reason="needs the pose stage: pip install 'csre_ros[mediapipe]'")
    script = tmp_path / "talk.py"
    script.write_text(TALK)
    environment = {
        **os.environ,
        "FASTDDS_DEFAULT_PROFILES_FILE": profile,
        "FASTRTPS_DEFAULT_PROFILES_FILE": profile,
        "OMP_NUM_THREADS": "1",
    }
    arguments = parameters(input="image", bundle=str(tiny_bundle), max_rate_hz=1000.0)
    node = subprocess.Popen(
        [sys.executable, "-m", "csre_ros.ros.main", "--ros-args", *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    talk = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    node.send_signal(signal.SIGTERM)
    _, log = node.communicate(timeout=20)
    assert "XML" not in log + talk.stderr, log + talk.stderr
    assert talk.returncode == 0, talk.stderr + log
    assert int(talk.stdout) >= 25  # without the profile most are lost


TALK = '''
"""Publishes thirty best-effort images, and prints how many records came back."""
import array, sys, time
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import String

rclpy.init()
node = rclpy.create_node("talk")
heard = []
node.create_subscription(String, "/action_node/actions", heard.append, 100)
publisher = node.create_publisher(Image, "/image", qos_profile_sensor_data)
end = time.monotonic() + 30
while not publisher.get_subscription_count():
    rclpy.spin_once(node, timeout_sec=0.05)
    if time.monotonic() > end:
        sys.exit("the node never subscribed")
image = Image(height=480, width=640, step=1920, encoding="bgr8", data=array.array("B", bytes(480 * 1920)))
for _ in range(30):
    image.header.stamp = node.get_clock().now().to_msg()
    publisher.publish(image)
    begin, count = time.monotonic(), len(heard)
    while len(heard) == count and time.monotonic() - begin < 0.5:
        rclpy.spin_once(node, timeout_sec=0.01)
print(len(heard))
'''
