"""A camera that measures depth, in a bag: pictures or people in them, depth beside them, and a calibration."""

from __future__ import annotations

import array
import json
import re

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image

from csre_ros.app.main import main
from csre_ros.ros.inputs.bag_topic import BagTopic
from csre_ros.ros.outputs.clouds import cloud_message
from csre_ros.ros.stamps import from_ns
from csre_ros.skeleton import Pinhole, Skeleton, get_layout
from csre_ros.sources import bag

FLAT13, MEDIAPIPE = get_layout("body13_2d"), get_layout("mediapipe33")
CAMERA = Pinhole((64, 48), (40.0, 40.0), (32.0, 24.0))
START_NS, STEP_NS, FRAMES = 10**9, 33_000_000, 90
COLOUR, DEPTH, INFO, PEOPLE = "/camera/color/image_raw", "/camera/depth", "/camera/color/camera_info", "/people"


def image(stamp_ns, encoding, values):
    message = Image(width=values.shape[1], height=values.shape[0], encoding=encoding)
    message.step = values[0].nbytes
    message.data = array.array("B", values.tobytes())
    message.header.stamp = from_ns(stamp_ns)
    return message


def picture(stamp_ns, size=CAMERA.size):
    return image(stamp_ns, "bgr8", np.full((size[1], size[0], 3), 7, np.uint8))


def depth(stamp_ns, size=CAMERA.size):
    """Everything is 2.5 m away."""
    return image(stamp_ns, "16UC1", np.full((size[1], size[0]), 2500, np.uint16))


def info(size=CAMERA.size, calibrated=True):
    (fx, fy), (cx, cy) = CAMERA.focal, CAMERA.centre
    return CameraInfo(
        width=size[0], height=size[1], k=[fx * calibrated, 0.0, cx, 0.0, fy * calibrated, cy, 0.0, 0.0, 1.0]
    )


def people(body, stamp_ns):
    points = (CAMERA.project(body.positions) / CAMERA.size[1]).astype(np.float32)
    return cloud_message([Skeleton(FLAT13, points, body.confidence, "3")], FLAT13, stamp_ns, "camera")


@pytest.fixture
def write(tmp_path):
    """Writes a bag of topics with messages and when they were recorded."""

    def written(topics):
        kinds = {COLOUR: "Image", DEPTH: "Image", PEOPLE: "PointCloud2"}
        with Writer(tmp_path / "bag", version=8, storage_plugin=StoragePlugin.MCAP) as writer:
            for name, messages in topics.items():
                kind = f"sensor_msgs/msg/{kinds.get(name, 'CameraInfo')}"
                connection = writer.add_connection(name, kind, typestore=bag.typestore())
                for recorded_ns, message in messages:
                    data = message if isinstance(message, bytes) else serialize_message(message)
                    writer.write(connection, recorded_ns, data)
        return tmp_path / "bag"

    return written


def stamps(count=FRAMES):
    return [START_NS + i * STEP_NS for i in range(count)]


def test_pictures_come_with_the_depth_of_the_same_instant(write):
    """Depth is recorded up to 50 ms after its picture, and stamped 4 ms before it."""
    path = write(
        {
            COLOUR: [(ns + 1_000_000, picture(ns)) for ns in stamps(6)],
            DEPTH: [(ns + 50_000_000, depth(ns - 4_000_000)) for ns in stamps(5)],
            INFO: [(START_NS, info())],
            "/other/camera_info": [(START_NS, info((640, 480)))],
        }
    )
    source = BagTopic(path, COLOUR, MEDIAPIPE, depth=DEPTH)
    for repeat in (1, 2):
        frames = list(source)
        assert [frame.stamp_ns for frame in frames] == stamps(5)
        assert all((frame.depth.pixels == 2500).all() and frame.depth.metres == 0.001 for frame in frames)
        assert {frame.camera for frame in frames} == {CAMERA}
        assert source.dropped == repeat  # the last picture has none


def test_people_in_the_image_are_recognised_in_space(write, make_body, tiny_bundle, capsys):
    raised, hanging = make_body("right", x=0.3), make_body(x=0.3)
    bodies = [raised if 30 <= i < 75 else hanging for i in range(FRAMES)]
    path = write(
        {
            PEOPLE: [(ns, people(body, ns)) for ns, body in zip(stamps(), bodies, strict=True)],
            DEPTH: [(ns, depth(ns)) for ns in stamps()],
            INFO: [(START_NS, info())],
        }
    )
    arguments = ["--layout", "body13_2d", "--bundle", str(tiny_bundle), "--events", "-"]
    status = main(["replay", str(path), "--topic", PEOPLE, "--depth_topic", DEPTH, *arguments])
    said = capsys.readouterr()
    assert status == 0, said.err
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["action"] for event in events if event["state"] == "started"] == ["raise_right"]
    # Without depth they stay in the image, where this bundle knows nobody.
    assert main(["replay", str(path), "--topic", PEOPLE, *arguments]) == 0
    said = capsys.readouterr()
    assert "90 wrong_layout" in said.err
    assert said.out == ""
    (frame, *_) = BagTopic(path, PEOPLE, FLAT13, "skeletons", depth=DEPTH)
    assert frame.depth.size == CAMERA.size


GOOD = {
    COLOUR: [(ns, picture(ns)) for ns in stamps(3)],
    DEPTH: [(ns, depth(ns)) for ns in stamps(3)],
    INFO: [(START_NS, info())],
}


@pytest.mark.parametrize(
    ("changed", "arguments", "words"),
    [
        ({}, ["--input", "rgbd"],
         f"no topic '' of sensor_msgs/msg/Image with depth.*--depth_topic: '{COLOUR}', '{DEPTH}'"),
        ({}, ["--depth_topic", "/nothing"], "no topic '/nothing' of sensor_msgs/msg/Image with depth"),
        ({INFO: []}, ["--depth_topic", DEPTH], "depth needs the calibration of the camera behind .*: none in this bag"),
        ({INFO: [], "/a/camera_info": GOOD[INFO], "/b/camera_info": GOOD[INFO]}, ["--depth_topic", DEPTH],
         "--camera_info: '/a/camera_info', '/b/camera_info' in this bag"),
        ({}, ["--depth_topic", DEPTH, "--camera_info", "/c"], f"--camera_info: '{INFO}' in this bag"),
        ({INFO: [(START_NS, info(calibrated=False))]}, ["--depth_topic", DEPTH], "is not calibrated"),
        ({INFO: [(START_NS, info((32, 24)))]}, ["--depth_topic", DEPTH], "images of 32x24 and the picture has 64x48"),
        ({DEPTH: [(ns, depth(ns, (32, 24))) for ns in stamps(3)]}, ["--depth_topic", DEPTH],
         "depth_image has 32x24 pixels and the picture 64x48"),
        ({}, ["--depth_topic", COLOUR], "depth_image has the encoding 'bgr8'"),
        ({DEPTH: [(ns + STEP_NS * 9, depth(ns + STEP_NS * 9)) for ns in stamps(3)]}, ["--depth_topic", DEPTH],
         f"not one of 3 messages can be read; the last: 3 messages have no image on {DEPTH} within 0.02 s"),
        ({DEPTH: [(ns, b"\0\1\0\0") for ns in stamps(3)]}, ["--depth_topic", DEPTH], "6 messages have no image on"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(write, capsys, changed, arguments, words):
    path = write({name: messages for name, messages in (GOOD | changed).items() if messages})
    assert main(["replay", str(path), "--topic", COLOUR, *arguments]) == 2
    (*_, line) = capsys.readouterr().err.splitlines()
    assert line.startswith("csre: ")
    assert re.search(words, line), line


def test_depth_needs_a_topic_that_it_belongs_to(write, capsys):
    assert main(["replay", str(write(GOOD)), "--depth_topic", DEPTH]) == 2
    assert "name that by --topic" in capsys.readouterr().err
