"""Streams against their definition, joint by joint, and their place in the exported graph."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from csre_ros.skeleton import get_layout
from models.streams import STREAMS, Stream

# 1-based child-parent pairs of the published bone streams.
NTU_PAIRS = (
    (1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9), (11, 10), (12, 11), (13, 1),
    (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19), (22, 23), (23, 8), (24, 25), (25, 12),
)  # fmt: skip
UCLA_PAIRS = (
    (1, 2), (2, 3), (4, 3), (5, 3), (6, 5), (7, 6), (8, 7), (9, 3), (10, 9), (11, 10), (12, 11), (13, 1), (14, 13),
    (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19),
)  # fmt: skip


def clip(joints: int, persons: int = 2) -> tuple[Tensor, Tensor]:
    x = torch.randn(2, 3, 6, joints, persons, generator=torch.Generator().manual_seed(0))
    return x, torch.ones(2, 1, 6, joints, persons)


@pytest.mark.parametrize(("layout", "pairs", "root"), [("ntu25", NTU_PAIRS, 21), ("kinect20", UCLA_PAIRS, 3)])
def test_bones_are_the_published_pairs(layout: str, pairs: tuple[tuple[int, int], ...], root: int) -> None:
    x, seen = clip(len(get_layout(layout)))
    bones = Stream("bone", get_layout(layout))(x, seen)
    assert len(pairs) == x.shape[3] - 1
    for child, parent in pairs:
        torch.testing.assert_close(bones[:, :, :, child - 1], x[:, :, :, child - 1] - x[:, :, :, parent - 1])
    torch.testing.assert_close(bones[:, :, :, root - 1], x[:, :, :, root - 1])


def test_joints_pass_or_are_measured_from_the_root() -> None:
    layout = get_layout("ntu25")
    x, seen = clip(25)
    assert Stream("joint", layout)(x, seen) is x
    relative = Stream("joint", layout, relative=True)(x, seen)
    torch.testing.assert_close(relative[:, :, :, 20], x[:, :, :, 20])
    torch.testing.assert_close(relative[:, :, :, 5], x[:, :, :, 5] - x[:, :, :, 20])
    for stream in ("bone", "bone_motion"):
        ordinary, measured = (Stream(stream, layout, relative=flag)(x, seen) for flag in (False, True))
        torch.testing.assert_close(ordinary, measured)


@pytest.mark.parametrize("kind", ["joint", "bone"])
def test_motion_is_the_step_to_the_next_frame(kind: str) -> None:
    layout = get_layout("kinect20")
    x, seen = clip(20)
    still = Stream(kind, layout, relative=True)(x, seen)
    motion = Stream(f"{kind}_motion", layout, relative=True)(x, seen)
    torch.testing.assert_close(motion[:, :, :-1], still[:, :, 1:] - still[:, :, :-1])
    assert (motion[:, :, -1] == 0).all()


def test_what_hangs_on_an_unseen_joint_is_zero() -> None:
    """The left elbow (5) is unseen in frame 2: so are its bone, the wrist's bone (6), and both motions around it."""
    layout = get_layout("kinect20")
    x, seen = clip(20)
    x[:, :, 2, 5] = 0
    seen[:, :, 2, 5] = 0
    bone = Stream("bone", layout)(x, seen)
    assert (bone[:, :, 2, 5:7] == 0).all()
    assert (bone[:, :, 2, 7] != 0).all()
    for stream in ("joint_motion", "bone_motion"):
        motion = Stream(stream, layout)(x, seen)
        assert (motion[:, :, 1:3, 5] == 0).all()
        assert (motion[:, :, (0, 3), 5] != 0).all()


def test_an_absent_person_stays_zero() -> None:
    layout = get_layout("ntu25")
    x, seen = clip(25)
    x[..., 1] = 0
    seen[..., 1] = 0
    for stream in STREAMS:
        assert (Stream(stream, layout, relative=True)(x, seen)[..., 1] == 0).all()


def test_unknown_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown stream 'motion'; choose one of: joint, bone, joint_motion"):
        Stream("motion", get_layout("ntu25"))
