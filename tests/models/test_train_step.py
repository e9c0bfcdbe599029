"""What makes training faster changes nothing but rounding, and the benchmark says what it measured."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmarks.train_step import measure, with_copies
from csre_ros.skeleton import get_layout
from models.encoders import ENCODERS, build_encoder
from models.encoders.base import Encoder


def encoder_of(name: str, memory_format: torch.memory_format) -> Encoder:
    """The same weights at every call, none of them zero, in double precision."""
    torch.manual_seed(0)
    network = build_encoder(name, 5, get_layout("kinect20"), time_steps=16)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return network.double().to(memory_format=memory_format).eval()  # type: ignore[call-overload]


def answers(network: Encoder) -> list[Tensor]:
    """Logits, feature map, and the gradients of all weights and of the input."""
    torch.manual_seed(1)
    x = torch.randn(2, 3, 16, 20, 1, dtype=torch.float64, requires_grad=True)
    output = network(x)
    (output.logits.square().sum() + output.features.square().sum()).backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    return [output.logits, output.features, *(found for found in (x.grad, *gradients) if found is not None)]


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-10 * other.abs().max().clamp(min=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
def test_the_memory_format_changes_nothing(name: str) -> None:
    assert_same(*(answers(encoder_of(name, one)) for one in (torch.channels_last, torch.contiguous_format)))


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format], ids=["last", "first"])
def test_mixing_without_copies_changes_nothing(memory_format: torch.memory_format) -> None:
    copying = encoder_of("agcn", memory_format)
    assert with_copies(copying)
    assert_same(answers(encoder_of("agcn", memory_format)), answers(copying))


def test_the_other_encoders_have_nothing_to_copy() -> None:
    assert not with_copies(encoder_of("ctrgcn", torch.contiguous_format))


@pytest.mark.slow
def test_the_benchmark_runs() -> None:
    rows = {row.what: row for row in measure(["hcn"], "small", batch=2, steps=2, warm_up=1, precision="fp32")}
    variants = ["half the frames", "other memory format", "with CSRE"]
    own = ["hcn, as it is"]
    assert list(rows) == own + [f"hcn, {name}{end}" for name in variants for end in ("", " / as it is")]
    assert all(len(row.values) == 2 and min(row.values) > 0 for row in rows.values())
