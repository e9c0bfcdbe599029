"""All encoders as ONNX graphs with a dynamic batch."""

import io

import numpy as np
import onnxruntime
import pytest
import torch

from csre_ros.skeleton import get_layout
from models.encoders import ENCODERS, Encoder, build_encoder

T, M = 16, 2
BODY = get_layout("body13")
KINDS_OF_BLOCKS = (0, 1, 4, 7)  # the first, one that changes nothing, both that halve time; their channels fit


def keep(encoder: Encoder, blocks: tuple[int, ...]) -> None:
    for part in ("blocks", "projectors"):
        if hasattr(encoder, part):
            setattr(encoder, part, torch.nn.ModuleList(getattr(encoder, part)[i] for i in blocks))


def stir(encoder: Encoder) -> None:
    """Arbitrary weights and statistics."""
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        for part in encoder.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
                part.running_mean.normal_(0, 0.3)
                part.running_var.uniform_(0.5, 2.0)


def kinds(block: torch.nn.Module) -> set[tuple[str, str, object]]:
    """What a block is made of, but for widths."""
    return {(name, type(part).__name__, getattr(part, "stride", None)) for name, part in block.named_modules()}


@pytest.mark.parametrize("name", sorted(set(ENCODERS) - {"hcn"}))
def test_there_are_no_other_kinds_of_blocks(name):
    blocks = build_encoder(name, 7, BODY, time_steps=T, persons=M).blocks
    assert all(any(kinds(block) == kinds(blocks[i]) for i in KINDS_OF_BLOCKS) for block in blocks)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
def test_every_kind_of_block(name):
    """Logits, features and embedding of the ONNX graph equal the encoder's."""
    torch.manual_seed(0)
    encoder, V = build_encoder(name, 7, BODY, time_steps=T, persons=M), len(BODY)
    keep(encoder, KINDS_OF_BLOCKS)
    stir(encoder)
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
