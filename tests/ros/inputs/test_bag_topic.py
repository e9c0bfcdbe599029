"""Replaying a bag's own topics: what the node would have read live, read by the same functions offline."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from csre_ros.recordings import SHIPPED
from csre_ros.ros.inputs.bag_topic import BagTopic
from csre_ros.ros.stamps import from_ns
from csre_ros.skeleton import get_layout
from csre_ros.sources import bag, open_source

MEDIAPIPE = get_layout("mediapipe33")
SECOND = 1_000_000_000


def replay(*arguments):
    command = [sys.executable, "-m", "csre_ros.app.main", "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def events(done):
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found, done.stderr
    return found


def same(expected, tolerance):
    """These events, but for rounding: buffers of another alignment are added up in another order."""
    times = ("stamp", "since", "until")
    return [
        event
        | {key: pytest.approx(event[key], abs=1e-5) for key in times if key in event}
        | {"score": pytest.approx(event["score"], abs=tolerance)}
        for event in expected
    ]


def write(path, topic, kind, messages, storage=StoragePlugin.SQLITE3):
    """A bag folder with one topic: a list of stamps and messages, or of their bytes."""
    with Writer(path, version=8, storage_plugin=storage) as writer:
        connection = writer.add_connection(topic, kind, typestore=bag.typestore())
        for recorded_ns, message in messages:
            data = message if isinstance(message, bytes) else serialize_message(message)
            writer.write(connection, recorded_ns, data)
    return path


def picture(message, stamp_ns):
    message.header.stamp, message.header.frame_id = from_ns(stamp_ns), "front"
    return message


def image(value, stamp_ns):
    return picture(Image(height=4, width=6, step=18, encoding="rgb8", data=bytes([value, 0, 0] * 24)), stamp_ns)


def jpeg(pixels, stamp_ns):
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    return picture(CompressedImage(format="jpeg", data=data), stamp_ns)


@pytest.fixture(scope="module")
def clouds(tmp_path_factory):
    """The skeletons of the shipped recording as a tracker publishes them: without a layout topic, at arrival times."""
    with Reader(SHIPPED) as reader:
        # The first header has no stamp (0): arrival dates it, and with it the grid of a person.
        messages = [(ns, bytes(data)) for c, ns, data in reader.messages() if c.topic == bag.SKELETONS]
        found = [(ns + 7_000_000 if ns else ns, data) for ns, data in messages]
    return write(tmp_path_factory.mktemp("clouds") / "bag", "/tracker/people", bag.CLOUD_TYPE, found)


@pytest.mark.slow
def test_a_skeleton_topic_without_a_layout_gives_the_events_of_the_recording(clouds):
    done = replay(clouds, "--topic", "/tracker/people", "--events", "-")
    assert done.returncode == 0, done.stderr
    assert events(done) == same(events(replay("recording", "--events", "-")), 2e-4)


@pytest.mark.slow
def test_its_layout_can_be_named(clouds):
    done = replay(clouds, "--topic", "/tracker/people", "--layout", "ntu25")
    assert "19 frames, 152 dropped" in done.stderr  # nobody has every layout
    assert done.stderr.count("is left out") == 1
    assert done.stdout == ""


@pytest.mark.slow
def test_a_topic_of_something_else_is_refused():
    done = replay(SHIPPED, "--topic", bag.LABEL)
    assert done.returncode == 2
    assert "not one of 152 messages can be read" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("storage", StoragePlugin)
def test_images_come_in_bgr_with_their_own_stamps_and_frame(tmp_path, storage):
    sent = [(i * SECOND, image(20 * i, i * SECOND + 5)) for i in range(1, 11)]
    source = BagTopic(
        write(tmp_path / "bag", "/image_raw", "sensor_msgs/msg/Image", sent, storage), "/image_raw", MEDIAPIPE
    )
    for _ in range(2):
        frames = list(source)
        assert [frame.stamp_ns for frame in frames] == [i * SECOND + 5 for i in range(1, 11)]
        assert [frame.image[0, 0].tolist() for frame in frames] == [[0, 0, 20 * i] for i in range(1, 11)]
        assert {frame.frame_id for frame in frames} == {"front"}
    assert (source.live, source.dropped, source.fps) == (False, 0, pytest.approx(1.0))


def test_what_cannot_be_read_is_counted_and_said_once(tmp_path, caplog):
    sent = [(i * SECOND, jpeg(np.zeros((8, 8, 3), np.uint8), i * SECOND)) for i in range(1, 4)]
    sent += [(i * SECOND, picture(CompressedImage(format="jpeg", data=b"noise"), i * SECOND)) for i in range(4, 7)]
    path = write(tmp_path / "bag", "/c", "sensor_msgs/msg/CompressedImage", sent)
    source = BagTopic(path, "/c", MEDIAPIPE)
    assert len(list(source)) == 3
    assert source.dropped == 3
    assert [record.message for record in caplog.records if "left out" in record.message] == [
        f"{path}, topic /c: a message is left out: 5 bytes are no picture: they are built as "
        "neither a JPEG nor a PNG file (format 'jpeg'); the publisher must send JPEG or PNG, as image_transport's "
        "'compressed' does"
    ]


def test_records_of_json_are_read(tmp_path):
    joints = [[0.1, 0.2, 2.0, 0.9]] + [None] * 12
    text = json.dumps({"layout": "body13", "stamp": 3.5, "persons": [{"id": 7, "joints": joints}]})
    path = write(tmp_path / "bag", "/people", "std_msgs/msg/String", [(SECOND, String(data=text))])
    (frame,) = BagTopic(path, "/people", MEDIAPIPE)
    assert frame.stamp_ns == 3_500_000_000
    assert [(person.source_id, person.layout.name) for person in frame.skeletons] == [("7", "body13")]


@pytest.mark.parametrize(
    ("path", "topic", "error", "words"),
    [
        ("bag", "/nothing", ValueError, "has no topic '/nothing' .* topics of such types: '/image_raw'"),
        ("missing", "/image_raw", FileNotFoundError, "missing does not exist"),
        ("text.mcap", "/image_raw", ValueError, r"text\.mcap is no MCAP file: it starts with b'no bag a'"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(tmp_path, path, topic, error, words):
    write(tmp_path / "bag", "/image_raw", "sensor_msgs/msg/Image", [(SECOND, image(0, SECOND))])
    (tmp_path / "text.mcap").write_text("no bag at all")
    with pytest.raises(error, match=words):
        BagTopic(tmp_path / path, topic, MEDIAPIPE)


@pytest.mark.slow
def test_a_bag_of_camera_images_gives_the_events_of_the_same_pictures(tmp_path, shared_data):
    pytest.importorskip("mediapipe", reason="needs the pose stage: pip install 'csre_ros[mediapipe]'")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    with open_source(str(shared_data / "video" / "wave.mp4")) as clip:
        shots = [frame.image for frame in clip]
    messages = [jpeg(shot, SECOND + i * SECOND // 10) for i, shot in enumerate(shots)]
    for i, message in enumerate(messages):
        (pictures / f"{i:03}.jpg").write_bytes(bytes(message.data))
    sent = [(SECOND + i * SECOND // 10, message) for i, message in enumerate(messages)]
    bag_folder = write(tmp_path / "bag", "/camera/compressed", "sensor_msgs/msg/CompressedImage", sent)
    found = events(replay(bag_folder, "--topic", "/camera/compressed", "--events", "-"))
    command = [sys.executable, "-m", "csre_ros.app.main", "demo", "--headless", "--events", "-", "--capture.fps", "10"]
    live = subprocess.run(
        [*command, "--source", str(pictures)], capture_output=True, text=True, timeout=120, check=True
    )
    times = ("stamp", "since", "until")
    found = [event | {key: event[key] - 1 for key in times if key in event} for event in found]
    assert found == same(events(live), 0.01)
