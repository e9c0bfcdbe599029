"""REP-155 messages: ids as parts of topic names, and skeletons in the image."""

import random

import numpy as np
import pytest
from hri_msgs.msg import IdsList, Skeleton2D
from rclpy.serialization import serialize_message

from csre_ros.ros.readers.reading import Sender
from csre_ros.ros.readers.rep155 import LAYOUT, Instant, read_ids, read_instant

ARRIVAL_NS = 77
# The constants of hri_msgs/Skeleton2D.
NUMBERS = {
    "nose": 0, "neck": 1, "right_shoulder": 2, "right_elbow": 3, "right_wrist": 4, "left_shoulder": 5,
    "left_elbow": 6, "left_wrist": 7, "right_hip": 8, "right_knee": 9, "right_ankle": 10, "left_hip": 11,
    "left_knee": 12, "left_ankle": 13, "left_eye": 14, "right_eye": 15, "left_ear": 16, "right_ear": 17,
}  # fmt: skip


def ids(*names, sec=3):
    found = IdsList(ids=list(names))
    found.header.stamp.sec = sec
    return serialize_message(found)


def skeleton(sec=3, frame_id="camera_optical", **changes):
    found = Skeleton2D()
    found.header.stamp.sec = sec
    found.header.frame_id = frame_id
    for number, point in enumerate(found.skeleton):
        point.x, point.y, point.c = number / 20, number / 40, 0.75
    for name, value in changes.items():
        setattr(found.skeleton[5], name, value)
    return serialize_message(found)


def read(**bodies):
    return read_instant(Instant(3_000_000_000, bodies, ARRIVAL_NS), Sender(image_size=(640, 320)), ARRIVAL_NS)


@pytest.mark.parametrize(("joint", "number"), NUMBERS.items())
def test_numbers_mean_the_standards_joints(joint, number):
    assert LAYOUT.index[joint] == number


def test_ids():
    assert read_ids(ids("a1b2", "_x")) == (3_000_000_000, ("a1b2", "_x"), 0)
    assert read_ids(ids(sec=0)) == (0, (), 0)
    assert read_ids(ids("a", "b", "a")) == (3_000_000_000, ("a", "b"), 0)


@pytest.mark.parametrize("name", ["", "7a", "a/b", "../x", "a b", "~a", "{a}", "é", "a" * 65, "a\n"])
def test_ids_that_cannot_be_part_of_a_topic(name):
    assert read_ids(ids("good", name)) == (3_000_000_000, ("good",), 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (ids(*["a"] * 65), "declares 65 ids; at most 64"),
        (ids("a" * 1000), "declares 1001 bytes; at most 256"),
        (ids("a", "b")[:-3], "cut short"),
        (b"", "starts with nothing"),
    ],
)
def test_lists_refused(data, words):
    with pytest.raises(ValueError, match=words):
        read_ids(data)


def test_people():
    frame, rejected = read(a=skeleton(), b=skeleton(x=0.5))
    assert (frame.stamp_ns, frame.frame_id) == (3_000_000_000, "camera_optical")
    assert [person.source_id for person in frame.skeletons] == ["a", "b"]
    assert frame.skeletons[0].layout.name == "rep155"
    np.testing.assert_allclose(frame.skeletons[0].positions[7], (2 * 7 / 20, 7 / 40))
    assert (frame.skeletons[0].confidence == 0.75).all()
    assert frame.skeletons[1].positions[5, 0] == 1.0
    assert not rejected


def test_bodies_need_the_size_of_the_image():
    with pytest.raises(ValueError, match="publish camera_info beside it, or set image_width and image_height"):
        read_instant(Instant(3_000_000_000, {"a": skeleton()}, ARRIVAL_NS), Sender(), ARRIVAL_NS)


def test_nobody_and_no_stamp():
    frame, _ = read_instant(Instant(0, {}, ARRIVAL_NS), Sender(), ARRIVAL_NS)
    assert (frame.stamp_ns, frame.skeletons) == (ARRIVAL_NS, ())


@pytest.mark.parametrize("changes", [{"c": 0.0}, {"x": float("nan")}, {"c": float("nan")}])
def test_joints_not_seen(changes):
    (person,) = read(a=skeleton(**changes))[0].skeletons
    assert np.flatnonzero(person.confidence == 0).tolist() == [5]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (skeleton(c=1.5), "confidence outside 0..1"),
        (skeleton(x=float("inf")), "infinite coordinate"),
        (serialize_message(Skeleton2D()), "no joint seen"),
        (skeleton()[:-20], "unreadable body"),
        (skeleton(frame_id="x" * 1000), "unreadable body"),
        (b"garbage", "unreadable body"),
    ],
)
def test_rejected_people(data, reason):
    frame, rejected = read(a=data, b=skeleton())
    assert [person.source_id for person in frame.skeletons] == ["b"]
    assert dict(rejected) == {reason: 1}


def test_garbage():
    chance = random.Random(6)
    for data, reader in ((ids("abc", "def"), read_ids), (skeleton(), lambda data: read(a=data))):
        for _ in range(300):
            damaged = bytearray(data)
            for _ in range(chance.randrange(1, 20)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                reader(bytes(damaged))
            except ValueError:
                continue
