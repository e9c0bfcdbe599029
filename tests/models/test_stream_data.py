"""Training data of the stream models: labels, bodies, movements, composed streams, cameras."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from csre_ros.evaluation import Interval
from csre_ros.skeleton import get_layout
from models.data.continuous import ContinuousRecording
from models.data.streams.body import Motion, blend, join
from models.data.streams.camera import VirtualCamera
from models.data.streams.clips import ClipStream, right_share
from models.data.streams.compose import Composer, Composition
from models.data.streams.labels import (
    ANYTHING,
    CARRY,
    REST,
    REST_OR_CARRY,
    REST_OR_WALK,
    or_walk,
)
from models.data.streams.module import split_pieces
from models.data.streams.moves import MOVES
from models.data.streams.pieces import Piece, active, as_somebody_else, pieces_of, whole
from models.data.streams.recordings import BETWEEN, labelled
from models.data.streams.replays import replays
from models.data.streams.stream import RATE_HZ, Span, Stream
from models.data.synthesis import BODY
from tests.models.bodies import HEIGHTS, LABELS, WIDTHS, make_stream, piece, standing


class TestLabels:
    def test_parts_of_other_are_heard_as_other(self) -> None:
        assert LABELS.names[LABELS.parents[LABELS.classes.index("other/knock")]] == "other"

    def test_targets_say_what_is_allowed(self) -> None:
        allowed = {
            name: {LABELS.classes[i] for i in np.flatnonzero(LABELS.membership[LABELS.target(name)])}
            for name in ("wave", REST, REST_OR_WALK, ANYTHING, or_walk("throw"), REST_OR_CARRY)
        }
        assert allowed["wave"] == {"wave"}
        assert "idle" in allowed[REST]
        assert "other/knock" in allowed[REST]
        assert "walk" not in allowed[REST]
        assert allowed[REST_OR_WALK] == allowed[REST] | {"walk", CARRY}
        assert allowed[or_walk("throw")] == {"throw", "walk", CARRY}
        assert allowed[REST_OR_CARRY] == allowed[REST] | {CARRY}
        assert allowed[ANYTHING] == set(LABELS.classes)

    def test_a_mirror_exchanges_swipes_and_nothing_else(self) -> None:
        left, right = LABELS.target("swipe_left"), LABELS.target("swipe_right")
        assert LABELS.mirrored_targets[left] == right
        assert LABELS.mirrored_targets[right] == left
        assert LABELS.mirrored_targets[LABELS.target(REST)] == LABELS.target(REST)

    def test_a_class_that_the_table_lacks_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"no entry for class 'juggle' of data set 'utd_mhad'"):
            LABELS.of("utd_mhad", "juggle")


class TestBody:
    def test_bones_and_positions_are_the_same_body(self) -> None:
        positions = standing(4) + np.random.default_rng(0).normal(0, 0.1, (4, 13, 3)).astype(np.float32)
        np.testing.assert_allclose(Motion.of(positions).positions(), positions, atol=1e-5)

    def test_a_turned_body_has_another_heading_and_the_same_bones(self) -> None:
        motion = Motion.of(standing(3))
        turned = motion.turned(np.deg2rad(50))
        assert np.rad2deg(turned.heading(0) - motion.heading(0)) == pytest.approx(50, abs=0.1)
        np.testing.assert_allclose(turned.lengths(), motion.lengths(), rtol=1e-5)

    def test_resized_has_the_lengths_asked_for(self) -> None:
        motion = Motion.of(standing(3))
        wanted = motion.lengths() * np.linspace(0.8, 1.2, 14).astype(np.float32)
        np.testing.assert_allclose(motion.resized(wanted).lengths(), wanted, rtol=1e-5)

    def test_a_blend_leads_from_one_pose_to_the_other(self) -> None:
        one = Motion.of(standing(2))
        other = one.moved(np.array((1, 0, 0), np.float32))
        joined = join([one, blend(one, other, 9), other])
        assert len(joined) == 13
        assert np.all(np.diff(joined.pelvis[:, 0]) >= 0)


def test_the_rest_before_and_after_an_action_is_cut_off() -> None:
    positions = standing(90)
    positions[30:60, BODY.index["right_wrist"], 0] += np.sin(np.linspace(0, 6 * np.pi, 30)).astype(np.float32) * 0.4
    start, end = active(Motion.of(positions), 30.0)
    assert 22 <= start <= 30
    assert 60 <= end <= 68


def test_gaps_of_a_joint_are_interpolated() -> None:
    positions, confidence = standing(5), np.ones((5, 13), np.float32)
    positions[:, 2, 0] = (0, 99, 2, 99, 99)
    confidence[[1, 3, 4], 2] = 0
    np.testing.assert_allclose(whole(positions, confidence)[:, 2, 0], (0, 1, 2, 2, 2))


class TestMoves:
    @pytest.mark.parametrize("name", MOVES)
    def test_bones_keep_their_lengths_and_the_ends_are_still(self, name: str) -> None:
        rng = np.random.default_rng(1)
        base = Motion.of(standing(45))
        moved, share = MOVES[name][0](base, RATE_HZ, rng)
        assert len(moved) == len(share) == len(base)
        assert share.max() > 0.9
        assert share[0] < 0.1
        before, after = (np.linalg.norm(motion.bones, axis=-1) for motion in (base, moved))
        limbs = [1, 2, 4, 5, 6, 9, 10, 12, 13]
        np.testing.assert_allclose(after[share > 0.99][:, limbs], before[share > 0.99][:, limbs], rtol=0.03)

    def test_who_squats_keeps_the_feet_where_they_are(self) -> None:
        rng = np.random.default_rng(2)
        base = Motion.of(standing(45))
        moved, _ = MOVES["squat"][0](base, RATE_HZ, rng)
        ankle = BODY.index["left_ankle"]
        assert np.abs(moved.positions()[:, ankle, 1] - base.positions()[:, ankle, 1]).max() < 0.03
        assert (moved.pelvis[:, 1] - base.pelvis[:, 1]).max() > 0.1


class TestComposer:
    @pytest.fixture
    def composer(self) -> Composer:
        return Composer([piece("wave"), piece("throw"), piece("squat"), piece("other/knock")], LABELS, Composition())

    def test_streams_are_whole_and_know_their_actions(self, composer: Composer) -> None:
        for seed in range(8):
            stream = composer.make(100, np.random.default_rng(seed))
            assert stream.positions.shape == (100, 13, 3)
            assert np.isfinite(stream.positions).all()
            assert stream.spans
            for span in stream.spans:
                middle = int(stream.target[(span.start + span.end) // 2])
                assert LABELS.membership[middle, span.label] == 1
                assert span.slot < 4

    def test_the_same_seed_makes_the_same_stream(self, composer: Composer) -> None:
        one, other = (composer.make(60, np.random.default_rng(5)) for _ in range(2))
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.target, other.target)

    def test_a_pause_may_hold_one_short_wave(self) -> None:
        how = Composition(pause=1.0, wave=1.0, shortly=1.0, greeting_s=(1.0, 1.0), frozen=0.0)
        stream = Composer([piece("walk", 60)], LABELS, how).make(300, np.random.default_rng(0))
        waves = [span for span in stream.spans if LABELS.classes[span.label] == "wave"]
        assert waves
        for span in waves:
            assert span.end - span.start <= round(RATE_HZ)
            up = stream.target[span.start : span.end] == LABELS.target("wave")
            whole = span.start > 0 and span.end < 300
            assert not whole or 0 < up.sum() < len(up)  # on its way up and down nobody can say that the arm waves

    def test_who_walks_may_greet_meanwhile(self) -> None:
        composer = Composer([piece("walk", 120)], LABELS, Composition(greeting=1.0, pause=0.0, frozen=0.0))
        stream = composer.make(150, np.random.default_rng(1))
        greetings = [
            span for span in stream.spans if LABELS.classes[span.label] in ("wave", "wave_two_hands", "raise_hand")
        ]
        assert greetings
        assert all(span.slot == -1 for span in greetings)  # arms that nobody recorded belong to no clip
        wrists = stream.positions[:, [BODY.index["left_wrist"], BODY.index["right_wrist"]], 1].min(1)
        for span in greetings:
            middle = (span.start + span.end) // 2
            assert wrists[middle] < stream.positions[middle, BODY.index["left_elbow"], 1]

    def test_nobody_jumps_between_actions(self, composer: Composer) -> None:
        stream = composer.make(150, np.random.default_rng(0))
        speed = np.linalg.norm(np.diff(stream.positions.mean(1), axis=0), axis=-1) * RATE_HZ
        assert speed.max() < 3.0


def test_who_walks_up_to_what_they_throw_may_be_told_to_walk() -> None:
    composer = Composer([hurried("throw", 3.0)], LABELS, Composition(speed=(1.0, 1.0), pause=0.0))
    target = composer.make(120, np.random.default_rng(0)).target
    assert (target == LABELS.target(or_walk("throw"))).any()
    composer = Composer([hurried("throw", 0.0)], LABELS, Composition(speed=(1.0, 1.0), pause=0.0))
    target = composer.make(120, np.random.default_rng(0)).target
    assert not (target == LABELS.target(or_walk("throw"))).any()


def test_arms_that_move_as_in_a_squat_over_standing_legs_are_nothing() -> None:
    how = Composition(speed=(1.0, 1.0), pause=1.0, wave=0.0, move=0.0, arms_alone=1.0, frozen=0.0)
    stream = Composer([piece("squat")], LABELS, how).make(150, np.random.default_rng(0))
    wrist = Motion.of(stream.positions).bones[:, 9:11].sum(1)[:, 1]
    inside = stream.target == LABELS.target("squat")
    assert 0.2 < inside.mean() < 0.7
    assert np.ptp(wrist[~inside]) > 0.3  # the arm goes up as far as in the action
    assert set(stream.target[~inside]) <= {LABELS.target(REST), LABELS.target(ANYTHING)}


def test_a_hand_that_moves_is_not_yet_a_raised_one() -> None:
    moving, held = piece("raise_hand"), piece("raise_hand")
    held.motion.bones[:] = held.motion.bones[15]
    for one, doubt in ((moving, True), (held, False)):
        composer = Composer([one], LABELS, Composition(speed=(1.0, 1.0), pause=0.0, frozen=0.0))
        stream = composer.make(60, np.random.default_rng(0))
        inside = np.concatenate([stream.target[span.start : span.end] for span in stream.spans])
        assert (inside == LABELS.target(ANYTHING)).any() == doubt
        assert doubt or (inside == LABELS.target("raise_hand")).all()


def hurried(label: str, metres_a_second: float) -> Piece:
    """Somebody of the set whose people walk within their clips."""
    one = piece(label, source="nw_ucla")
    pelvis = one.motion.pelvis.copy()
    pelvis[:, 2] += np.arange(len(pelvis)) / one.rate * metres_a_second
    return replace(one, motion=Motion(one.motion.bones, pelvis.astype(np.float32)))


def test_somebody_else_does_the_same_with_other_proportions() -> None:
    positions = standing(60)
    positions[:, BODY.index["left_wrist"], 1] -= np.linspace(0, 0.5, 60, dtype=np.float32)
    confidence = np.ones((60, 13), np.float32)
    confidence[10:20, BODY.index["head"]] = 0
    stream = replace(make_stream(60), positions=positions, confidence=confidence)
    other = as_somebody_else(stream, np.random.default_rng(0))
    assert (other.target, other.spans) == (stream.target, stream.spans)
    assert (other.confidence == confidence).all()
    before, after = Motion.of(positions), Motion.of(other.positions)
    factors = after.lengths() / before.lengths()
    assert factors.std() > 0.03
    np.testing.assert_allclose(factors[[3, 4, 5, 11, 12, 13]], factors[[0, 1, 2, 8, 9, 10]], rtol=1e-3)
    cosines = (before.bones * after.bones).sum(-1) / np.linalg.norm(before.bones, axis=-1)
    np.testing.assert_allclose(cosines / np.linalg.norm(after.bones, axis=-1), 1.0, atol=1e-4)


def test_what_ships_is_trained_on_the_validation_subjects_too_and_never_on_test_subjects() -> None:
    pieces = [replace(piece("wave"), subject=subject) for subject in range(1, 9)]
    held, everybody = split_pieces(pieces), split_pieces(pieces, hold_out=False)
    assert {one.subject for one in held["train"]} == {1, 3, 5}
    assert {one.subject for one in held["val"]} == {one.subject for one in everybody["val"]} == {7}
    assert {one.subject for one in everybody["train"]} == {1, 3, 5, 7}
    assert {one.subject for one in everybody["test"]} == {2, 4, 6, 8}


class TestVirtualCamera:
    def test_points_lie_in_the_picture_where_they_are_seen(self) -> None:
        torch.manual_seed(0)
        positions = torch.from_numpy(standing(20))[None].expand(64, -1, -1, -1)
        points, confidence = VirtualCamera(shaken=0.0, noise=0.0)(positions, torch.ones(64, 20, 13))
        assert points.shape == (64, 20, 13, 2)
        assert points[..., 1][confidence > 0].abs().max() <= 0.5
        assert 0.4 < confidence.mean() < 1

    def test_a_standing_body_is_upright_and_facing(self) -> None:
        torch.manual_seed(1)
        positions = torch.from_numpy(standing(5))[None].expand(16, -1, -1, -1)
        camera = VirtualCamera(roll_deg=0.0, cropped=0.0, swapped=0.0, shaken=0.0, noise=0.0, pitch_deg=1.0)
        points, _ = camera(positions, torch.ones(16, 5, 13))
        assert (points[:, :, BODY.index["head"], 1] < points[:, :, BODY.index["left_hip"], 1]).all()
        left, right = (points[:, :, BODY.index[f"{side}_shoulder"], 0] for side in ("left", "right"))
        assert (left > right).all()

    def test_who_drives_up_to_somebody_sees_them_grow_and_never_comes_nearer_than_the_place(self) -> None:
        positions = torch.from_numpy(standing(60))[None].expand(64, -1, -1, -1)

        def heights(nearing: float) -> torch.Tensor:
            torch.manual_seed(2)
            camera = VirtualCamera(cropped=0.0, swapped=0.0, shaken=0.0, noise=0.0, nearing=nearing)
            points = camera(positions, torch.ones(64, 60, 13))[0][..., 1]
            return points.amax(dim=2) - points.amin(dim=2)

        still, driven = heights(0.0), heights(1.0)
        changes = driven.amax(dim=1) / driven.amin(dim=1)
        assert torch.allclose(still.amax(dim=1), still.amin(dim=1), rtol=1e-3)
        assert (changes > 1.3).float().mean() > 0.3
        assert torch.allclose(driven.amax(dim=1), still.amax(dim=1), rtol=0.02)


@pytest.mark.parametrize(("source", "known"), [("utkinect", False), ("precog", True)])
def test_hands_that_are_up_between_labels_are_nobodys_guess_where_people_try_out_what_comes(
    source: str, known: bool
) -> None:
    positions = np.zeros((60, 20, 3), np.float32)
    positions[..., 2] = 2.5
    joints = get_layout("kinect20")
    for joint, height in HEIGHTS.items():
        for number, name in enumerate(joints.joints):
            if name.endswith(joint):
                positions[:, number, :2] = ((1 if "left" in name else -1) * WIDTHS[joint], -height)
    positions[20:, joints.index["left_wrist"], 1] = -1.7
    truth = (Interval("waveHands" if source == "utkinect" else "left punch", 2.5, 3.5),)
    recording = ContinuousRecording(
        np.arange(60) / 15, positions, np.ones((60, 20), np.float32), truth, 1, source, "one"
    )
    stream = labelled(recording, LABELS, 0)
    between = LABELS.target(BETWEEN[source])
    assert (stream.target[:19] == between).all()
    assert (stream.target[22:36] == (between if known else LABELS.target(ANYTHING))).all()
    (span,) = stream.spans
    assert (stream.target[span.start : span.end] == span.label).all()


def test_a_clip_is_right_where_its_label_has_the_largest_sum_over_its_own_frames() -> None:
    still_frames = round(RATE_HZ)
    names = ("idle", "run", "wave")
    found = np.zeros((still_frames + 4, 3), np.float32)
    found[:still_frames, 0] = 1  # the second before the clip does not count
    found[still_frames:] = ((0.1, 0.5, 0.4),) * 4
    clips = [
        ClipStream(standing(len(found)), np.ones((len(found), 13), np.float32), label, "x") for label in ("jog", "wave")
    ]
    assert right_share(clips, [found, found], names) == 0.5


def test_clips_that_the_table_leaves_out_make_no_piece() -> None:
    from models.data.clips import Clip

    def clip(label: str) -> Clip:
        return Clip(standing(40), np.ones((40, 13), np.float32), 30.0, label, 1, "utd_mhad", label, layout=BODY)

    kept = pieces_of([clip("walk"), clip("pickup_throw")], LABELS)
    assert [one.label for one in kept] == ["walk"]


def test_a_recording_is_seen_at_three_speeds_and_in_a_mirror() -> None:
    rng = np.random.default_rng(0)
    target = np.full(60, LABELS.target("idle"))
    target[20:40] = LABELS.target("swipe_left")
    span = Span(20, 40, LABELS.classes.index("swipe_left"))
    stream = Stream(
        rng.normal(size=(60, 13, 3)).astype(np.float32), np.ones((60, 13), np.float32), target, (span,), "a"
    )
    seen = replays(stream, LABELS)
    assert [len(one) for one in seen] == 2 * [70, 59, 50]
    slow, same, fast, *mirrored = seen
    assert [(one.spans[0].start, one.spans[0].end) for one in (slow, same, fast)] == [(24, 47), (20, 40), (17, 34)]
    np.testing.assert_array_equal(same.positions, stream.positions[:-1])
    np.testing.assert_allclose(fast.positions[1], 0.82 * stream.positions[1] + 0.18 * stream.positions[2], atol=1e-6)
    swiped = {LABELS.classes[one.spans[0].label] for one in mirrored} | {
        LABELS.targets[one.target[25]] for one in mirrored
    }
    assert swiped == {"swipe_right"}
    np.testing.assert_array_equal(mirrored[1].positions[:, :, 0], -same.positions[:, list(BODY.mirror), 0])
    assert len(replays(stream, LABELS, mirrors=False)) == 3
