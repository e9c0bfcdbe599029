"""ZED body tracking: the bytes of real messages against their fields."""

import random
import struct

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from zed_msgs.msg import Object, ObjectsStamped

from csre_ros.ros.readers.reading import Sender
from csre_ros.ros.readers.zed import read_objects
from csre_ros.skeleton import get_layout

ARRIVAL_NS = 77
FORMATS = {0: "zed18", 1: "zed34", 2: "zed38"}
# Some places that the wrapper's documentation names, by body format.
NUMBERS = [
    (0, 0, "nose"), (0, 1, "neck"), (0, 2, "right_shoulder"), (0, 4, "right_wrist"), (0, 5, "left_shoulder"),
    (0, 14, "right_eye"), (0, 15, "left_eye"), (0, 17, "left_ear"),
    (1, 0, "pelvis"), (1, 7, "left_wrist"), (1, 14, "right_wrist"), (1, 26, "head"), (1, 32, "left_heel"),
    (1, 33, "right_heel"),
    (2, 4, "neck"), (2, 12, "left_shoulder"), (2, 17, "right_wrist"), (2, 18, "left_hip"), (2, 23, "right_ankle"),
    (2, 29, "right_heel"), (2, 37, "right_pinky"),
]  # fmt: skip


def place(number):
    """x forward, y left, z up."""
    return (2.0 + number / 100, 0.5 - number / 10, number / 50)


def body(label_id=1, body_format=2, label=None, **changes):
    given = {
        "label": f"Body_{label_id}" if label is None else label,
        "confidence": 80.0,
        "tracking_available": True,
        "tracking_state": 1,
        "skeleton_available": True,
        **changes,
    }
    found = Object(label_id=label_id, body_format=body_format, **given)
    for number in range(len(get_layout(FORMATS.get(body_format, "zed38")))):
        found.skeleton_3d.keypoints[number].kp = np.array(place(number), np.float32)
    return found


def message(*bodies, frame_id="zed_left_camera_frame"):
    found = ObjectsStamped(objects=list(bodies))
    found.header.stamp.sec, found.header.stamp.nanosec = 3, 5
    found.header.frame_id = frame_id
    return found


def read(found):
    return read_objects(serialize_message(found), Sender(), ARRIVAL_NS)


@pytest.mark.parametrize(("body_format", "number", "joint"), NUMBERS)
def test_numbers_mean_the_wrappers_joints(body_format, number, joint):
    assert get_layout(FORMATS[body_format]).index[joint] == number


@pytest.mark.parametrize("body_format", FORMATS)
@pytest.mark.parametrize("frame_id", ["zed_left_camera_frame", "f", ""])
def test_people_are_turned_to_optical_axes(body_format, frame_id):
    frame, rejected = read(message(body(7, body_format), body(12345, body_format, label=""), frame_id=frame_id))
    assert (frame.stamp_ns, frame.frame_id) == (3_000_000_005, frame_id)
    assert [person.source_id for person in frame.skeletons] == ["7", "12345"]
    for person in frame.skeletons:
        assert person.layout.name == FORMATS[body_format]
        expected = [(-y, -z, x) for x, y, z in map(place, range(len(person.layout)))]
        np.testing.assert_allclose(person.positions, expected, atol=1e-6)
        np.testing.assert_allclose(person.confidence, 0.8)
    assert not rejected


def test_optical_frames_stay():
    (person,) = read(message(body(), frame_id="zed_left_camera_frame_optical"))[0].skeletons
    np.testing.assert_allclose(person.positions[5], place(5), atol=1e-6)


@pytest.mark.parametrize("unseen", [(0, 0, 0), (np.nan, np.nan, np.nan), (np.nan, 1, 2)])
def test_empty_places_are_missing_joints(unseen):
    found = body()
    found.skeleton_3d.keypoints[9].kp = np.array(unseen, np.float32)
    (person,) = read(message(found))[0].skeletons
    assert np.flatnonzero(person.confidence == 0).tolist() == [9]


@pytest.mark.parametrize(("state", "seen"), [(0, False), (1, True), (2, False), (3, False), (-5, False)])
def test_only_what_is_in_view_counts(state, seen):
    frame, rejected = read(message(body(tracking_state=state)))
    assert (len(frame.skeletons), dict(rejected)) == (int(seen), {})


def test_without_tracking_people_have_no_name():
    (person,) = read(message(body(-1, tracking_available=False, tracking_state=0)))[0].skeletons
    assert person.source_id is None


def test_nobody():
    frame, rejected = read(message())
    assert (frame.skeletons, frame.frame_id, dict(rejected)) == ((), "zed_left_camera_frame", {})


def test_unstamped():
    assert read_objects(serialize_message(ObjectsStamped()), Sender(), ARRIVAL_NS)[0].stamp_ns == ARRIVAL_NS


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"skeleton_available": False}, "no skeleton"),
        ({"body_format": 3}, "unknown body format"),
        ({"body_format": -1}, "unknown body format"),
        ({"confidence": 101.0}, "confidence outside 0..1"),
        ({"confidence": -1.0}, "confidence outside 0..1"),
        ({"confidence": float("nan")}, "no joint seen"),
        ({"confidence": 0.0}, "no joint seen"),
        ({"label_id": 2}, "duplicate id"),
    ],
)
def test_rejected_people(wrong, reason):
    frame, rejected = read(message(body(2), body(**wrong), body(4)))
    assert [person.source_id for person in frame.skeletons] == ["2", "4"]
    assert dict(rejected) == {reason: 1}


def test_infinite():
    found = body(3)
    found.skeleton_3d.keypoints[2].kp = np.array([1, np.inf, 1], np.float32)
    assert dict(read(message(found))[1]) == {"infinite coordinate": 1}
    unused = body(3, body_format=0)
    unused.skeleton_3d.keypoints[60].kp = np.array([1, np.inf, 1], np.float32)
    assert dict(read(message(unused))[1]) == {}


def test_more_people_than_any_camera_sees():
    with pytest.raises(ValueError, match="declares 65 objects; at most 64"):
        read(message(*[Object()] * 65))
    data = serialize_message(message())[:-4] + struct.pack("<I", 1_000_000) + bytes(1_000_000)
    with pytest.raises(ValueError, match="declares 1000000 objects"):
        read_objects(data, Sender(), ARRIVAL_NS)


@pytest.mark.parametrize("name", ["label", "sublabel"])
def test_giant_names(name):
    with pytest.raises(ValueError, match="declares 100001 bytes; at most 256"):
        read(message(body(**{name: "x" * 100_000})))


def test_cut_short_anywhere():
    data = serialize_message(message(body(), body(2)))
    for size in range(0, len(data), 7):
        with pytest.raises(ValueError, match=r"cut short|starts with"):
            read_objects(data[:size], Sender(), ARRIVAL_NS)


def test_garbage():
    data, chance = serialize_message(message(body(), body(2))), random.Random(4)
    for _ in range(500):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 50)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            frame, _ = read_objects(bytes(damaged), Sender(), ARRIVAL_NS)
        except ValueError:
            continue
        assert all(np.isfinite(person.positions[person.confidence > 0]).all() for person in frame.skeletons)
