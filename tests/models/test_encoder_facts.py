"""What must hold for any weights or for fresh ones: independence, symmetry, reach in time, attention."""

from math import ceil

import pytest
import torch
from torch import Tensor

from csre_ros.skeleton import SkeletonLayout, get_layout
from models.encoders import ENCODERS, Encoder, build_encoder
from models.encoders.agcn import AdaptiveGraphConv
from models.encoders.blockgcn import BlockGraphConv
from models.encoders.ctrgcn import ChannelTopologyConv
from models.encoders.graph import hop_distances, joint_groups, spatial_partition
from models.encoders.hyperformer import HypergraphAttention

GRAPH_ENCODERS = ["agcn", "ctrgcn", "hyperformer", "blockgcn"]
BODY = get_layout("body13")
STAR = SkeletonLayout("star", tuple("abcd"), (("b", "a"), ("c", "b"), ("d", "b")), "a", {"all": tuple("abcd")})


def fresh(name: str, layout: SkeletonLayout = BODY, T: int = 16, **options) -> Encoder:
    torch.manual_seed(0)
    return build_encoder(name, 5, layout, time_steps=T, **options).double().eval()


def stirred(name: str, layout: SkeletonLayout = BODY, T: int = 16, **options) -> Encoder:
    """An encoder with arbitrary weights everywhere and batch norms that have seen data."""
    encoder = fresh(name, layout, T, **options).train()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for _ in range(3):
            encoder(clips(8, T, layout, getattr(encoder, "persons", 1)))
    return encoder.eval()


def clips(N: int, T: int = 16, layout: SkeletonLayout = BODY, M: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(N, 3, T, len(layout), M, dtype=torch.float64, generator=generator)


def frame_local(name: str, T: int) -> Encoder:
    """A fresh encoder whose spatial part looks at one frame at a time."""
    encoder = fresh(name, STAR, T, **({"topology": False} if name == "blockgcn" else {}))
    if name == "agcn":
        for block in encoder.blocks:
            torch.nn.init.zeros_(block.spatial.embed.weight)
    return encoder


def assert_same(one: Tensor, other: Tensor, relative: float) -> None:
    assert float((one - other).detach().abs().max()) <= relative * float(other.detach().abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_clips_do_not_see_each_other(name):
    encoder, x = stirred(name, persons=2), clips(4, M=2)
    x[2] *= 50
    together = encoder(x).logits
    for i in range(4):
        assert_same(encoder(x[i : i + 1]).logits, together[i : i + 1], 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_person_order_matters_only_through_the_data_norm(name):
    encoder, x = fresh(name, persons=2), clips(3, M=2)
    assert_same(encoder(x.flip(-1)).logits, encoder(x).logits, 1e-9)
    if name != "hcn":
        encoder.data_norm.norm.running_mean.add_(torch.linspace(0, 1, encoder.data_norm.norm.num_features))
        assert not torch.allclose(encoder(x.flip(-1)).logits, encoder(x).logits, rtol=1e-3)


@pytest.mark.parametrize("name", ["agcn", "ctrgcn"])
@torch.no_grad()
def test_an_absent_person_halves_the_fresh_feature(name):
    two, one = fresh(name, persons=2), fresh(name, persons=1)
    one.blocks.load_state_dict(two.blocks.state_dict())
    x = clips(2, M=2)
    x[..., 1] = 0
    torch.testing.assert_close(two(x).embedding, one(x[..., :1]).embedding / 2)


@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_all_zero_clip_gives_the_classifier_bias(name):
    encoder = fresh(name)
    logits = encoder(torch.zeros_like(clips(1))).logits[0]
    assert logits.isfinite().all()
    # Joint embeddings and the bias of the attention's projection speak up even for nothing.
    assert torch.equal(logits, encoder.classifier.bias) == (name in ("hcn", "agcn", "ctrgcn"))


@pytest.mark.slow
@pytest.mark.parametrize("name", GRAPH_ENCODERS)
def test_temporal_reach_is_76_frames(name):
    encoder = frame_local(name, 401)
    x = clips(1, 401, STAR).requires_grad_()
    (gradient,) = torch.autograd.grad(encoder(x).features[:, :, 50].sum(), x)
    touched = gradient.abs().amax((0, 1, 3, 4)).nonzero().flatten()
    assert (int(touched.min()), int(touched.max())) == (200 - 76, 200 + 76)


@pytest.mark.parametrize("name", GRAPH_ENCODERS)
@torch.no_grad()
def test_four_frames_are_one_output(name):
    encoder, x = frame_local(name, 196), clips(1, 200, STAR)
    early, late = encoder(x[:, :, :-4]).features, encoder(x[:, :, 4:]).features
    inside = slice(19, ceil(196 / 4) - 20)
    assert_same(late[:, :, inside], early[:, :, 20 : inside.stop + 1], 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["agcn", "ctrgcn", "blockgcn"])
def test_sample_dependent_graphs_see_every_frame(name):
    encoder = stirred(name, STAR, 161)
    x = clips(1, 161, STAR)
    other = x.clone()
    other[:, :, 0] *= 5
    with torch.no_grad():
        assert float((encoder(x).features - encoder(other).features)[:, :, 40].abs().max()) > 1e-6


@pytest.mark.slow
@torch.no_grad()
def test_overlap_of_two_windows_shrinks_from_block_to_block():
    encoder, x = stirred("hyperformer", STAR, 64), clips(1, 68, STAR)
    early, late = (encoder.data_norm(window.squeeze(-1)) for window in (x[:, :, :-4], x[:, :, 4:]))
    equal = []
    for block, shift in zip(encoder.blocks, [4] * 4 + [2] * 3, strict=False):
        early, late = block(early), block(late)
        same = (early[:, :, shift:] - late[:, :, :-shift]).abs().amax((0, 1, 3)) < 1e-9 * early.abs().max()
        equal.append(int(same.sum()))
    assert equal == [52, 44, 36, 28, 10, 2, 0]


@pytest.mark.slow
def test_hcn_time_bins():
    encoder = fresh("hcn", T=64)
    x = clips(16, 64).requires_grad_()
    features = encoder(x).features
    for j, frames in enumerate([(0, 32), (0, 48), (15, 63), (31, 63)]):
        (gradient,) = torch.autograd.grad(features[:, :, j].sum(), x, retain_graph=True)
        touched = gradient.abs().amax((0, 1, 3, 4)).nonzero().flatten()
        assert (int(touched.min()), int(touched.max())) == frames


def test_hcn_motion_of_a_constant_and_of_a_ramp():
    motion = build_encoder("hcn", 5, BODY, time_steps=20).motion
    assert not motion(torch.full((1, 3, 20, 13), 3.1)).any()
    ramp = torch.arange(20.0)[:, None].expand(1, 3, 20, 13)
    torch.testing.assert_close(motion(ramp), torch.ones(1, 3, 20, 13))


@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_fresh_graph_encoders_do_not_know_the_joints(name):
    encoder, x = fresh(name), clips(2)
    if name == "blockgcn":
        encoder.joint_embedding.zero_()
        for block in encoder.blocks:
            block.spatial.hop_weight.zero_()
    mixed = encoder(x[:, :, :, torch.randperm(13)]).logits
    if name == "hcn":
        assert float((mixed - encoder(x).logits).abs().max() / encoder(x).logits.abs().max()) > 0.05
    else:
        assert_same(mixed, encoder(x).logits, 1e-6)


@pytest.mark.slow
@torch.no_grad()
def test_fresh_hyperformer_does_not_know_its_groups():
    assert_same(fresh("hyperformer", groups=(0,) * 13)(clips(2)).logits, fresh("hyperformer")(clips(2)).logits, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", GRAPH_ENCODERS)
@torch.no_grad()
def test_relabelled_joints_give_the_same_logits(name):
    order = torch.randperm(13, generator=torch.Generator().manual_seed(4))  # new joint i is old joint order[i]
    joints = tuple(BODY.joints[i] for i in order)
    relabelled = SkeletonLayout("relabelled", joints, BODY.bones, BODY.root, BODY.parts)
    options = {"groups": [joint_groups(BODY)[i] for i in order]} if name == "hyperformer" else {}
    encoder, other = stirred(name, persons=2), fresh(name, relabelled, persons=2, **options)
    state = {}
    for key, value in encoder.state_dict().items():
        if key.startswith("data_norm.") and value.ndim:
            channels = len(value) // (2 * 13)
            value = value.reshape(2, 13, channels)[:, order].flatten()
        elif key.endswith((".learned", ".graph", ".static")):
            value = value[..., order, :][..., order]
        elif key == "joint_embedding":
            value = value[order]
        state[key] = value
    other.load_state_dict(state)
    x = clips(2, M=2)
    assert_same(other(x[:, :, :, order]).logits, encoder(x).logits, 1e-7)


@torch.no_grad()
def test_adaptive_attention_columns_sum_to_one():
    conv = AdaptiveGraphConv(4, 8, spatial_partition(BODY))
    attention = conv.attention(torch.randn(2, 4, 6, 13))
    assert attention.shape == (2, 3, 13, 13)
    torch.testing.assert_close(attention.sum(-2), torch.ones(2, 3, 13))


@torch.no_grad()
def test_hypergraph_attention_rows_sum_to_one():
    unit = HypergraphAttention(6, 12, hop_distances(BODY), joint_groups(BODY), 3)
    attention = unit.attention(*torch.randn(2, 2, 5, 3, 13, 4), torch.randn(2, 5, 3, 12))
    assert attention.shape == (2, 5, 3, 13, 13)
    torch.testing.assert_close(attention.sum(-1), torch.ones(2, 5, 3, 13))


@torch.no_grad()
def test_block_graph_columns_have_about_unit_length():
    conv = BlockGraphConv(8, 8, hop_distances(BODY)).double()
    conv.graph.normal_()
    conv.hop_weight.zero_()
    length = conv.graph.norm(dim=-2)
    torch.testing.assert_close(conv.effective_graph().norm(dim=-2), 1 / (1 + 1e-4 / length))


@torch.no_grad()
def test_alpha_zero_leaves_a_plain_graph_convolution():
    x = clips(2)[..., 0]
    topology = ChannelTopologyConv(3, 8, spatial_partition(BODY)).double().eval()
    topology.norm.weight.fill_(1)
    changed = x.clone()
    changed[:, :, 1:] += 1
    assert torch.equal(topology(changed)[:, :, 0], topology(x)[:, :, 0])
    topology.alpha.fill_(0.5)
    assert not torch.allclose(topology(changed)[:, :, 0], topology(x)[:, :, 0])

    attention = HypergraphAttention(3, 12, hop_distances(BODY), joint_groups(BODY), 3).double().eval()
    before = attention(x)
    attention.query_key_value.weight[:24].normal_()  # queries and keys
    assert torch.equal(attention(x), before)


@pytest.mark.slow
@torch.no_grad()
def test_blockgcn_takes_the_code_from_the_joints_of_another_stream():
    encoder = stirred("blockgcn")
    joints, stream = clips(2), clips(2, seed=1)
    given = encoder(stream, joints).logits
    assert not torch.allclose(encoder(stream).logits, given)
    assert_same(encoder(stream, 7 * joints.flip(2)).logits, given, 1e-7)
