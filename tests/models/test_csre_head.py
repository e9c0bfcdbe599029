"""The decoupling head against its oracle."""

import json
from pathlib import Path

import pytest
import torch

from models.csre.bank import unit_vectors
from models.csre.head import FeatureDecoupling

ORACLE = json.loads((Path(__file__).parent / "oracles/csre_decoupling.json").read_text())
CASES = {case["name"]: case for case in ORACLE["cases"]}


def tensor(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def head_of(case: dict) -> FeatureDecoupling:
    shapes = case["shapes"]
    shape = (shapes["channels"], shapes["frames"], shapes["joints"])
    head = FeatureDecoupling(shape, dim=shapes["out_dim"], reduction=shapes["reduction"]).double()
    state = {}
    for name, parameter in head.named_parameters():
        layer, kind = name.rsplit(".", 1)
        state[name] = tensor(case["weights"][f"{layer}_{kind}"]).reshape(parameter.shape)
    head.load_state_dict(state)
    return head


@pytest.mark.parametrize("name", CASES)
def test_vectors_and_gradient_match_the_oracle(name):
    case = CASES[name]
    maps = tensor(case["input_feature_map"])
    per_body = maps.clone().requires_grad_()
    merged = per_body.unflatten(0, (-1, case["shapes"]["bodies"])).mean(1)  # bodies first: the head is affine
    spatial, temporal = head_of(case)(merged)
    torch.testing.assert_close(spatial, tensor(case["spatial"]), rtol=0, atol=1e-10)
    torch.testing.assert_close(temporal, tensor(case["temporal"]), rtol=0, atol=1e-10)
    torch.testing.assert_close(unit_vectors(spatial, torch.float64)[0], tensor(case["spatial_unit_norm"]))
    (spatial.square().sum() + 2 * temporal.square().sum()).backward()
    torch.testing.assert_close(per_body.grad, tensor(case["gradient_probe"]["grad_input"]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_single_bodies_match_the_oracle(name):
    case = CASES[name]
    spatial, temporal = head_of(case)(tensor(case["input_feature_map"]))
    torch.testing.assert_close(spatial, tensor(case["spatial_per_body"]), rtol=0, atol=1e-10)
    torch.testing.assert_close(temporal, tensor(case["temporal_per_body"]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("row", ORACLE["parameter_counts"], ids=lambda row: f"{row['encoder']} {row['dataset']}")
def test_parameter_count(row):
    head = FeatureDecoupling(
        (row["channels"], row["frames"], row["joints"]), dim=row["out_dim"], reduction=row["reduction"]
    )
    assert sum(p.numel() for p in head.parameters()) == row["parameters"]


def test_initialisation_follows_the_release():
    torch.manual_seed(0)
    head = FeatureDecoupling((256, 16, 25))
    for layer in (head.spatial_project, head.temporal_project):
        assert float(layer.weight.detach().std()) == pytest.approx((2 / 256) ** 0.5, rel=0.02)
        assert not layer.bias.any()
    assert float(head.spatial_reduce.weight.detach().abs().max()) <= 1 / 16


def test_reduction_that_leaves_no_channel_is_refused():
    with pytest.raises(ValueError, match=r"between 1 and the 4 channels .* not 8"):
        FeatureDecoupling((4, 2, 3))
