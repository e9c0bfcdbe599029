"""Recordings: bit-exact round trip, read independently, and every damaged file refused."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rosbags.interfaces import QosDurability
from rosbags.rosbag2 import Reader

from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.sources import SourceConfig, bag, open_source
from csre_ros.sources.bag_reader import open_bag
from csre_ros.sources.recording import RecordingSource
from csre_ros.sources.recording_writer import RecordingWriter
from tests.sources.people import LAYOUT, SECOND, person

WALL_CLOCK = 1_790_000_000_123_456_789


def frames(count: int, begin_ns: int = 0) -> list[Frame]:
    """Frames of 0, 1 and 2 people in turn."""
    return [
        Frame(begin_ns + i * SECOND // 10, "front", tuple(person(10 * i + k, str(k + 1)) for k in range(i % 3)))
        for i in range(count)
    ]


def record(path: Path, count: int = 30, begin_ns: int = 0) -> list[Frame]:
    written = frames(count, begin_ns)
    with RecordingWriter(path, LAYOUT) as writer:
        for frame in written:
            writer.write(frame)
    return written


@pytest.fixture
def recording(tmp_path) -> Path:
    record(tmp_path / "clip.mcap")
    return tmp_path / "clip.mcap"


@pytest.mark.parametrize("begin_ns", [0, WALL_CLOCK])
def test_the_round_trip_is_bit_exact(tmp_path, begin_ns):
    written = record(tmp_path / "clip.mcap", begin_ns=begin_ns)
    with open_source(str(tmp_path / "clip.mcap")) as source:
        read = list(source)
    assert (source.live, source.dropped, source.rejected) == (False, 0, Counter())
    assert source.fps == pytest.approx(10)
    assert [(f.stamp_ns, f.frame_id, len(f.skeletons)) for f in read] == [
        (f.stamp_ns, f.frame_id, len(f.skeletons)) for f in written
    ]
    for one, other in zip(read, written, strict=True):
        for found, expected in zip(one.skeletons, other.skeletons, strict=True):
            assert found.positions.tobytes() == expected.positions.tobytes()
            assert found.confidence.tobytes() == expected.confidence.tobytes()
            assert (found.source_id, found.layout) == (expected.source_id, expected.layout)


def test_what_sensors_tell_is_rounded_once_and_said_so(tmp_path):
    first, second = tmp_path / "first.mcap", tmp_path / "second.mcap"
    written = frames(30)
    for path, rounded in ((first, True), (second, False)):
        with RecordingWriter(path, LAYOUT, rounded=rounded) as writer:
            for frame in written:
                writer.write(frame)
        with open_source(str(path)) as source:
            read = list(source)
        if rounded:
            for one, other in zip(read, written, strict=True):
                for found, expected in zip(one.skeletons, other.skeletons, strict=True):
                    np.testing.assert_allclose(found.positions, expected.positions, rtol=0, atol=1 / 16384 + 1e-6)
                    np.testing.assert_allclose(found.confidence, expected.confidence, rtol=0, atol=1 / 2048 + 1e-6)
                    np.testing.assert_array_equal(found.confidence == 0, expected.confidence == 0)
                    assert not np.array_equal(found.positions, expected.positions)
        written = [Frame(frame.stamp_ns, frame.frame_id, frame.skeletons) for frame in read]
    for one, other in zip(open_source(str(first)), open_source(str(second)), strict=True):
        for found, expected in zip(one.skeletons, other.skeletons, strict=True):
            assert found.positions.tobytes() == expected.positions.tobytes()
            assert found.confidence.tobytes() == expected.confidence.tobytes()
    steps = [
        next(topic.metadata for topic in open_bag(path).topics if topic.name == bag.SKELETONS)
        for path in (first, second)
    ]
    assert (steps[0]["position_step"], steps[0]["confidence_step"]) == ("1/8192", "1/1024")
    assert "position_step" not in steps[1]


def test_a_joint_that_was_seen_stays_seen_however_faint(tmp_path):
    with RecordingWriter(tmp_path / "clip.mcap", LAYOUT, rounded=True) as writer:
        writer.write(Frame(1, "front", (Skeleton(LAYOUT, np.ones((33, 3)), np.full(33, 1e-6)),)))
    (frame,) = open_source(str(tmp_path / "clip.mcap"))
    np.testing.assert_array_equal(frame.skeletons[0].confidence, np.full(33, 1 / 1024, np.float32))


def test_what_sensors_tell_takes_little_more_than_half_the_room_of_its_numbers(tmp_path):
    """Noise of a millimetre in everything does not compress; what lies below it is not kept."""
    walk = np.cumsum(np.random.default_rng(0).normal(0, 0.001, (300, 4, 33, 3)), axis=0) + 2
    path = tmp_path / "clip.mcap"
    with RecordingWriter(path, LAYOUT, rounded=True) as writer:
        for i, bodies in enumerate(walk):
            people = tuple(Skeleton(LAYOUT, body, np.full(33, 0.9), str(k)) for k, body in enumerate(bodies))
            writer.write(Frame(i * 33_333_333, "front", people))
    assert path.stat().st_size < 0.55 * walk.size / 3 * 20


def test_images_and_labels_come_back_with_their_frame(tmp_path):
    pytest.importorskip("cv2", reason="needs OpenCV")
    path = tmp_path / "clip.mcap"
    with RecordingWriter(path, LAYOUT) as writer:
        for i, frame in enumerate(frames(6)):
            image = np.full((48, 64, 3), 40 * i, np.uint8) if i % 2 else None
            writer.write(frame, image, label=f"action {i}" if i > 2 else None)
    with open_source(str(path)) as source:
        read = list(source)
    assert [frame.label for frame in read] == [None, None, None, "action 3", "action 4", "action 5"]
    assert [None if f.image is None else round(f.image.mean() / 40) for f in read] == [None, 1, None, 3, None, 5]
    assert read[1].image.shape == (48, 64, 3)


def test_a_long_recording_of_large_images_keeps_images_and_frames_together(tmp_path):
    """The storage cuts its content into chunks of about a megabyte, between any two messages."""
    pytest.importorskip("cv2", reason="needs OpenCV")
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    with RecordingWriter(tmp_path / "clip.mcap", LAYOUT) as writer:
        for frame in frames(12):
            writer.write(frame, noise, "walk")
    with open_source(str(tmp_path / "clip.mcap")) as source:
        read = list(source)
    assert [(f.stamp_ns, f.label, f.image is not None) for f in read] == [
        (i * SECOND // 10, "walk", True) for i in range(12)
    ]


def test_every_iteration_starts_at_the_beginning(recording):
    with open_source(str(recording)) as source:
        assert len(list(source)) == len(list(source)) == 30
        assert next(iter(source)).stamp_ns == 0


def test_real_time_holds_frames_back(tmp_path):
    record(tmp_path / "clip.mcap", 4)
    with open_source(str(tmp_path / "clip.mcap"), SourceConfig(realtime=True)) as source:
        begin = time.monotonic()
        assert [frame.stamp_ns for frame in source] == [i * SECOND // 10 for i in range(4)]
        assert time.monotonic() - begin >= 0.3


def test_rosbags_and_rclpy_read_it_independently(recording):
    """As ``ros2 bag`` and any subscriber would: topics, types, qualities of service, plain messages."""
    with Reader(recording) as reader:
        topics = {connection.topic: connection for connection in reader.connections}
        assert {topic: connection.msgtype for topic, connection in topics.items()} == {
            "/skeletons": "sensor_msgs/msg/PointCloud2",
            "/skeletons/layout": "std_msgs/msg/String",
        }
        assert topics["/skeletons"].ext.offered_qos_profiles[0].durability == QosDurability.VOLATILE
        assert topics["/skeletons/layout"].ext.offered_qos_profiles[0].durability == QosDurability.TRANSIENT_LOCAL
        messages = [(connection.topic, stamp, data) for connection, stamp, data in reader.messages()]
    assert [topic for topic, _, _ in messages] == ["/skeletons/layout"] + ["/skeletons"] * 30
    serialization = pytest.importorskip("rclpy.serialization", reason="needs the rclpy wheels (extra 'ros')")
    from sensor_msgs.msg import PointCloud2
    from std_msgs.msg import String

    assert serialization.deserialize_message(messages[0][2], String).data == "mediapipe33"
    _, stamp, data = messages[-1]
    cloud = serialization.deserialize_message(data, PointCloud2)
    assert (cloud.header.stamp.sec, cloud.header.stamp.nanosec, cloud.header.frame_id) == (2, 900_000_000, "front")
    assert stamp == 2_900_000_000
    assert [(f.name, f.offset, f.datatype, f.count) for f in cloud.fields] == [
        ("x", 0, 7, 1), ("y", 4, 7, 1), ("z", 8, 7, 1), ("c", 12, 7, 1), ("id", 16, 6, 1)
    ]  # fmt: skip
    expected = frames(30)[-1].skeletons
    points = np.frombuffer(cloud.data, np.dtype([("xyz", "<f4", 3), ("c", "<f4"), ("id", "<u4")])).reshape(-1, 33)
    np.testing.assert_array_equal(points["xyz"], [skeleton.positions for skeleton in expected])
    np.testing.assert_array_equal(points["c"], [skeleton.confidence for skeleton in expected])


def test_the_definitions_travel_with_the_file(recording):
    """What lets Foxglove open it without ROS."""
    with Reader(recording) as reader:
        definitions = {connection.msgtype: connection.msgdef.data for connection in reader.connections}
    assert "PointField[] fields" in definitions["sensor_msgs/msg/PointCloud2"]
    assert "string data" in definitions["std_msgs/msg/String"]


def test_nothing_but_the_recording_is_left(recording):
    assert list(recording.parent.iterdir()) == [recording]


def test_what_was_recorded_before_an_interruption_is_kept(tmp_path):
    def interrupted() -> None:
        with RecordingWriter(tmp_path / "clip.mcap", LAYOUT) as writer:
            for frame in frames(5):
                writer.write(frame)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(list(RecordingSource(tmp_path / "clip.mcap"))) == 5
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_frame_no_file_is_written(tmp_path, caplog):
    with RecordingWriter(tmp_path / "clip.mcap", LAYOUT):
        pass
    assert list(tmp_path.iterdir()) == []
    assert "no frame was recorded" in caplog.text


def test_the_writer_refuses_what_it_cannot_write(tmp_path, recording):
    before = recording.read_bytes()
    with pytest.raises(FileExistsError, match=r"clip\.mcap exists and recordings are never overwritten"):
        RecordingWriter(recording, LAYOUT)
    assert recording.read_bytes() == before
    with pytest.raises(ValueError, match=r"a recording is called something\.mcap, not 'clip\.bag'"):
        RecordingWriter(tmp_path / "clip.bag", LAYOUT)
    kinect = get_layout("kinect20")
    with RecordingWriter(tmp_path / "other.mcap", LAYOUT) as writer:
        for stamp_ns in (-1, 2**31 * SECOND):
            with pytest.raises(ValueError, match="cannot be recorded; ROS times lie in"):
                writer.write(Frame(stamp_ns, "front", ()))
        with pytest.raises(ValueError, match="cannot write a 'kinect20' skeleton"):
            writer.write(Frame(0, "front", (Skeleton(kinect, np.zeros((20, 3)), np.ones(20)),)))
        writer.write(Frame(5, "front", ()))
    assert [frame.stamp_ns for frame in RecordingSource(tmp_path / "other.mcap")] == [5]


def test_image_points_are_recorded_in_image_heights(tmp_path):
    coco = get_layout("coco17")
    points = np.random.default_rng(0).uniform((0, 0), (16 / 9, 1), (17, 2)).astype(np.float32)
    with RecordingWriter(tmp_path / "flat.mcap", coco) as writer:
        writer.write(Frame(5, "front", (Skeleton(coco, points, np.ones(17)),)))
    (frame,) = open_source(str(tmp_path / "flat.mcap"))
    np.testing.assert_array_equal(frame.skeletons[0].positions, points)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"bad\.mcap is empty \(0 bytes\)"),
        (b"no MCAP at all\n" * 50, r"bad\.mcap is no MCAP file: it starts with b'no MCAP '"),
        (b"\x89MCAP0\r\n", r"bad\.mcap was cut short: its 8 bytes hold no whole message"),
        (b"\x89MCAP0\r\n" * 2, r"bad\.mcap is damaged at byte 8: "),
        (b"\x89MCAP0\r\n" + bytes(500) + b"\x89MCAP0\r\n", r"bad\.mcap is damaged at byte 8: "),
    ],
    ids=["empty", "something else", "start alone", "start and end alone", "zeros between"],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path, content, message):
    path = tmp_path / "bad.mcap"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        open_source(str(path))


def test_an_mcap_that_is_not_from_ros_is_refused(recording, tmp_path):
    whole = recording.read_bytes()
    other = tmp_path / "other.mcap"
    other.write_bytes(whole.replace(b"ros2", b"json", 1))
    with pytest.raises(ValueError, match=r"other\.mcap is no recording of ROS 2: its profile is 'json'"):
        open_source(str(other))
