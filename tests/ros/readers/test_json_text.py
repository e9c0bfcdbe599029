"""People as JSON text: the schema, and everything that breaks it."""

import json
import math
import random

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from csre_ros.ros.readers.json_text import read_record
from csre_ros.ros.readers.reading import Sender
from csre_ros.skeleton import get_layout

BODY13, COCO17 = get_layout("body13"), get_layout("coco17")
ARRIVAL_NS = 77


def joints(count=13, dims=3):
    return [[*(0.5 * joint, -0.25, 2)[:dims], 0.75] for joint in range(count)]


def record(**changes):
    person = {"id": 3, "joints": joints()}
    return {"layout": "body13", "stamp": 12.25, "frame_id": "cam", "persons": [person], **changes}


def read(content, layout=BODY13, size=None):
    text = content if isinstance(content, str) else json.dumps(content)
    return read_record(text, Sender(layout, size), ARRIVAL_NS)


def test_a_person():
    frame, rejected = read(record())
    (person,) = frame.skeletons
    assert (frame.stamp_ns, frame.frame_id, person.source_id) == (12_250_000_000, "cam", "3")
    assert person.layout == BODY13
    np.testing.assert_array_equal(person.positions, [row[:3] for row in joints()])
    assert (person.confidence == 0.75).all()
    assert not rejected


def test_image_points_become_image_heights():
    frame, _ = read(record(layout="coco17", persons=[{"joints": joints(17, 2)}]), COCO17, (1920, 1080))
    (person,) = frame.skeletons
    assert (person.layout, person.source_id) == (COCO17, None)
    np.testing.assert_allclose(person.positions, [(x * 16 / 9, y) for x, y, _ in joints(17, 2)], rtol=1e-6)


def test_image_points_need_the_size_of_the_image_unless_there_are_none():
    with pytest.raises(ValueError, match="publish camera_info beside it, or set image_width and image_height"):
        read(record(layout="coco17", persons=[{"joints": joints(17, 2)}]), COCO17)
    assert read(record(layout="coco17", persons=[]), COCO17)[0].skeletons == ()


def test_image_points_too_large_for_a_number_are_infinite():
    points = [[1e300, 0.5, 1.0], *joints(16, 2)]
    frame, rejected = read(record(layout="coco17", persons=[{"joints": points}]), COCO17, (1920, 1080))
    assert (frame.skeletons, dict(rejected)) == ((), {"infinite coordinate": 1})


def test_any_layout_of_as_many_dimensions():
    frame, _ = read(record(layout="kinect20", persons=[{"joints": joints(20)}]))
    assert frame.skeletons[0].layout.name == "kinect20"


@pytest.mark.parametrize(
    ("missing", "kept"),
    [("stamp", (ARRIVAL_NS, "cam")), ("frame_id", (12_250_000_000, ""))],
)
def test_what_may_be_left_out(missing, kept):
    content = record()
    del content[missing]
    frame, _ = read(content)
    assert (frame.stamp_ns, frame.frame_id) == kept


def test_nobody():
    frame, rejected = read(record(persons=[]))
    assert (frame.skeletons, dict(rejected)) == ((), {})


@pytest.mark.parametrize("unseen", [None, [math.nan, 0, 0, 1], [0, 0, 0, math.nan], [0, 0, 0, 0]])
def test_joints_not_seen(unseen):
    rows = joints()
    rows[4] = unseen
    (person,) = read(record(persons=[{"joints": rows}]))[0].skeletons
    assert np.flatnonzero(person.confidence == 0).tolist() == [4]
    assert np.isnan(person.positions[4]).all()


@pytest.mark.parametrize(
    ("given", "read_as"), [(3, "3"), (3.0, "3"), (0, "0"), ("ann", "ann"), ("", None), (None, None)]
)
def test_ids(given, read_as):
    (person,) = read(record(persons=[{"id": given, "joints": joints()}]))[0].skeletons
    assert person.source_id == read_as


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{\"a\":" * 100_000, "not JSON"),
        ("[]", "object with a list 'persons'"),
        ("7", "object with a list 'persons'"),
        ('{"persons": {}}', "object with a list 'persons'"),
        ('{"persons": []}', "lacks 'layout'"),
        (record(layout=7), "lacks 'layout'"),
        (record(layout="kinect99"), "unknown layout 'kinect99'; choose one of"),
        (record(layout="coco17"), "which is 2-D; the parameter layout is 'body13', which is 3-D"),
        (record(stamp="now"), "'stamp' must be seconds"),
        (record(stamp=-1), "'stamp' must be seconds"),
        (record(stamp=math.nan), "'stamp' must be seconds"),
        (record(stamp=math.inf), "'stamp' must be seconds"),
        (record(stamp=True), "'stamp' must be seconds"),
        ('{"layout": "body13", "persons": [], "stamp": 1' + "0" * 5000 + "}", "'stamp' must be seconds"),
        (record(frame_id=None), "'frame_id' must be text"),
        (record(frame_id="x" * 1000), "frame_id has 1000 characters"),
        (record(frame_id="\ud800"), r"frame_id '' is no text"),
        (record(persons=[None] * 65), "65 people; at most 64"),
        (record(persons=[None] * 1000), "1000 people; at most 64"),
    ],
)  # fmt: skip
def test_refused_as_a_whole(content, words):
    with pytest.raises(ValueError, match=words):
        read(content)


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (None, "malformed person"),
        ([], "malformed person"),
        ({}, "malformed person"),
        ({"joints": None}, "malformed person"),
        ({"joints": joints(12)}, "malformed person"),
        ({"joints": joints(14)}, "malformed person"),
        ({"joints": joints(13, 2)}, "malformed person"),
        ({"joints": [["1", "2", "3", "1"]] * 13}, "malformed person"),
        ({"joints": [[1, 2, 3, True]] * 13}, "malformed person"),
        ({"joints": [[1, 2, [3], 1]] * 13}, "malformed person"),
        ({"joints": joints(), "id": 1.5}, "malformed person"),
        ({"joints": joints(), "id": []}, "malformed person"),
        ({"joints": joints(), "id": True}, "malformed person"),
        ({"joints": joints(), "id": "x" * 65}, "id too long"),
        ({"joints": joints(), "id": 1e300}, "id too long"),
        ({"joints": joints(), "id": "\ud800"}, "id is no text"),
        ({"joints": [[math.inf, 0, 0, 1]] * 13}, "infinite coordinate"),
        ({"joints": [[10**400, 0, 0, 1]] * 13}, "infinite coordinate"),
        ({"joints": [[1e200, 0, 0, 1]] * 13}, "infinite coordinate"),
        ({"joints": [[0, 0, 0, 1.5]] * 13}, "confidence outside 0..1"),
        ({"joints": [[0, 0, 0, -1]] * 13}, "confidence outside 0..1"),
        ({"joints": [None] * 13}, "no joint seen"),
        ({"joints": joints(), "id": "7"}, "duplicate id"),
    ],
)
def test_a_person_refused(person, reason):
    first = {"id": 7, "joints": joints()}
    frame, rejected = read(record(persons=[first, person]))
    assert [person.source_id for person in frame.skeletons] == ["7"]
    assert dict(rejected) == {reason: 1}


def test_garbage():
    text, chance = json.dumps(record()), random.Random(3)
    for _ in range(1000):
        damaged = list(text)
        for _ in range(chance.randrange(1, 5)):
            damaged[chance.randrange(len(damaged))] = chance.choice('{}[]",:0.-eNn \\\x00é')
        try:
            frame, _ = read("".join(damaged))
        except ValueError:
            continue
        assert all(np.isfinite(person.positions[person.confidence > 0]).all() for person in frame.skeletons)
