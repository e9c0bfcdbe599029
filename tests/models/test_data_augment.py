"""Augmentation on the device: what it may change and what it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.data.augment import Augmentation, rotation_matrices
from models.data.synthesis import BODY, arm, hips, legs

B, T, V = 64, 20, len(BODY)
NOTHING = Augmentation(0, 0, 0, (1, 1), 0, (1, 1), 0, 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def windows() -> tuple[Tensor, Tensor]:
    """Bodies of random shape that walk through the room."""
    pose, walk = torch.randn(B, 1, V, 3) * 0.4, torch.randn(B, T, 1, 3).cumsum(1) * 0.05
    return pose + 0.02 * torch.randn(B, T, V, 3) + walk + torch.tensor((0.0, 0.0, 2.5)), torch.ones(B, T, V)


def root(positions: Tensor) -> Tensor:
    return positions[:, :, hips()].mean(2, keepdim=True)


def distances(positions: Tensor) -> Tensor:
    """``[B, T, V, V]`` between joints."""
    return torch.cdist(positions, positions)


KEEP = torch.zeros(B, dtype=torch.bool)


def test_ranges_of_nothing_change_nothing() -> None:
    positions, confidence = windows()
    found, seen = NOTHING(positions, confidence, KEEP)
    torch.testing.assert_close(found, positions, atol=1e-5, rtol=0)
    assert torch.equal(seen, confidence)


def test_rotation_is_rigid_and_leaves_the_pelvis() -> None:
    positions, confidence = windows()
    found, _ = replace(NOTHING, yaw_deg=40, pitch_deg=17, roll_deg=6)(positions, confidence, KEEP)
    torch.testing.assert_close(distances(found), distances(positions), atol=1e-4, rtol=0)
    torch.testing.assert_close(root(found), root(positions), atol=1e-4, rtol=0)
    moved = (found - positions).abs().amax((1, 2, 3))
    assert moved.median() > 0.1


def test_rotation_is_the_same_in_all_frames() -> None:
    positions, confidence = windows()
    positions = positions[:, :1].expand(-1, T, -1, -1)
    found, _ = replace(NOTHING, yaw_deg=40, pitch_deg=17, roll_deg=6)(positions, confidence, KEEP)
    torch.testing.assert_close(found, found[:, :1].expand_as(found), atol=1e-5, rtol=0)


def test_angles_turn_the_way_their_names_say() -> None:
    quarter, none = torch.tensor([torch.pi / 2]), torch.zeros(1)
    x, y, z = torch.eye(3)
    for angles, before, after in (
        ((quarter, none, none), z, x),  # yaw: what was ahead is at the right
        ((none, quarter, none), y, z),  # pitch: what was below is ahead
        ((none, none, quarter), x, y),  # roll: what was at the right is below
    ):
        torch.testing.assert_close(rotation_matrices(*angles)[0] @ before, after, atol=1e-6, rtol=0)
    many = rotation_matrices(*torch.rand(3, 50))
    torch.testing.assert_close(many @ many.transpose(1, 2), torch.eye(3).expand(50, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(many), torch.ones(50))


def test_depth_and_size() -> None:
    positions, confidence = windows()
    body = positions - root(positions)
    deep, _ = replace(NOTHING, depth=(0.37, 1.65), depth_share=1.0)(positions, confidence, KEEP)
    deep = deep - root(deep)
    torch.testing.assert_close(deep[..., :2], body[..., :2], atol=1e-4, rtol=0)
    factor = (deep[..., 2] / body[..., 2]).flatten(1).median(1).values
    assert 0.37 <= factor.min() < 0.5
    assert 1.4 < factor.max() <= 1.65
    torch.testing.assert_close(deep[..., 2], body[..., 2] * factor[:, None, None], atol=1e-3, rtol=0)
    large, _ = replace(NOTHING, size=(0.8, 1.15))(positions, confidence, KEEP)
    scale = (distances(large)[:, :, 0, 7] / distances(positions)[:, :, 0, 7]).mean(1)
    assert 0.8 <= scale.min() < 0.86
    assert 1.1 < scale.max() < 1.151
    torch.testing.assert_close(distances(large), distances(positions) * scale[:, None, None, None], atol=1e-3, rtol=0)
    torch.testing.assert_close(root(large), root(positions), atol=1e-4, rtol=0)


def test_noise_has_the_size_that_was_asked_for() -> None:
    positions, confidence = windows()
    found, _ = replace(NOTHING, noise_m=0.02)(positions, confidence, KEEP)
    deviation = (found - positions).flatten(1).std(1)
    assert deviation.max() < 0.022
    assert 0.006 < deviation.mean() < 0.014  # uniform in 0..0.02


def test_every_joint_wanders_slowly_for_itself_and_most_along_the_view() -> None:
    positions, confidence = windows()
    found, _ = replace(NOTHING, wobble_m=0.02, wobble_depth_m=0.06)(positions, confidence, KEEP)
    off = found - positions
    across, along = off[..., :2].std(), off[..., 2].std()
    assert 0.005 < across < 0.014  # the largest deviation is drawn from 0..0.02, and lines between knots are flatter
    assert 2 * across < along < 4 * across
    steps = (off[:, 1:] - off[:, :-1]).std()
    assert steps < off.std() / 2  # no jumps from frame to frame
    assert off.std(dim=2).min() > 0  # no two joints alike


def test_drift_moves_the_whole_body() -> None:
    positions, confidence = windows()
    found, _ = replace(NOTHING, drift_m=0.03)(positions, confidence, KEEP)
    shift = found - positions
    torch.testing.assert_close(shift, shift[:, :, :1].expand_as(shift), atol=1e-5, rtol=0)
    assert 0.001 < shift[:, -1, 0].std() < 0.05


def test_a_locked_pelvis_stays_in_its_first_place() -> None:
    positions, confidence = windows()
    found, _ = replace(NOTHING, locked_share=1.0)(positions, confidence, KEEP)
    torch.testing.assert_close(root(found), root(positions)[:, :1].expand(-1, T, -1, -1), atol=1e-4, rtol=0)
    torch.testing.assert_close(found - root(found), positions - root(positions), atol=1e-4, rtol=0)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_shares(share: float) -> None:
    positions, confidence = windows()
    found, _ = replace(NOTHING, locked_share=share)(positions, confidence, KEEP)
    locked = (root(found) - root(found)[:, :1]).abs().amax((1, 2, 3)) < 1e-4
    assert abs(locked.float().mean() - share) < 4 * (share * (1 - share) / B) ** 0.5 + 1e-6


def test_legs_vanish_only_where_the_label_can_do_without() -> None:
    positions, confidence = windows()
    keeps = torch.arange(B) % 2 == 0
    _, seen = replace(NOTHING, no_legs=1.0)(positions, confidence, keeps)
    assert (seen[keeps] == 1).all()
    assert (seen[~keeps][:, :, legs()] == 0).all()
    hips_seen = seen[~keeps][:, :, hips()].amax((1, 2))
    assert 0 < hips_seen.sum() < len(hips_seen)  # half of those lose their hips as well
    upper = [i for i in range(V) if i not in (*legs(), *hips())]
    assert (seen[:, :, upper] == 1).all()


def test_a_lost_arm_keeps_its_shoulder() -> None:
    positions, confidence = windows()
    _, seen = replace(NOTHING, no_arm=2.0)(positions, confidence, KEEP)  # half of it for each side: both
    for side in ("left", "right"):
        assert (seen[:, :, arm(side)[1:]] == 0).all()
        assert (seen[:, :, arm(side)[0]] == 1).all()
    _, seen = replace(NOTHING, no_arm=0.5)(positions, confidence, KEEP)
    lost = [(seen[:, :, arm(side)[1:]] == 0).all(2).all(1) for side in ("left", "right")]
    assert all(4 < rows.sum() < 32 for rows in lost)


def test_holes_are_stretches_of_single_joints() -> None:
    positions, confidence = windows()
    _, seen = replace(NOTHING, holes=1.0)(positions, confidence, KEEP)
    hidden = seen == 0
    per_joint = hidden.any(1)
    assert 0.05 < per_joint.float().mean() < 0.2  # a fifth of the joints, some of whose holes lie before the window
    assert hidden.sum(1).max() <= T // 2
    changes = (hidden[:, 1:] != hidden[:, :-1]).sum(1)
    assert changes.max() <= 2  # one stretch per joint


def test_confidence_only_shrinks_and_the_input_is_left_alone() -> None:
    positions, _ = windows()
    confidence = torch.rand(B, T, V)
    before = positions.clone(), confidence.clone()
    found, seen = Augmentation()(positions, confidence, KEEP)
    assert (seen <= confidence).all()
    assert (seen < confidence).any()
    assert ((seen == confidence) | (seen == 0)).all()
    assert torch.equal(positions, before[0])
    assert torch.equal(confidence, before[1])
    assert (found.shape, seen.shape) == ((B, T, V, 3), (B, T, V))
    assert found.dtype == seen.dtype == torch.float32
    assert found.isfinite().all()
