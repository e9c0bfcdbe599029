"""The node on JSON and marker topics, and on topics of strangers: real DDS, one process."""

import json
import struct
import sys
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from std_msgs.msg import String
from visualization_msgs.msg import Marker, MarkerArray

from csre_ros.skeleton import get_layout

pytestmark = pytest.mark.ros
BODY13, AZURE32 = get_layout("body13"), get_layout("azure32")
BROKEN = b"\0\1\0\0" + b"\xff" * 40


def record(body, stamp_s, frame_id="cam", source_id=4):
    joints = [[*place, 1.0] for place in body.positions.tolist()]
    people = [{"id": source_id, "joints": joints}]
    return String(data=json.dumps({"layout": "body13", "stamp": stamp_s, "frame_id": frame_id, "persons": people}))


def spheres(body, stamp_s):
    """The joints of ``body`` that the Azure Kinect has too."""
    message = MarkerArray()
    for number, joint in enumerate(AZURE32.joints):
        if joint in BODY13.index:
            marker = Marker(id=400 + number, type=Marker.SPHERE)
            marker.header.frame_id = "cam"
            marker.header.stamp.sec, marker.header.stamp.nanosec = int(stamp_s), round(stamp_s % 1 * 1e9)
            x, y, z = body.positions[BODY13.index[joint]].tolist()
            marker.pose.position.x, marker.pose.position.y, marker.pose.position.z = x, y, z
            message.markers.append(marker)
    return message


INPUTS = {
    "json": (String, "skeletons/json", record),
    "marker_array": (MarkerArray, "body_tracking_data", spheres),
}


@pytest.fixture
def start(graph_with, tiny_bundle):
    """Starts a node with an input; returns graph, node and the labels it says."""

    def started(name, *arguments, autostart=True):
        parameters = (f"input:={name}", f"bundle:={tiny_bundle}", "layout:=body13", "max_rate_hz:=1000.0", *arguments)
        graph = graph_with(*(word for parameter in parameters for word in ("-p", parameter)))
        labels = graph.listen(String, "/action_node/action", read=lambda message: message.data)
        records = graph.listen(String, "/action_node/actions", read=lambda message: json.loads(message.data))
        return graph, graph.start_node(autostart), labels, records

    return started


@pytest.mark.parametrize("name", INPUTS)
def test_a_raised_arm_is_reported_between_bad_messages(start, make_body, name):
    kind, topic, message = INPUTS[name]
    graph, _, labels, records = start(name)
    publisher = graph.publisher(kind, topic)
    bad = kind(data="?") if kind is String else kind(markers=[Marker(id=i * 100) for i in range(65)])
    for i in range(60):
        publisher.publish(message(make_body("right"), 100 + i / 30))
        if i % 10 == 0:
            publisher.publish(bad)
            publisher.publish(BROKEN)
        graph.spin(0.005)
    graph.until(lambda: labels == ["raise_right"])
    person = records[-1]["persons"][0]
    assert (records[-1]["frame_id"], person["window_end"] - person["window_start"]) == (
        "cam",
        pytest.approx(1.0, abs=0.05),
    )
    refused = {"json": {"unreadable message": "12"}, "marker_array": {"unreadable message": "6", "not a joint": "390"}}
    table = graph.status("input").table
    assert {key[10:]: n for key, n in table.items() if key.startswith("rejected: ")} == refused[name]
    assert table["received"] == "72"


@pytest.mark.slow
def test_names_that_no_message_can_carry_are_refused_and_the_stream_goes_on(start, make_body):
    graph, node, labels, records = start("json", "input_timeout_s:=60.0")  # no pause of a busy machine is silence
    graph.listen(MarkerArray, "/action_node/markers")  # whoever repeats the names
    publisher = graph.publisher(String, "skeletons/json")
    body, begin_s = make_body("right"), time.time()

    def say(**names):
        publisher.publish(record(body, time.time() - begin_s + 1000, **names))
        graph.spin(0.02)

    graph.until(lambda: say() or labels == ["raise_right"])
    for names in ({"frame_id": "\ud800"}, {"source_id": "\udfff"}):
        say(**names)
    node.set_parameters([Parameter("input_timeout_s", value=0.2)])
    graph.until(lambda: labels == ["raise_right", ""])  # silence
    node.set_parameters([Parameter("input_timeout_s", value=60.0)])
    graph.until(lambda: say() or labels == ["raise_right", "", "raise_right"])
    table = graph.status("input").table
    assert (table["rejected: unreadable message"], table["rejected: id is no text"]) == ("1", "1")
    states = [event["state"] for record in records for event in record["events"] if event["state"] != "ongoing"]
    assert states == ["started", "ended", "started"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "topic"),
    [
        ("skeletons", PointCloud2, "skeletons"),
        ("json", String, "skeletons/json"),
        ("marker_array", MarkerArray, "body_tracking_data"),
        ("image", Image, "image"),
        ("compressed_image", CompressedImage, "image/compressed"),
    ],
)
def test_bytes_that_are_no_message_are_counted(start, name, kind, topic):
    """The middleware alone would drop them without a word."""
    graph, _, _, _ = start(name)
    publisher = graph.publisher(kind, topic)
    publisher.publish(BROKEN)
    status = graph.status("input", lambda status: "rejected: unreadable message" in status.table)
    assert status.level == b"\1"
    assert status.table["rejected: unreadable message"] == "1"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"), [("skeletons", 1 << 20), ("json", 1 << 18), ("marker_array", 1 << 20)], ids=str
)
def test_oversized_messages_are_refused_unread(start, name, size):
    kind, topic = {"skeletons": (PointCloud2, "skeletons"), **{k: v[:2] for k, v in INPUTS.items()}}[name]
    graph, _, _, _ = start(name)
    publisher = graph.publisher(kind, topic)
    publisher.publish(b"\0\1\0\0" + struct.pack("<I", size) + bytes(size))
    status = graph.status("input", lambda status: "rejected: oversized message" in status.table)
    assert f"at most {size} are accepted" in status.message


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("json", ("layout:=coco17",), "/skeletons/json delivers 2-D skeletons and bundle 'tiny' needs 3-D"),
        ("json", ("layout:=coco17", "image_height:=480"), "image_width is 0 and image_height 480: set both"),
    ],
)
def test_what_cannot_work_is_refused_at_configure(start, name, arguments, words):
    graph, node, _, _ = start(name, *arguments, autostart=False)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert words in graph.status("model", lambda status: status.level == b"\2").message


@pytest.mark.parametrize(
    ("name", "package", "install"),
    [
        ("zed", "zed_msgs", "sudo apt install ros-kilted-zed-msgs"),
        ("yolo", "yolo_msgs", "no distribution has it; build it from"),
        ("yolo_3d", "yolo_msgs", "no distribution has it; build it from"),
        ("hri", "hri_msgs", "sudo apt install ros-kilted-hri-msgs"),
    ],
)
def test_a_missing_message_package_is_named_at_configure(start, monkeypatch, name, package, install):
    monkeypatch.setitem(sys.modules, f"{package}.msg", None)
    monkeypatch.setenv("ROS_DISTRO", "kilted")
    graph, node, _, _ = start(name, "image_width:=640", autostart=False)  # half a size: what else it lacks comes later
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert install in graph.status("model", lambda status: status.level == b"\2").message


def test_a_source_without_stamps_is_told_apart(start, make_body, capfd):
    graph, _, _, records = start("json")
    publisher = graph.publisher(String, "skeletons/json")
    for _ in range(30):
        publisher.publish(record(make_body(), 0))
        graph.spin(0.01)
    graph.until(lambda: records)
    assert records[-1]["stamp"] > 1e9
    assert capfd.readouterr().err.count("messages on /skeletons/json carry no stamp") == 1
