"""Synthetic content: stillness, procedural waves, foreign arms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from csre_ros.skeleton import FloatArray, mirror
from models.data.synthesis import BODY, WaveStyle, arm, give_arms, hips, legs, onset, ping_pong, raise_arm

J = BODY.index
T = 40
INSTANTS = np.linspace(0, 2, T, dtype=np.float32)
UP = np.ones(T, np.float32)


def body(yaw: float = 0.0, size: float = 1.0) -> FloatArray:
    """``[T, 13, 3]`` of somebody at 2.5 m who sways a little; turned about the vertical, 0 faces the camera."""
    pose = np.zeros((len(BODY), 3), np.float32)
    pose[J["head"]] = (0, -0.7, 0)
    places = {"shoulder": (0.2, -0.5), "elbow": (0.24, -0.22), "wrist": (0.26, 0.03),
              "hip": (0.1, 0.02), "knee": (0.11, 0.45), "ankle": (0.12, 0.88)}  # fmt: skip
    for joint, (x, y) in places.items():
        pose[J[f"left_{joint}"]], pose[J[f"right_{joint}"]] = (x, y, 0), (-x, y, 0)
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([(cos, 0, sin), (0, 1, 0), (-sin, 0, cos)])
    sway = 0.02 * np.sin(3 * INSTANTS)[:, None, None] * (1, 0, 0.5)
    return (size * pose @ turn.T + (0.3, 0.1, 2.5) + sway).astype(np.float32)


def lengths(positions: FloatArray, *joints: int) -> FloatArray:
    """``[T, len(joints) - 1]`` metres along a chain."""
    return np.linalg.norm(np.diff(positions[:, joints], axis=1), axis=-1)


def style(seed: int, moving: bool = True) -> WaveStyle:
    return WaveStyle.draw(np.random.default_rng(seed), moving)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("seed", range(5))
def test_a_raised_arm_keeps_its_bones_and_the_rest_of_the_body(seed: int, side: str) -> None:
    before, after = body(yaw=0.3 * seed, size=1.1), body(yaw=0.3 * seed, size=1.1)
    raise_arm(after, side, style(seed), INSTANTS, UP)
    np.testing.assert_allclose(lengths(after, *arm(side)), lengths(before, *arm(side)), atol=1e-5)
    others = [i for i in range(len(BODY)) if i not in arm(side)[1:]]
    np.testing.assert_array_equal(after[:, others], before[:, others])
    assert np.abs(after[:, arm(side)[2]] - before[:, arm(side)[2]]).max() > 0.1


def test_without_weight_the_clip_stays_as_it_is() -> None:
    after = body()
    raise_arm(after, "right", style(0), INSTANTS, np.zeros(T, np.float32))
    np.testing.assert_array_equal(after, body())


def test_half_the_weight_is_half_way() -> None:
    raised, half = body(), body()
    raise_arm(raised, "right", style(1), INSTANTS, UP)
    raise_arm(half, "right", style(1), INSTANTS, UP / 2)
    np.testing.assert_allclose(half, (raised + body()) / 2, atol=1e-6)


@pytest.mark.parametrize("yaw", [0.0, 0.8, -0.8])
@pytest.mark.parametrize("side", ["left", "right"])
def test_forward_is_where_the_chest_points(yaw: float, side: str) -> None:
    """An arm stretched straight ahead: towards the camera of somebody who faces it, and turned with the body."""
    ahead = WaveStyle(0.0, np.pi / 2, np.pi / 2, 100.0, 0.0, 0.0, 1.0, 0.0)
    positions = body(yaw)
    raise_arm(positions, side, ahead, INSTANTS, UP)
    reach = positions[:, arm(side)[2]] - positions[:, arm(side)[0]]
    expected = np.array((-np.sin(yaw), 0, -np.cos(yaw)))
    np.testing.assert_allclose(
        reach / np.linalg.norm(reach, axis=-1, keepdims=True), expected[None] + 0 * reach, atol=0.02
    )


def test_elevation_and_azimuth() -> None:
    """The upper arm sideways, then up; y points down."""
    sideways = WaveStyle(0.0, 0.0, np.pi / 2, 0.0, 0.0, 0.0, 1.0, 0.0)
    for raised, direction in ((sideways, (-1, 0, 0)), (replace(sideways, elevation=np.pi / 2), (0, -1, 0))):
        positions = body()
        raise_arm(positions, "right", raised, INSTANTS, UP)
        upper = positions[:, J["right_elbow"]] - positions[:, J["right_shoulder"]]
        np.testing.assert_allclose(upper / lengths(body(), *arm("right"))[:, :1], np.tile(direction, (T, 1)), atol=1e-4)
        assert (positions[:, J["right_wrist"], 1] < positions[:, J["right_elbow"], 1]).all()


def test_a_wave_swings_at_its_rate() -> None:
    """Zero crossings of the forearm's angle count half periods."""
    waving = WaveStyle(0.2, 0.3, np.pi / 2, 0.0, 0.6, 0.0, 1.5, 0.1)
    positions = body()
    raise_arm(positions, "right", waving, INSTANTS, UP)
    forearm = positions[:, J["right_wrist"]] - positions[:, J["right_elbow"]]
    sideways = -forearm[:, 0]
    assert (np.diff(np.sign(sideways)) != 0).sum() == 2 * 1.5 * 2


def test_two_waving_arms_are_mirror_images() -> None:
    positions = body()
    for side in ("left", "right"):
        raise_arm(positions, side, style(3), INSTANTS, UP)
    centred = positions - positions[:, hips()].mean(axis=1, keepdims=True)
    mirrored, _ = mirror(centred, np.ones(centred.shape[:2], np.float32), BODY)
    np.testing.assert_allclose(mirrored, centred, atol=1e-5)
    assert (positions[:, J["left_wrist"], 0] - positions[:, J["right_wrist"], 0] > 0.3).any()


def test_styles_cover_slow_and_fast_and_still_ones_only_tremble() -> None:
    moving, still = ([style(seed, kind) for seed in range(300)] for kind in (True, False))
    rates = np.array([one.rate for one in moving])
    assert 0.25 <= rates.min() < 0.35
    assert 1.8 < rates.max() <= 2.5
    assert all(one.swing >= np.deg2rad(30 if one.rate < 0.8 else 15) for one in moving)
    assert max(one.swing for one in still) <= np.deg2rad(2)


def test_an_arm_of_no_length_gets_an_average_one() -> None:
    """A body whose arm was never seen: all joints at the shoulder."""
    positions = body()
    positions[:, arm("right")[1:]] = positions[:, [arm("right")[0]]]
    raise_arm(positions, "right", style(0), INSTANTS, UP)
    np.testing.assert_allclose(lengths(positions, *arm("right")), np.tile((0.28, 0.25), (T, 1)), atol=1e-5)


def test_ping_pong() -> None:
    there = np.linspace(0, 0.25, 11, dtype=np.float32)
    np.testing.assert_allclose(ping_pong(there, 0.25), there, atol=1e-7)
    np.testing.assert_allclose(ping_pong(there + 0.25, 0.25), there[::-1], atol=1e-6)
    long = np.linspace(-3, 9, 4001, dtype=np.float32)
    folded = ping_pong(long, 0.25)
    assert folded.min() >= 0
    assert folded.max() <= 0.25
    assert np.abs(np.diff(folded)).max() <= (long[1] - long[0]) * 1.01  # never faster than time itself
    np.testing.assert_allclose(ping_pong(long + 0.5, 0.25), folded, atol=1e-5)
    np.testing.assert_array_equal(ping_pong(long, 0.0), np.zeros_like(long))


def test_onsets_start_low_and_only_rise() -> None:
    weights = [onset(np.random.default_rng(seed), INSTANTS) for seed in range(200)]
    at_once = [weight for weight in weights if (weight == 1).all()]
    assert 110 < len(at_once) < 170
    for weight in weights:
        assert weight.min() >= 0
        assert weight[-1] == 1
        assert (np.diff(weight) >= 0).all()


@pytest.mark.parametrize("turn", [0.0, 0.7, -2.0])
def test_foreign_arms_keep_their_lengths_and_their_pose(turn: float) -> None:
    """The donor's arms, seen from the donor's chest, are the body's arms, seen from the body's chest."""
    donor, positions, confidence = body(yaw=0.4, size=1.2), body(yaw=0.4 + turn), np.ones((T, len(BODY)), np.float32)
    raise_arm(donor, "right", style(2), INSTANTS, UP)
    give_arms(positions, confidence, donor, np.ones_like(confidence))
    for side in ("left", "right"):
        np.testing.assert_allclose(lengths(positions, *arm(side)), lengths(donor, *arm(side)), atol=1e-5)
    kept = [J["head"], J["left_shoulder"], J["right_shoulder"], *hips(), *legs()]
    np.testing.assert_array_equal(positions[:, kept], body(yaw=0.4 + turn)[:, kept])
    reference, ones = body(yaw=0.4), np.ones((T, len(BODY)), np.float32)
    give_arms(reference, ones, donor, ones)
    cos, sin = np.cos(turn), np.sin(turn)
    back = np.array([(cos, 0, sin), (0, 1, 0), (-sin, 0, cos)], np.float32)
    for joint in arm("right")[1:]:
        offset = positions[:, joint] - positions[:, arm("right")[0]]
        expected = (reference[:, joint] - reference[:, arm("right")[0]]) @ back.T
        np.testing.assert_allclose(offset, expected, atol=1e-5)
    assert (confidence == 1).all()


def test_foreign_arms_that_nobody_saw_stay_unseen() -> None:
    positions, confidence, donor_seen = (
        body(),
        np.full((T, len(BODY)), 0.9, np.float32),
        np.ones((T, len(BODY)), np.float32),
    )
    donor_seen[5, J["left_wrist"]] = 0
    confidence[7, J["right_elbow"]] = 0.2
    give_arms(positions, confidence, body(), donor_seen)
    expected = np.full_like(confidence, 0.9)
    expected[5, J["left_wrist"]], expected[7, J["right_elbow"]] = 0, 0.2
    np.testing.assert_array_equal(confidence, expected)
