"""Sizes of all encoders, what they refuse, and one training step of each."""

import json
from pathlib import Path

import pytest
import torch

from csre_ros.skeleton import get_layout
from models.encoders import ENCODERS, build_encoder

ORACLE = json.loads((Path(__file__).parent / "oracles/encoders.json").read_text())
LAYOUT = {"ntu60": "ntu25", "ntu120": "ntu25", "ucla": "kinect20"}


def build(name: str, data: str, **options):
    config = ORACLE["configs"][data]
    settings = {"in_channels": config["C"], "time_steps": config["T"], "persons": config["M"]}
    return build_encoder(name, config["K"], get_layout(LAYOUT[data]), **(settings | options))


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("data", LAYOUT)
@pytest.mark.parametrize("name", ENCODERS)
def test_parameter_count(name, data):
    assert count(build(name, data)) == ORACLE["params"][name][data]


@pytest.mark.parametrize("name", ORACLE["block_params_ntu60"])
def test_parameter_count_of_every_block(name):
    assert [count(block) for block in build(name, "ntu60").blocks] == ORACLE["block_params_ntu60"][name]


@pytest.mark.parametrize("data", ["ntu60", "ucla"])
@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_output_shapes(name, data):
    config = ORACLE["configs"][data]
    encoder = build(name, data).eval()
    logits, features, embedding = encoder(torch.randn(2, *(config[axis] for axis in "CTVM")))
    assert encoder.feature_shape == tuple(ORACLE["feature"][name][data])
    assert features.shape == (2, *encoder.feature_shape)
    assert logits.shape == (2, config["K"])
    assert embedding.shape == (2, encoder.embedding_dim)
    torch.testing.assert_close(encoder.classifier(embedding), logits)


@pytest.mark.parametrize(("T", "bins"), [(8, 2), (16, 4), (20, 5), (30, 8), (52, 13), (64, 16), (100, 25), (300, 75)])
@pytest.mark.parametrize("name", sorted(set(ENCODERS) - {"hcn"}))
@torch.no_grad()
def test_any_window_length(name, T, bins):
    encoder = build_encoder(name, 3, get_layout("openpose18"), time_steps=T).eval()
    assert encoder(torch.randn(1, 3, T, 18, 1)).features.shape[2] == encoder.feature_shape[1] == bins


@pytest.mark.parametrize("T", [16, 52, 63, 65])
@torch.no_grad()
def test_hcn_window_length(T):
    encoder = build_encoder("hcn", 3, get_layout("coco17"), time_steps=T).eval()
    assert encoder(torch.randn(1, 3, T, 17, 1)).features.shape[1:] == (256, T // 16, T // 16)


def test_hcn_refuses_a_window_it_cannot_halve():
    with pytest.raises(ValueError, match=r"at least 16 time steps .* not 15"):
        build_encoder("hcn", 3, get_layout("coco17"), time_steps=15)


@torch.no_grad()
def test_hcn_map_with_joints():
    torch.manual_seed(0)
    default, joints = (build("hcn", "ntu60", dropout=0.0, attach=attach) for attach in ("cooccurrence", "joints"))
    joints.load_state_dict(default.state_dict())
    x = torch.randn(2, 3, 64, 25, 2)
    x[..., 1] = x[..., 0]
    logits, features, _ = joints(x)
    assert features.shape == (2, *joints.feature_shape) == (2, 128, 64, 25)
    torch.testing.assert_close(logits, default(x).logits)
    one = build("hcn", "ntu60", persons=1, dropout=0.0, attach="joints")
    one.load_state_dict(default.state_dict())
    torch.testing.assert_close(features, one(x[..., :1]).features)


def test_unknown_hcn_map_is_refused():
    with pytest.raises(ValueError, match="one of cooccurrence, joints, not 'bones'"):
        build("hcn", "ucla", attach="bones")


def test_original_hcn_size():
    assert count(build("hcn", "ntu60", time_steps=32, hidden=256)) == 784_892


def test_unknown_encoder_is_refused():
    with pytest.raises(ValueError, match="'stgcn'; choose one of: agcn, blockgcn, ctrgcn, hcn, hyperformer"):
        build_encoder("stgcn", 3, get_layout("coco17"))


@pytest.mark.parametrize("groups", [(0, 0), (0,) * 12 + (2,), (1,) * 13], ids=["too few", "gap", "not from 0"])
def test_impossible_groups_are_refused(groups):
    with pytest.raises(ValueError, match="each of the 13 joints of 'body13' a number"):
        build_encoder("hyperformer", 3, get_layout("body13"), groups=groups)


@pytest.mark.parametrize("name", ENCODERS)
def test_training_step_reaches_every_parameter(name):
    torch.manual_seed(0)
    encoder = build_encoder(name, 5, get_layout("body13"), in_channels=4, time_steps=16, persons=2)
    logits, features, _ = encoder(torch.randn(3, 4, 16, 13, 2))
    (torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2])) + features.mean()).backward()
    for key, parameter in encoder.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_bf16_autocast_stays_close(name):
    torch.manual_seed(0)
    encoder = build_encoder(name, 5, get_layout("body13"), time_steps=16).train()
    x = torch.randn(8, 3, 16, 13, 1)
    encoder.dropout.eval()
    torch.manual_seed(1)
    exact = encoder(x).features
    torch.manual_seed(1)
    with torch.autocast("cpu", torch.bfloat16):
        rough = encoder(x).features
    assert float((rough - exact).norm() / exact.norm()) < 0.05
