"""Key points of YOLO pose models, in the image and in space."""

import random
import struct

import numpy as np
import pytest
from geometry_msgs.msg import Point
from rclpy.serialization import serialize_message
from yolo_msgs.msg import Detection, DetectionArray, KeyPoint2D, KeyPoint3D, Point2D

from csre_ros.ros.readers.reading import Sender
from csre_ros.ros.readers.yolo import read_image_points, read_space_points

ARRIVAL_NS, SENDER = 77, Sender(image_size=(640, 480))
# Numbers count from 1; the order is that of the COCO key point task.
NUMBERS = {
    "nose": 1, "left_eye": 2, "right_eye": 3, "left_ear": 4, "right_ear": 5, "left_shoulder": 6, "right_shoulder": 7,
    "left_elbow": 8, "right_elbow": 9, "left_wrist": 10, "right_wrist": 11, "left_hip": 12, "right_hip": 13,
    "left_knee": 14, "right_knee": 15, "left_ankle": 16, "right_ankle": 17,
}  # fmt: skip


def flat(number, score=0.5):
    return KeyPoint2D(id=number, point=Point2D(x=20.0 * number, y=24.0 * number), score=score)


def solid(number, score=0.5):
    return KeyPoint3D(id=number, point=Point(x=2.0 + number, y=0.5 * number, z=0.25 * number), score=score)


def person(numbers=range(1, 18), name="", frame_id="base_link"):
    found = Detection(class_name="person", id=name, score=0.9)
    found.keypoints.data = [flat(number) for number in numbers]
    found.keypoints3d.data = [solid(number) for number in numbers]
    found.keypoints3d.frame_id = frame_id
    return found


def message(*people):
    found = DetectionArray(detections=list(people))
    found.header.stamp.sec, found.header.stamp.nanosec = 3, 5
    found.header.frame_id = "camera_color_optical_frame"
    return found


def read_flat(found):
    return read_image_points(serialize_message(found), SENDER, ARRIVAL_NS)


def read_solid(found):
    return read_space_points(serialize_message(found), SENDER, ARRIVAL_NS)


BOTH = pytest.mark.parametrize("read", [read_flat, read_solid])


@BOTH
@pytest.mark.parametrize(("joint", "number"), NUMBERS.items())
def test_numbers_count_from_one(read, joint, number):
    (found,) = read(message(person([number])))[0].skeletons
    assert np.flatnonzero(found.confidence).tolist() == [found.layout.index[joint]]


def test_image_points_become_image_heights():
    frame, rejected = read_flat(message(person(name="a"), person()))
    assert (frame.stamp_ns, frame.frame_id) == (3_000_000_005, "camera_color_optical_frame")
    assert [found.source_id for found in frame.skeletons] == ["a", None]
    assert frame.skeletons[0].layout.name == "coco17"
    np.testing.assert_allclose(frame.skeletons[0].positions[3], (80 / 480, 96 / 480))
    assert (frame.skeletons[0].confidence == 0.5).all()
    assert not rejected


def test_space_points_are_turned_to_optical_axes():
    frame, rejected = read_solid(message(person(name="7")))
    assert (frame.stamp_ns, frame.frame_id) == (3_000_000_005, "base_link")
    (found,) = frame.skeletons
    assert (found.layout.name, found.source_id) == ("coco17_3d", "7")
    np.testing.assert_allclose(found.positions[3], (-2, -1, 6))
    assert not rejected


def test_space_points_in_an_optical_frame_stay():
    frame, _ = read_solid(message(person(frame_id="camera_depth_optical_frame")))
    assert frame.frame_id == "camera_depth_optical_frame"
    np.testing.assert_allclose(frame.skeletons[0].positions[3], (6, 2, 1))


def test_image_points_need_the_size_of_the_image_unless_there_are_none():
    with pytest.raises(ValueError, match="publish camera_info beside it, or set image_width and image_height"):
        read_image_points(serialize_message(message(person())), Sender(), ARRIVAL_NS)
    assert read_image_points(serialize_message(message()), Sender(), ARRIVAL_NS)[0].skeletons == ()


@BOTH
def test_missing_and_shuffled_key_points(read):
    numbers = [n for n in range(1, 18) if n not in (3, 10)]
    random.Random(0).shuffle(numbers)
    (mixed,) = read(message(person(numbers)))[0].skeletons
    (whole,) = read(message(person()))[0].skeletons
    assert np.flatnonzero(mixed.confidence == 0).tolist() == [2, 9]
    seen = mixed.confidence > 0
    np.testing.assert_array_equal(mixed.positions[seen], whole.positions[seen])


@BOTH
def test_nobody(read):
    frame, rejected = read(message())
    assert (frame.skeletons, dict(rejected)) == ((), {})


@BOTH
def test_unstamped(read):
    assert read(DetectionArray())[0].stamp_ns == ARRIVAL_NS


def wrong(change):
    found = person(name="b")
    change(found)
    return found


def both(found, change):
    for points in (found.keypoints.data, found.keypoints3d.data):
        change(points)


@BOTH
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda points: points.clear(), "no key points"),
        (lambda points: points.extend([points[0]] * 5), "too many key points"),
        (lambda points: points.extend([points[0]] * 1000), "too many key points"),
        (lambda points: setattr(points[3], "id", 0), "unknown key point"),
        (lambda points: setattr(points[3], "id", 18), "unknown key point"),
        (lambda points: setattr(points[3], "id", -1), "unknown key point"),
        (lambda points: setattr(points[3], "id", 3), "joint repeats"),
        (lambda points: setattr(points[3].point, "x", float("inf")), "infinite coordinate"),
        (lambda points: setattr(points[3].point, "y", 1e300), "infinite coordinate"),
        (lambda points: setattr(points[3], "score", 1.5), "confidence outside 0..1"),
        (lambda points: setattr(points[3], "score", -0.5), "confidence outside 0..1"),
        (lambda points: [setattr(point.point, "x", float("nan")) for point in points], "no joint seen"),
        (lambda points: [setattr(point, "score", 0.0) for point in points], "no joint seen"),
    ],
)
def test_rejected_people(read, change, reason):
    people = [person(name="a"), wrong(lambda found: both(found, change)), person(name="c")]
    frame, rejected = read(message(*people))
    assert [found.source_id for found in frame.skeletons] == ["a", "c"]
    assert dict(rejected) == {reason: 1}


@BOTH
@pytest.mark.parametrize(("name", "reason"), [("a", "duplicate id"), ("x" * 10_000, "id too long")])
def test_rejected_names(read, name, reason):
    frame, rejected = read(message(person(name="a"), person(name=name)))
    assert (len(frame.skeletons), dict(rejected)) == (1, {reason: 1})


@BOTH
def test_a_joint_that_is_nan_is_missing(read):
    def change(points):
        points[3].point.x = float("nan")
        points[4].score = float("nan")

    (found,) = read(message(wrong(lambda found: both(found, change))))[0].skeletons
    assert np.flatnonzero(found.confidence == 0).tolist() == [3, 4]


def test_people_in_two_frames():
    frame, rejected = read_solid(message(person(name="a"), person(name="b", frame_id="map")))
    assert [found.source_id for found in frame.skeletons] == ["a"]
    assert dict(rejected) == {"another frame": 1}


@BOTH
def test_more_people_than_any_camera_sees(read):
    with pytest.raises(ValueError, match="declares 1000 detections; at most 64"):
        read(message(*[Detection()] * 1000))


@BOTH
def test_giant_frame_names(read):
    found = message(person(frame_id="x" * 1000))
    found.header.frame_id = "y" * 250
    if read is read_solid:
        with pytest.raises(ValueError, match="frame_id has 1000 characters"):
            read(found)
    found.header.frame_id = "y" * 1000
    with pytest.raises(ValueError, match="declares 1001 bytes; at most 256"):
        read(found)


@pytest.mark.parametrize("read", [lambda data: read_image_points(data, SENDER, 0),
                                  lambda data: read_space_points(data, SENDER, 0)])  # fmt: skip
def test_garbage(read):
    data, chance = serialize_message(message(person(name="a"), person(name="b"))), random.Random(5)
    with pytest.raises(ValueError, match="declares 4000000000 detections"):
        read(data[:44] + struct.pack("<I", 4_000_000_000) + data[48:])
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            frame, _ = read(bytes(damaged[: chance.randrange(len(data))]))
        except ValueError:
            continue
        assert all(np.isfinite(found.positions[found.confidence > 0]).all() for found in frame.skeletons)
