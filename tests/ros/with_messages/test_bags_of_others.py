"""Bags with the topics of other packages are read as the node reads them live."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hri_msgs.msg import IdsList, Skeleton2D
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from sensor_msgs.msg import CameraInfo
from yolo_msgs.msg import Detection, DetectionArray, KeyPoint2D, KeyPoint3D
from zed_msgs.msg import Object, ObjectsStamped

from csre_ros.ros.inputs.bag_topic import BagTopic
from csre_ros.skeleton import get_layout

MEDIAPIPE = get_layout("mediapipe33")
STEP_NS = 33_000_000
START_NS = 10**11


def write(path, sent):
    """A bag folder of ``(topic, type name, stamp, message or bytes)``."""
    store = get_typestore(Stores.EMPTY)
    for _, name, _, _ in sent:  # the definition is not read, only its name
        if name not in store.fielddefs:
            store.register(get_types_from_msg("uint8 x", name))
    with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {}
        for topic, name, stamp_ns, message in sent:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, name, typestore=store)
            data = message if isinstance(message, bytes) else serialize_message(message)
            writer.write(connections[topic], stamp_ns + 5_000_000, data)
    return path


def stamped(message, stamp_ns, frame_id="camera_optical_frame"):
    message.header.frame_id = frame_id
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    return message


def zed(stamp_ns):
    person = Object(label="Body_5", label_id=5, confidence=90.0, body_format=2)
    person.tracking_available = person.skeleton_available = True
    person.tracking_state = 1
    for number in range(38):
        person.skeleton_3d.keypoints[number].kp = np.array([2.0 + number, 0.5, 1.0], np.float32)
    return stamped(ObjectsStamped(objects=[person]), stamp_ns, "zed_left_camera_frame")


def yolo(stamp_ns):
    person = Detection(class_name="person", id="5")
    person.keypoints3d.frame_id = "camera_optical_frame"
    for number in range(1, 18):
        flat, solid = KeyPoint2D(id=number, score=0.5), KeyPoint3D(id=number, score=0.5)
        flat.point.x, flat.point.y = 20.0 * number, 10.0 * number
        solid.point.x, solid.point.y, solid.point.z = 0.1 * number, 0.2, 2.0
        person.keypoints.data.append(flat)
        person.keypoints3d.data.append(solid)
    return stamped(DetectionArray(detections=[person]), stamp_ns)


def skeleton(stamp_ns, x=0.25):
    found = Skeleton2D()
    for point in found.skeleton:
        point.x, point.y, point.c = x, 0.5, 0.75
    return stamped(found, stamp_ns)


def stream(topic, name, make, count=5):
    stamps = [START_NS + i * STEP_NS for i in range(count)]
    return stamps, [(topic, name, stamp_ns, make(stamp_ns)) for stamp_ns in stamps]


@pytest.mark.parametrize(
    ("name", "kind", "make", "layout", "first"),
    [
        ("auto", "zed_msgs/msg/ObjectsStamped", zed, "zed38", (-0.5, -1.0, 2.0)),
        ("zed", "zed_msgs/msg/ObjectsStamped", zed, "zed38", (-0.5, -1.0, 2.0)),
        ("yolo", "yolo_msgs/msg/DetectionArray", yolo, "coco17", (20 / 480, 10 / 480)),
        ("yolo_3d", "yolo_msgs/msg/DetectionArray", yolo, "coco17_3d", (0.1, 0.2, 2.0)),
    ],
)
def test_one_topic(tmp_path, name, kind, make, layout, first):
    stamps, sent = stream("/people", kind, make)
    source = BagTopic(write(tmp_path / "bag", sent), "/people", MEDIAPIPE, name, (640, 480))
    for _ in range(2):
        frames = list(source)
        assert [frame.stamp_ns for frame in frames] == stamps
        for frame in frames:
            (person,) = frame.skeletons
            assert (person.layout.name, person.source_id) == (layout, "5")
            np.testing.assert_allclose(person.positions[0], first, rtol=1e-6)
    assert (source.dropped, dict(source.rejected), source.fps) == (0, {}, pytest.approx(1e9 / STEP_NS))


def bodies_sent(count=5):
    """Two people in every image, of whom the second leaves; messages come in any order."""
    ids, body = "hri_msgs/msg/IdsList", "hri_msgs/msg/Skeleton2D"
    sent = []
    for i in range(count):
        stamp_ns = START_NS + i * STEP_NS
        present = {"ann": 0.25, "bob": 0.75} if i < count - 2 else {"ann": 0.25}
        sent.append(("/humans/bodies/tracked", ids, stamp_ns, stamped(IdsList(ids=list(present)), stamp_ns)))
        for name in sorted(present, reverse=i % 2 == 1):
            message = skeleton(stamp_ns, present[name])
            sent.append((f"/humans/bodies/{name}/skeleton2d", body, stamp_ns, message))
    return sent


def test_bodies_of_rep155_are_joined_by_their_stamps(tmp_path):
    sent = bodies_sent()
    sent.append(("/humans/bodies/tracked", "hri_msgs/msg/IdsList", START_NS + 6 * STEP_NS, IdsList()))
    source = BagTopic(write(tmp_path / "bag", sent), "/humans/bodies/tracked", MEDIAPIPE, size=(640, 480))
    for _ in range(2):
        frames = list(source)
        assert [[person.source_id for person in frame.skeletons] for frame in frames] == [
            ["ann", "bob"], ["bob", "ann"], ["ann", "bob"], ["ann"], ["ann"], [],
        ]  # fmt: skip
        assert [frame.stamp_ns for frame in frames[:5]] == [START_NS + i * STEP_NS for i in range(5)]
    assert frames[0].skeletons[1].layout.name == "rep155"
    assert frames[0].skeletons[1].positions[0].tolist() == [1.0, 0.5]
    assert source.dropped == 0


def test_what_is_wrong_with_bodies_is_counted(tmp_path):
    sent = bodies_sent()
    sent.insert(3, ("/humans/bodies/tracked", "hri_msgs/msg/IdsList", START_NS, b"noise"))
    sent.insert(4, ("/humans/bodies/ann/skeleton2d", "hri_msgs/msg/Skeleton2D", START_NS, skeleton(START_NS)))
    sent.insert(5, ("/humans/bodies/tracked", "hri_msgs/msg/IdsList", START_NS, IdsList(ids=["ann", "bob", "a/b"])))
    source = BagTopic(write(tmp_path / "bag", sent), "/humans/bodies/tracked", MEDIAPIPE, size=(640, 480))
    assert len(list(source)) == 5
    assert (source.dropped, dict(source.rejected)) == (1, {"late body": 1, "invalid id": 1})


def test_the_last_image_is_not_lost_where_a_body_never_came(tmp_path):
    sent = [one for one in bodies_sent(1) if "bob" not in one[0]]
    sent[0][3].ids = ["ann", "bob"]
    (frame,) = BagTopic(write(tmp_path / "bag", sent), "/humans/bodies/tracked", MEDIAPIPE, size=(640, 480))
    assert [person.source_id for person in frame.skeletons] == ["ann"]


def test_a_type_of_two_inputs_needs_one_named(tmp_path):
    _, sent = stream("/people", "yolo_msgs/msg/DetectionArray", yolo)
    path = write(tmp_path / "bag", sent)
    with pytest.raises(ValueError, match="read by several inputs; choose one by --input: yolo, yolo_3d"):
        BagTopic(path, "/people", MEDIAPIPE)
    with pytest.raises(
        ValueError, match="'zed' does not read yolo_msgs/msg/DetectionArray; choose one of: yolo, yolo_3d"
    ):
        BagTopic(path, "/people", MEDIAPIPE, "zed")
    with pytest.raises(ValueError, match="image_width is 0 and image_height 480"):
        BagTopic(path, "/people", MEDIAPIPE, "yolo", (0, 480))


def camera(topic, width, height):
    info = CameraInfo(width=width, height=height)
    return (topic, "sensor_msgs/msg/CameraInfo", START_NS, info)


def test_the_size_of_the_image_is_that_of_the_camera_in_the_bag(tmp_path):
    _, sent = stream("/people", "yolo_msgs/msg/DetectionArray", yolo)
    infos = [camera("/left/camera_info", 0, 0), camera("/right/camera_info", 640, 200)]
    path = write(tmp_path / "bag", [*infos, *sent])
    for size in ((0, 0), (640, 480)):
        frame, *_ = BagTopic(path, "/people", MEDIAPIPE, "yolo", size)
        np.testing.assert_allclose(frame.skeletons[0].positions[0], (20 / 200, 10 / 200), rtol=1e-6)


def test_cameras_that_differ_say_nothing(tmp_path):
    _, sent = stream("/people", "yolo_msgs/msg/DetectionArray", yolo)
    infos = [camera("/left/camera_info", 640, 480), camera("/right/camera_info", 640, 200)]
    path = write(tmp_path / "bag", [*infos, *sent])
    frame, *_ = BagTopic(path, "/people", MEDIAPIPE, "yolo", (640, 100))
    np.testing.assert_allclose(frame.skeletons[0].positions[0], (20 / 100, 10 / 100), rtol=1e-6)
    with pytest.raises(ValueError, match=r"not one of 5 messages .* or set image_width and image_height"):
        list(BagTopic(path, "/people", MEDIAPIPE, "yolo"))


def test_the_command_replays_them(tmp_path):
    _, sent = stream("/people", "yolo_msgs/msg/DetectionArray", yolo, 40)
    path = write(tmp_path / "bag", sent)
    command = [sys.executable, "-m", "csre_ros.app.main", "replay", str(path), "--topic", "/people"]
    command += ["--bundle", "window"]  # 2.7 s of people who are no people: it says nothing of them
    done = subprocess.run([*command, "--input", "yolo_3d"], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "40 frames, 0 dropped" in done.stderr) == (0, True), done.stderr
    refused = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (refused.returncode, "choose one by --input" in refused.stderr) == (2, True)
    assert "Traceback" not in refused.stderr
    assert json.dumps(done.stdout) == '""'
