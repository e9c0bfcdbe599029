"""Joining what REP-155 spreads over topics: which bodies belong to one image, and when it is complete."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from csre_ros.ros.readers.rep155 import Gathering


class Images:
    """A gathering that tells finished images as ``(stamp, bodies)``."""

    def __init__(self, *ids):
        self.gathering = Gathering()
        self.gathering.expect(ids)

    def add(self, body, stamp_ns, arrival_ns=0):
        return self.read(self.gathering.add(body, stamp_ns, b"", arrival_ns))

    def expect(self, *ids):
        return self.read(self.gathering.expect(ids))

    def read(self, instants):
        return [(instant.stamp_ns, "".join(instant.bodies)) for instant in instants]


def test_complete_with_the_last_body():
    images = Images("a", "b", "c")
    assert [images.add(body, 10) for body in "acb"] == [[], [], [(10, "acb")]]
    assert [images.add(body, 20) for body in "bac"] == [[], [], [(20, "bac")]]
    assert images.gathering.rejected["late body"] == 0


def test_one_person_never_waits():
    images = Images("a")
    assert [images.add("a", stamp) for stamp in (10, 20, 30)] == [[(10, "a")], [(20, "a")], [(30, "a")]]


def test_a_lost_body_does_not_hold_up_the_others():
    images = Images("a", "b")
    assert images.add("a", 10) == []
    assert images.add("a", 20) == [(10, "a")]
    assert images.add("b", 20) == [(20, "ab")]


def test_one_message_may_end_two_images():
    images = Images("a", "b", "c")
    images.add("a", 10)
    assert images.expect("b") == []
    assert images.add("b", 20) == [(10, "a"), (20, "b")]


def test_late_and_repeated_bodies_are_counted_once_each():
    images = Images("a", "b", "c")
    images.add("a", 10)
    assert images.add("a", 10) == []  # repeats itself
    assert images.add("b", 20) == [(10, "a")]
    assert images.add("b", 10) == []  # its image is gone
    assert images.gathering.rejected["late body"] == 2
    assert images.add("a", 20) == []
    assert images.add("c", 20) == [(20, "bac")]


def test_stamps_may_jump_back():
    """A bag starts again."""
    images = Images("a", "b")
    for stamp in (100, 200):
        images.add("a", stamp)
        images.add("b", stamp)
    assert images.add("a", 50) == []
    assert images.add("b", 50) == [(50, "ab")]
    assert images.gathering.rejected["late body"] == 0


def test_without_stamps_an_image_ends_when_a_body_comes_again():
    images = Images("a", "b")
    assert images.add("a", 0) == []
    assert images.add("a", 0) == [(0, "a")]
    assert images.add("b", 0) == [(0, "ab")]
    assert [images.add(body, 0) for body in "ab"] == [[], [(0, "ab")]]
    assert images.gathering.rejected["late body"] == 0


def test_who_leaves_is_not_waited_for():
    images = Images("a", "b")
    assert images.add("a", 10) == []
    assert images.expect("a") == [(10, "a")]
    assert images.add("a", 20) == [(20, "a")]
    assert images.add("b", 20) == []  # not tracked any more
    assert images.gathering.rejected["late body"] == 0


def test_everybody_leaves():
    images = Images("a", "b")
    images.add("a", 10)
    assert images.expect() == [(10, "a")]
    assert images.add("a", 20) == []


def test_the_last_arrival_counts():
    gathering = Gathering()
    gathering.expect("ab")
    gathering.add("a", 0, b"1", 5)
    (instant,) = gathering.add("b", 0, b"2", 9)
    assert (instant.arrival_ns, instant.bodies) == (9, {"a": b"1", "b": b"2"})
