"""Every operation of the encoders against vectors of the public reference modules (float64, 1e-8)."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from csre_ros.skeleton import SkeletonLayout
from models.encoders.agcn import AdaptiveGraphConv
from models.encoders.blockgcn import BlockGraphConv
from models.encoders.ctrgcn import ChannelTopologyConv
from models.encoders.graph import spatial_partition
from models.encoders.hcn import resampling_matrix
from models.encoders.hyperformer import HypergraphAttention
from models.encoders.temporal import MultiScaleTemporal
from models.encoders.topology import TopologyCode, joint_distances, tree_lengths

ORACLE = json.loads((Path(__file__).parent / "oracles/encoder_ops.json").read_text())
CLOSE = {"rtol": 0, "atol": 1e-8}


def tensor(values) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def stacked(entries: list[dict], key: str) -> Tensor:
    return torch.stack([tensor(entry[key]) for entry in entries])


def fill(parameter: nn.Parameter, values: Tensor) -> None:
    with torch.no_grad():
        parameter.copy_(values.reshape(parameter.shape))


def fill_conv(conv: nn.Module, weight: Tensor, bias: Tensor) -> None:
    fill(conv.weight, weight)
    fill(conv.bias, bias)


def fill_norm(norm: nn.Module, values: dict) -> None:
    fill(norm.weight, tensor(values["gamma"]))
    fill(norm.bias, tensor(values["beta"]))
    norm.running_mean.copy_(tensor(values["mean"]))
    norm.running_var.copy_(tensor(values["var"]))
    assert norm.eps == values["eps"]


def toy_graph() -> Tensor:
    bones = tuple((str(child), str(parent)) for child, parent in ORACLE["toy_graph"]["child_parent"])
    return spatial_partition(SkeletonLayout("toy", ("0", "1", "2", "3"), bones, "0", {"all": ("0", "1", "2", "3")}))


def test_toy_partition():
    torch.testing.assert_close(toy_graph().double(), tensor(ORACLE["toy_graph"]["partition"]), rtol=0, atol=1e-7)


def test_adaptive_graph_conv():
    case = ORACLE["adaptive_graph_conv"]
    conv = AdaptiveGraphConv(case["in_channels"], case["out_channels"], toy_graph()).double().eval()
    fill(conv.learned, tensor(case["B"]))
    embeddings = case["theta"] + case["phi"]
    fill_conv(conv.embed, stacked(embeddings, "weight"), stacked(embeddings, "bias"))
    fill(conv.value.weight, stacked(case["value"], "weight").transpose(0, 1))
    fill(conv.value_bias, stacked(case["value"], "bias"))
    fill_norm(conv.norm, case["bn"])
    fill_conv(conv.skip[0], tensor(case["skip"]["weight"]), tensor(case["skip"]["bias"]))
    fill_norm(conv.skip[1], case["skip"]["bn"])
    torch.testing.assert_close(conv(tensor(case["x_nctv"])), tensor(case["y_nctv"]), **CLOSE)


def test_channel_topology_conv():
    case = ORACLE["channel_topology_graph_conv"]
    conv = ChannelTopologyConv(case["in_channels"], case["out_channels"], tensor(case["A"])).double().eval()
    fill(conv.alpha, tensor(case["alpha"]))
    for k, subset in enumerate(conv.subsets):
        for name, layer in zip("pq", (subset.receiver, subset.sender), strict=True):
            fill_conv(layer, tensor(case[name][k]["weight"]), tensor(case[name][k]["bias"]))
        for name in ("value", "lift"):
            fill_conv(getattr(subset, name), tensor(case[name][k]["weight"]), tensor(case[name][k]["bias"]))
    fill_norm(conv.norm, case["bn"])
    torch.testing.assert_close(conv(tensor(case["x_nctv"])), tensor(case["y_nctv"]), **CLOSE)


@pytest.mark.parametrize("stride", [1, 2])
def test_multi_scale_temporal(stride):
    case = ORACLE["multiscale_temporal_conv"]
    unit = MultiScaleTemporal(case["channels"], stride).double().eval()
    near, far, peak, plain = case["branches"]
    heads = [branch["pointwise"] for branch in (near, far, peak)]
    fill_conv(unit.reduce, stacked(heads, "weight"), stacked(heads, "bias"))
    norms = {key: [x for head in heads for x in head["bn"][key]] for key in ("gamma", "beta", "mean", "var")}
    fill_norm(unit.reduce_norm, norms | {"eps": 1e-5})
    for branch, conv, norm in ((near, unit.near, unit.near_norm), (far, unit.far, unit.far_norm)):
        assert conv.dilation[0] == branch["temporal"]["dilation"]
        fill_conv(conv, tensor(branch["temporal"]["weight"]), tensor(branch["temporal"]["bias"]))
        fill_norm(norm, branch["temporal"]["bn"])
    fill_norm(unit.peak_norm, peak["after_pool_bn"])
    fill_conv(unit.plain, tensor(plain["pointwise"]["weight"]), tensor(plain["pointwise"]["bias"]))
    fill_norm(unit.plain_norm, plain["pointwise"]["bn"])
    torch.testing.assert_close(unit(tensor(case["x_nctv"])), tensor(case[f"y_stride{stride}"]), **CLOSE)


def test_hypergraph_attention():
    case = ORACLE["hypergraph_attention"]
    unit = HypergraphAttention(case["dim"], case["dim"], torch.tensor(case["hops"]), case["groups"], case["heads"])
    unit = unit.double()
    fill(unit.norm.weight, tensor(case["ln_gamma"]))
    fill(unit.norm.bias, tensor(case["ln_beta"]))
    fill(unit.query_key_value.weight, stacked([case["q"], case["k"], case["v"]], "weight"))
    fill(unit.hyperedge.weight, tensor(case["hyperedge"]["weight"]))
    fill_conv(unit.project, tensor(case["proj_grouped"]["weight"]), tensor(case["proj_grouped"]["bias"]))
    for name in ("hop_table", "hyperedge_bias", "static", "alpha"):
        fill(getattr(unit, name), tensor(case[name]))
    assert unit.project.groups == case["proj_groups"]
    torch.testing.assert_close(unit(tensor(case["x_nctv"])), tensor(case["y_nctv"]), **CLOSE)


def test_block_graph_conv():
    case = ORACLE["block_graph_conv"]
    conv = BlockGraphConv(case["in_channels"], case["out_channels"], torch.tensor(case["hops"])).double().eval()
    fill(conv.graph, tensor(case["w_khvw"]).transpose(0, 1))
    fill(conv.hop_weight, tensor(case["hop_weight_kh_hop"]).transpose(0, 1))
    fill(conv.value.weight, stacked(case["grouped_pointwise"], "weight").transpose(0, 1))
    fill(conv.value_bias, stacked(case["grouped_pointwise"], "bias"))
    fill_norm(conv.norm, case["bn"])
    torch.testing.assert_close(conv(tensor(case["x_nctv"])), tensor(case["y_nctv"]), **CLOSE)


def test_topology_code():
    case = ORACLE["topology_code"]
    c, t, v, m = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (3, 16, 25, 2)), indexing="ij")
    joints = (torch.sin(0.37 * (c + 1) * (v + 1)) + 0.05 * torch.cos(0.9 * t + v + 2 * m + c))[None]
    lengths = tree_lengths(joint_distances(joints))
    torch.testing.assert_close(lengths.sort().values, tensor([case["deaths_sorted"]]), rtol=0, atol=1e-7)
    code = TopologyCode().double()
    k = torch.arange(64, dtype=torch.float64)
    fill(code.centres, torch.stack([k / 64, (17 * k % 64 + 0.5) / 64], 1))
    assert (code.sharpness == case["sharpness"]).all()
    torch.testing.assert_close(code(joints), tensor([case["code"]]), rtol=0, atol=case["tolerance"])


def test_hcn_motion_matrix():
    resampling = resampling_matrix(6)
    frames = torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(resampling @ (frames[1:] - frames[:-1]), tensor(ORACLE["hcn_motion_matrix_T6"]), **CLOSE)
