"""Streams against their definition, joint by joint, and their place in the exported graph."""

from __future__ import annotations

import io

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from csre_ros.skeleton import get_layout
from models.encoders import Encoder, build_encoder
from models.encoders.base import EncoderOutput
from models.network.input_stream import STREAMS, InputStream
from models.network.network import Network
from models.network.preprocess import Given, UnitBox, build_preprocess

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
    bones, measured = (InputStream("bone", get_layout(layout), relative=flag)(x, seen) for flag in (False, True))
    assert len(pairs) == x.shape[3] - 1
    for child, parent in pairs:
        torch.testing.assert_close(bones[:, :, :, child - 1], x[:, :, :, child - 1] - x[:, :, :, parent - 1])
        assert torch.equal(bones[:, :, :, child - 1], measured[:, :, :, child - 1])
    assert (bones[:, :, :, root - 1] == 0).all()
    assert torch.equal(measured[:, :, :, root - 1], x[:, :, :, root - 1])


def test_joints_pass_or_are_measured_from_the_root() -> None:
    layout = get_layout("ntu25")
    x, seen = clip(25)
    torch.testing.assert_close(InputStream("joint", layout)(x, seen), x)
    relative = InputStream("joint", layout, relative=True)(x, seen)
    torch.testing.assert_close(relative[:, :, :, 20], x[:, :, :, 20])
    torch.testing.assert_close(relative[:, :, :, 5], x[:, :, :, 5] - x[:, :, :, 20])


@pytest.mark.parametrize("kind", ["joint", "bone"])
def test_motion_is_the_step_to_the_next_frame(kind: str) -> None:
    layout = get_layout("kinect20")
    x, seen = clip(20)
    still = InputStream(kind, layout, relative=True)(x, seen)
    motion = InputStream(f"{kind}_motion", layout, relative=True)(x, seen)
    torch.testing.assert_close(motion[:, :, :-1], still[:, :, 1:] - still[:, :, :-1])
    assert (motion[:, :, -1] == 0).all()


def test_what_hangs_on_an_unseen_joint_is_zero() -> None:
    """The left elbow (5) is unseen in frame 2: so are its bone, the wrist's bone (6), and both motions around it."""
    layout = get_layout("kinect20")
    x, seen = clip(20)
    x[:, :, 2, 5] = 0
    seen[:, :, 2, 5] = 0
    bone = InputStream("bone", layout)(x, seen)
    assert (bone[:, :, 2, 5:7] == 0).all()
    assert (bone[:, :, 2, 7] != 0).all()
    for stream in ("joint_motion", "bone_motion"):
        motion = InputStream(stream, layout)(x, seen)
        assert (motion[:, :, 1:3, 5] == 0).all()
        assert (motion[:, :, (0, 3), 5] != 0).all()


def test_an_absent_person_stays_zero() -> None:
    layout = get_layout("ntu25")
    x, seen = clip(25)
    x[..., 1] = 0
    seen[..., 1] = 0
    for stream in STREAMS:
        assert (InputStream(stream, layout, relative=True)(x, seen)[..., 1] == 0).all()


def test_unknown_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown stream 'motion'; choose one of: joint, bone, joint_motion"):
        InputStream("motion", get_layout("ntu25"))


# --- the preprocessing of the published protocols ---


def windows(joints: int = 20, persons: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(3, persons, 8, joints, 3, generator=generator) + torch.tensor((0.3, -0.2, 2.5))
    return positions, torch.ones(3, persons, 8, joints)


def test_given_changes_nothing_but_the_order_of_axes() -> None:
    positions, confidence = windows(25, 2)
    confidence[:, 1] = 0
    found = Given(get_layout("ntu25"))(positions, confidence)
    torch.testing.assert_close(found[..., 0], positions[:, 0].permute(0, 3, 1, 2))
    assert (found[..., 1] == 0).all()


def test_unit_box_is_the_published_scaling() -> None:
    positions, confidence = windows()
    found = UnitBox(get_layout("kinect20"))(positions, confidence)[..., 0]
    for clip, box in zip(positions[:, 0].numpy(), found.numpy(), strict=True):
        low, high = clip.min((0, 1)), clip.max((0, 1))
        np.testing.assert_allclose(box.transpose(1, 2, 0), 2 * (clip - low) / (high - low) - 1, atol=1e-5)


def test_unit_box_undoes_centring_and_scaling() -> None:
    positions, confidence = windows()
    box = UnitBox(get_layout("kinect20"))
    moved = 1.3 * (positions - positions[:, :, :1, 1:2])
    torch.testing.assert_close(box(moved, confidence), box(positions, confidence), atol=1e-5, rtol=0)


def test_unit_box_measures_what_is_seen() -> None:
    positions, confidence = windows()
    confidence[0, 0, 3, 7] = 0
    filled = positions.clone()
    filled[0, 0, 3, 7] = torch.nan
    box = UnitBox(get_layout("kinect20"))
    found = box(filled, confidence)
    assert (found[0, :, 3, 7] == 0).all()
    assert found.isfinite().all()
    filled[0, 0, 3, 7] = 1e9
    assert torch.equal(box(filled, confidence), found)
    assert (box(positions, confidence * 0) == 0).all()


def test_a_constant_axis_becomes_zero() -> None:
    """A flat recording, and a clip of one point."""
    positions, confidence = windows()
    positions[0, ..., 2] = 2.5
    positions[1] = 1.0
    found = UnitBox(get_layout("kinect20"))(positions, confidence)
    assert (found[0, 2] == 0).all()
    assert found[0, :2].abs().amax() == pytest.approx(1.0, abs=1e-5)
    assert (found[1] == 0).all()


# --- in the graph ---


class Linear(Encoder):
    """The shortest that can stand behind a stream: all that it gets counts."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_shape, self.embedding_dim = (3, 16, 20), 3 * 16 * 20
        self.classifier = torch.nn.Linear(self.embedding_dim, 5)

    def forward(self, x: Tensor) -> EncoderOutput:
        return EncoderOutput(self.classifier(x.flatten(1)), x[..., 0], x.flatten(1))


class Both(Linear):
    """One that gets the joints beside the stream, as BlockGCN does."""

    wants_joints = True

    def forward(self, x: Tensor, joints: Tensor | None = None) -> EncoderOutput:
        assert joints is not None
        return super().forward(x + 0.5 * joints.square())


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "stream"), [*((Linear, stream) for stream in STREAMS), (Both, "bone_motion")])
def test_streams_are_inside_the_exported_graph(encoder: type[Encoder], stream: str) -> None:
    torch.manual_seed(0)
    layout = get_layout("kinect20")
    front = build_preprocess("unit_box", layout)
    body = encoder()
    network = Network(front, body, InputStream(stream, layout, relative=True)).eval()
    positions, confidence = torch.randn(3, 1, 16, 20, 3), torch.ones(3, 1, 16, 20)
    confidence[0, 0, 5:9, 3] = 0
    with torch.no_grad():
        expected = network(positions, confidence)[0]
    batch = torch.export.Dim("batch", min=1)
    program = torch.onnx.export(
        network, (positions[:2], confidence[:2]), input_names=["positions", "confidence"],
        dynamic_shapes=({0: batch}, {0: batch}), dynamo=True, verbose=False,
    )  # fmt: skip
    assert program is not None
    file = io.BytesIO(program.model_proto.SerializeToString())
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"positions": positions.numpy(), "confidence": confidence.numpy()})[0]
    assert np.abs(found - expected.numpy()).max() < 1e-4 * expected.abs().max()


def test_the_topology_code_sees_joints_behind_every_stream() -> None:
    """BlockGCN's code comes from the joints, whatever the stream is: without it, equal bones mean equal scores."""
    torch.manual_seed(0)
    layout = get_layout("kinect20")
    encoder = build_encoder("blockgcn", 5, layout, time_steps=8, persons=1).eval()
    network = Network(Given(layout), encoder, InputStream("joint_motion", layout)).eval()
    positions, confidence = torch.randn(1, 1, 8, 20, 3), torch.ones(1, 1, 8, 20)
    joints = positions.permute(0, 4, 2, 3, 1)
    motion = network.stream(joints, torch.ones(1, 1, 8, 20, 1))  # type: ignore[misc]
    with torch.no_grad():
        found, _ = network(positions, confidence)
        torch.testing.assert_close(found, encoder(motion, joints).logits)
        assert (found - encoder(motion).logits).abs().max() > 1e-3 * found.abs().max()
