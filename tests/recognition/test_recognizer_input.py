"""What comes in odd: stamps that repeat, go back or jump, foreign skeletons, joints that are missing."""

from __future__ import annotations

import numpy as np
import pytest

from csre_ros.recognition import Bundle, Recognizer
from csre_ros.skeleton import LayoutMapping, Skeleton, SkeletonLayout, get_layout
from tests.recognition.raised_arms import (
    BODY13,
    CONFIG,
    HOUR,
    KINECT20,
    SECOND,
    body,
    events,
    frame,
    raising,
    run,
)


def test_repeated_stamps_are_ignored(bundle: Bundle) -> None:
    recognizer = Recognizer(CONFIG, bundle)
    once = run(recognizer, raising(0, 3))
    other = Recognizer(CONFIG, bundle)
    twice = [other.step(item) for item in raising(0, 3) for _ in range(2)]
    assert events(twice) == events(once)
    assert twice[1::2] == [[]] * 90
    assert other.counts == {"repeated_stamp": 90}


def test_a_bag_that_loops_starts_anew(recognizer: Recognizer) -> None:
    steps = run(recognizer, [*raising(100, 3), *raising(100, 3)])
    assert events(steps) == [(1, "raise_right", "started"), (1, "raise_right", "ended"), (2, "raise_right", "started")]
    ended = next(event for person in steps[90] for event in person.events)
    assert ended.stamp_ns == round((100 + 89 / 30) * SECOND)  # the newest stamp before the jump
    assert recognizer.counts == {"backward_stamp": 1}


def test_frames_that_others_overtook_are_left_out(recognizer: Recognizer) -> None:
    """Every tenth frame comes after the three that follow it; nobody's window or action suffers."""
    order = [k + 3.5 * (k % 10 == 5) for k in range(150)]
    steps = run(recognizer, [item for _, item in sorted(zip(order, raising(0, 5), strict=True), key=lambda p: p[0])])
    assert events(steps) == [(1, "raise_right", "started")]
    assert recognizer.counts == {"late_stamp": 15}
    assert sum(step == [] for step in steps) >= 15


def test_one_stamp_an_hour_ahead_is_refused(recognizer: Recognizer) -> None:
    steps = run(recognizer, [*raising(0, 3), frame(HOUR, body("right")), *raising(3, 3)])
    assert events(steps) == [(1, "raise_right", "started")]
    assert steps[90] == []
    assert recognizer.counts == {"stamp_jump": 1}


def test_a_clock_that_was_set_is_followed(recognizer: Recognizer) -> None:
    steps = run(recognizer, [*raising(0, 3), *raising(HOUR, 3)])
    assert events(steps) == [(1, "raise_right", "started"), (1, "raise_right", "ended"), (2, "raise_right", "started")]
    assert recognizer.counts == {"stamp_jump": 1}


def test_a_pause_of_the_stream_starts_new_people(recognizer: Recognizer) -> None:
    steps = run(recognizer, [*raising(0, 3), *raising(33, 3)])
    assert events(steps) == [(1, "raise_right", "started"), (1, "raise_right", "ended"), (2, "raise_right", "started")]
    assert not recognizer.counts


def test_frames_too_dense_for_a_window_are_counted(recognizer: Recognizer) -> None:
    most = round(1000 * recognizer.info.window_s) + 3
    standing = body()
    for k in range(most + 10):
        recognizer.observe(frame(k * 1e-5, standing))
    assert recognizer.counts == {"too_dense": 10}


def test_other_layouts_are_mapped_and_returned_as_they_came(bundle: Bundle) -> None:
    to_kinect = LayoutMapping(BODY13, KINECT20)
    recognizer = Recognizer(CONFIG, bundle)
    steps = run(recognizer, [frame(k / 30, to_kinect(body("left"))) for k in range(90)])
    assert events(steps) == [(1, "raise_left", "started")]
    assert steps[-1][0].skeleton is not None
    assert steps[-1][0].skeleton.layout == KINECT20


def test_foreign_skeletons_are_counted_and_the_stream_goes_on(
    recognizer: Recognizer, caplog: pytest.LogCaptureFixture
) -> None:
    flat = Skeleton(get_layout("coco17"), np.zeros((17, 2)), np.ones(17))
    unknown = SkeletonLayout("toy", ("a", "b"), (("b", "a"),), "a", {"torso": ("a", "b")})
    toy = Skeleton(unknown, np.zeros((2, 3)), np.ones(2))
    blind = Skeleton(BODY13, np.full((13, 3), np.nan), np.zeros(13))
    steps = run(recognizer, [frame(k / 30, flat, toy, blind, body("right")) for k in range(90)])
    assert events(steps) == [(1, "raise_right", "started")]
    assert recognizer.counts == {"wrong_layout": 180, "nothing_visible": 90}
    warnings = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(warnings) == 2  # once for each layout
    assert "'coco17' (2-D) are refused: the bundle needs 3-D skeletons" in warnings[0]
    assert "'toy' (3-D)" in warnings[1]


def test_missing_joints_pass_through_the_chain(recognizer: Recognizer) -> None:
    """The legs are never seen: NaN reaches the graph, which masks it."""
    legs = np.array([joint.endswith(("hip", "knee", "ankle")) for joint in BODY13.joints])
    half = body("right")
    half = Skeleton(BODY13, half.positions, np.where(legs, 0, half.confidence))
    assert events(run(recognizer, [frame(k / 30, half) for k in range(90)])) == [(1, "raise_right", "started")]


def test_an_answer_that_is_not_finite_is_counted(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = Recognizer(CONFIG, bundle)

    def broken(positions: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full((len(positions), 3), np.nan, np.float32), np.zeros((len(positions), 39), np.float32)

    monkeypatch.setattr(recognizer.bundle, "run", broken)
    steps = run(recognizer, [frame(k / 30, body("right")) for k in range(60)])
    assert events(steps) == []
    assert recognizer.counts["not_finite"] > 5
