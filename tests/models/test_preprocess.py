"""The first part of every graph: where a body stands does not matter, and what was not seen cannot leak."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from csre_ros.skeleton import SkeletonLayout, get_layout
from csre_ros.skeleton.proportions import SEEN
from models.encoders import build_encoder
from models.network.input_stream import STREAMS, InputStream
from models.network.network import Network
from models.network.preprocess import PREPROCESSORS, UNIT, PartLocal, Plain, build_preprocess

BODY, KINECT = get_layout("body13"), get_layout("kinect20")
J = BODY.index
LEGS = [J[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")]
HIPS = [J["left_hip"], J["right_hip"]]
SHOULDERS = [J["left_shoulder"], J["right_shoulder"]]
UPPER = [i for i in range(len(BODY)) if i not in LEGS]
X, Y, Z, MASK = range(4)
HEIGHT = len(BODY)
B, T = 3, 8
MODULES = [PartLocal(BODY), Plain(BODY), Plain(KINECT)]
NAMES = ["part_local", "plain body13", "plain kinect20"]


def windows(joints: int = len(BODY), persons: int = 1) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(B, persons, T, joints, 3) * 0.4 + torch.tensor((0.3, 0.1, 2.5)), torch.ones(
        B, persons, T, joints
    )


def inputs(module: PartLocal | Plain) -> tuple[Tensor, Tensor]:
    return windows(len(BODY) if isinstance(module, PartLocal) else len(module.output_layout))


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_where_the_body_stands_does_not_matter(module: PartLocal | Plain) -> None:
    positions, confidence = inputs(module)
    moved = positions + torch.tensor((1.0, -0.5, 3.0))
    torch.testing.assert_close(module(moved, confidence), module(positions, confidence), atol=1e-5, rtol=0)


def test_nor_where_it_walks() -> None:
    """Sideways and in depth: every frame is measured from its own chest and pelvis."""
    positions, confidence = windows()
    path = torch.randn(B, 1, T, 1, 3) * torch.tensor((1.0, 0.0, 1.0))
    expected = MODULES[0](positions, confidence)
    torch.testing.assert_close(MODULES[0](positions + path, confidence), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), -1e30])
def test_what_was_not_seen_cannot_leak(module: PartLocal | Plain, garbage: float) -> None:
    """Bit for bit the same whatever stands where nothing was seen, whether roots and shoulders are among it or not."""
    positions, confidence = inputs(module)
    confidence = torch.where(torch.rand_like(confidence) < 0.4, 0.9 * SEEN * torch.rand_like(confidence), confidence)
    hidden = (confidence < SEEN)[..., None]
    zeros, filled = positions.masked_fill(hidden, 0.0), positions.masked_fill(hidden, garbage)
    found = module(filled, confidence)
    assert found.isfinite().all()
    assert torch.equal(found, module(zeros, confidence))


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_nobody_seen_is_all_zeros(module: PartLocal | Plain) -> None:
    positions, confidence = inputs(module)
    assert (module(positions * torch.nan, confidence * 0) == 0).all()


@pytest.mark.parametrize("persons", [1, 2])
@pytest.mark.parametrize(
    ("module", "channels", "points"), [(MODULES[0], 4, 14), (MODULES[1], 3, 13), (MODULES[2], 3, 20)]
)
def test_shapes(module: PartLocal | Plain, channels: int, points: int, persons: int) -> None:
    found = module(*windows(20 if module is MODULES[2] else 13, persons))
    assert found.shape == (B, channels, T, points, persons)
    assert (module.channels, len(module.output_layout)) == (channels, points)


def test_arms_from_the_chest_and_legs_from_the_pelvis() -> None:
    positions, confidence = windows()
    found = MODULES[0](positions, confidence)[..., 0]
    for joints, origin in ((UPPER, SHOULDERS), (LEGS, HIPS)):
        expected = (positions[:, 0, :, joints] - positions[:, 0, :, origin].mean(2, keepdim=True)) / UNIT[3]
        torch.testing.assert_close(found[:, :3, :, joints], expected.permute(0, 3, 1, 2), atol=1e-5, rtol=0)
    assert (found[:, MASK] == 1).all()


@pytest.mark.parametrize("lost", [0, 1])
def test_one_shoulder_is_enough(lost: int) -> None:
    positions, confidence = windows()
    confidence[..., SHOULDERS[lost]] = 0
    found = MODULES[0](positions, confidence)[..., 0]
    expected = (positions[:, 0, :, J["head"]] - positions[:, 0, :, SHOULDERS[1 - lost]]) / UNIT[3]
    torch.testing.assert_close(found[:, :3, :, J["head"]], expected.permute(0, 2, 1), atol=1e-5, rtol=0)
    assert (found[:, :, :, SHOULDERS[lost]] == 0).all()


def test_without_shoulders_the_upper_body_is_unknown() -> None:
    """And the legs are not touched by it."""
    positions, confidence = windows()
    expected = MODULES[0](positions, confidence)
    confidence[:, :, 2, SHOULDERS] = 0
    found = MODULES[0](positions, confidence)
    assert (found[:, :, 2, [*UPPER, HEIGHT]] == 0).all()
    torch.testing.assert_close(found[:, :, 2, LEGS], expected[:, :, 2, LEGS])
    others = [t for t in range(T) if t != 2]
    torch.testing.assert_close(found[:, :, others, :HEIGHT], expected[:, :, others, :HEIGHT])
    assert (found[:, MASK, others] == 1).all()


def test_without_hips_the_legs_are_unknown() -> None:
    positions, confidence = windows()
    confidence[:, :, 2, HIPS] = 0
    found = MODULES[0](positions, confidence)
    assert (found[:, :, 2, [*LEGS, *HIPS]] == 0).all()
    seen = [i for i in UPPER if i not in HIPS]
    assert (found[:, MASK, 2][:, seen] == 1).all()


def test_the_height_point_follows_the_shoulders() -> None:
    """Positive while they are lower than on average (y points down), in units of a forearm."""
    positions, confidence = windows()
    positions[..., SHOULDERS, 1] = 0.0
    squat = torch.tensor((0, 0, 0.1, 0.3, 0.5, 0.3, 0.1, 0.1))[None, None, :, None]
    positions[..., 1] += squat
    found = MODULES[0](positions, confidence)[..., HEIGHT, 0]
    expected = (squat[0, 0, :, 0] - squat.mean()) / UNIT[3]
    torch.testing.assert_close(found[:, Y], expected.expand(B, T), atol=1e-5, rtol=0)
    assert (found[:, X] == 0).all()
    assert (found[:, Z] == 0).all()
    assert (found[:, MASK] == 1).all()
    assert found[0, Y, 4] > 0 > found[0, Y, 0]


def test_the_mean_height_is_that_of_frames_with_shoulders() -> None:
    positions, confidence = windows()
    positions[..., SHOULDERS, 1] = torch.arange(T, dtype=torch.float32)[:, None] * 0.1
    confidence[:, :, 4:, SHOULDERS] = 0
    rise = MODULES[0](positions, confidence)[:, Y, :, HEIGHT, 0]
    torch.testing.assert_close(rise[:, :4] * UNIT[3], torch.tensor((-0.15, -0.05, 0.05, 0.15)).expand(B, 4))
    assert (rise[:, 4:] == 0).all()


def test_the_height_point_hangs_on_the_root() -> None:
    layout = MODULES[0].output_layout
    assert layout.joints == (*BODY.joints, "height")
    assert ("height", BODY.root) in layout.bones


def test_the_threshold_of_seen() -> None:
    positions, confidence = windows()
    confidence[:, :, 0, J["head"]], confidence[:, :, 1, J["head"]] = SEEN, SEEN - 0.01
    mask = MODULES[0](positions, confidence)[:, MASK, :, J["head"], 0]
    assert (mask[:, 0] == 1).all()
    assert (mask[:, 1] == 0).all()


def test_plain_keeps_the_distance_of_two_people() -> None:
    """Both are measured from the first person's root in the first frame."""
    positions, confidence = windows(20, persons=2)
    found = MODULES[2](positions, confidence)
    root = KINECT.index[KINECT.root]
    assert (found[:, :, 0, root, 0] == 0).all()
    expected = positions - positions[:, :1, :1, root : root + 1]
    torch.testing.assert_close(found, expected.permute(0, 4, 2, 3, 1))


def test_plain_measures_from_the_first_root_that_was_seen() -> None:
    """Clips that begin with empty frames are centred like all others."""
    positions, confidence = windows(20)
    late = confidence.clone()
    late[0, :, :3] = 0  # the first clip only
    found = MODULES[2](positions.masked_fill(late[..., None] == 0, torch.nan), late)
    root = KINECT.index[KINECT.root]
    assert (found[0, :, :3] == 0).all()
    assert (found[0, :, 3, root] == 0).all()
    expected = positions[0, 0, 3:] - positions[0, 0, 3, root]
    torch.testing.assert_close(found[0, :, 3:, :, 0], expected.permute(2, 0, 1))
    torch.testing.assert_close(found[1:], MODULES[2](positions, confidence)[1:])


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown preprocess 'centre'; choose one of: part_local, plain"):
        build_preprocess("centre", BODY)


@pytest.mark.parametrize(("layout", "centre"), [("ntu25", "spine_mid"), ("body13", BODY.root)])
def test_every_frame_is_centred_on_the_first_person(layout: str, centre: str) -> None:
    """As in HCN's reproduction; where that joint is not seen, the frame stays."""
    module = build_preprocess("frame_centred", get_layout(layout))
    joint = get_layout(layout).index[centre]
    positions, confidence = windows(len(get_layout(layout)), persons=2)
    confidence[0, 0, 3, joint] = 0
    found = module(positions, confidence).permute(0, 4, 2, 3, 1)
    expected = positions - positions[:, :1, :, joint : joint + 1]
    expected[0, :, 3] = positions[0, :, 3]
    expected[0, 0, 3, joint] = 0
    torch.testing.assert_close(found, expected)
    path = torch.randn(B, 1, T, 1, 3)
    whole = torch.ones_like(confidence)
    torch.testing.assert_close(module(positions + path, whole), module(positions, whole), atol=1e-5, rtol=1e-4)


# --- image points ---

FLAT_BODY = SkeletonLayout("flat13", BODY.joints, BODY.bones, BODY.root, BODY.parts, dims=2)


def flat_windows() -> tuple[Tensor, Tensor]:
    positions, confidence = windows()
    return positions[..., :2], torch.where(torch.rand_like(confidence) < 0.3, 0.0, confidence)


@pytest.mark.parametrize("name", PREPROCESSORS)
def test_two_coordinates_are_three_without_the_depth(name: str) -> None:
    """Nothing asks for a depth: what is there is, up to the unit, what is there of a body in space."""
    flat, confidence = flat_windows()
    deep = torch.cat((flat, torch.full_like(flat[..., :1], 2.5)), dim=-1)
    thin, thick = build_preprocess(name, FLAT_BODY), build_preprocess(name, BODY)
    found, expected = thin(flat, confidence), thick(deep, confidence)
    assert (thin.channels, thick.channels - 1) == (found.shape[1], found.shape[1])
    assert thin.output_layout.dims == 2
    without_depth = expected[:, [channel for channel in range(expected.shape[1]) if channel != Z]]
    if name == "part_local":
        without_depth[:, :2] *= UNIT[3] / UNIT[2]
    torch.testing.assert_close(found, without_depth)


def test_motion_and_bones_of_image_points() -> None:
    flat, confidence = flat_windows()
    module = build_preprocess("plain", FLAT_BODY)
    seen = (confidence >= SEEN).float().permute(0, 2, 3, 1)[:, None]
    for name in STREAMS:
        found = InputStream(name, FLAT_BODY, relative=True)(module(flat, confidence), seen)
        assert found.shape == (B, 2, T, len(BODY), 1)
        assert found.abs().sum() > 0


def test_a_network_of_image_points() -> None:
    flat, confidence = flat_windows()
    front = build_preprocess("part_local", FLAT_BODY)
    encoder = build_encoder("ctrgcn", 4, front.output_layout, in_channels=front.channels, time_steps=T)
    logits, embedding = Network(front, encoder).eval()(flat, confidence)
    assert logits.shape == (B, 4)
    assert embedding.isfinite().all()
