"""All encoders as ONNX graphs with a dynamic batch."""

import io

import numpy as np
import onnxruntime
import pytest
import torch

from csre_ros.skeleton import SkeletonLayout, get_layout
from models.encoders import ENCODERS, Encoder, build_encoder

T, M = 16, 2
BODY = get_layout("body13")
STAR = SkeletonLayout("star", tuple("abcd"), (("b", "a"), ("c", "b"), ("d", "b")), "a", {"all": tuple("abcd")})
KINDS_OF_BLOCKS = (0, 4, 7)  # the first and both that halve time; their channels fit together


def keep(encoder: Encoder, blocks: tuple[int, ...]) -> None:
    for part in ("blocks", "projectors"):
        if hasattr(encoder, part):
            setattr(encoder, part, torch.nn.ModuleList(getattr(encoder, part)[i] for i in blocks))


def assert_export_agrees(encoder: Encoder, V: int) -> None:
    """Logits, features and embedding of the ONNX graph equal the encoder's, with arbitrary weights and statistics."""
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        for _ in range(20):
            encoder.train()(torch.randn(8, 3, T, V, M))
    program = torch.onnx.export(
        encoder.eval(),
        (torch.randn(2, 3, T, V, M),),
        input_names=["x"],
        output_names=["logits", "features", "embedding"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        dynamo=True,
        verbose=False,
    )
    buffer = io.BytesIO()
    program.save(buffer)
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    for N in (1, 3):
        x = torch.randn(N, 3, T, V, M)
        with torch.no_grad():
            expected = encoder(x)
        for found, wanted in zip(session.run(None, {"x": x.numpy()}), expected, strict=True):
            assert np.abs(found - wanted.numpy()).max() < 1e-4 * np.abs(wanted.numpy()).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
def test_one_block_of_each_kind(name):
    torch.manual_seed(0)
    encoder = build_encoder(name, 7, STAR, time_steps=T, persons=M)
    keep(encoder, KINDS_OF_BLOCKS)
    assert_export_agrees(encoder, len(STAR))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ENCODERS) - {"hcn"}))
def test_all_blocks(name):
    torch.manual_seed(0)
    assert_export_agrees(build_encoder(name, 7, BODY, time_steps=T, persons=M), len(BODY))
