"""What every skeleton encoder promises to the trainer, the CSRE head and the exporter."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class EncoderOutput(NamedTuple):
    """Result of one forward pass.

    Attributes:
        logits: Class scores ``[N, K]``.
        features: Map ``[N, C', T', V']`` for the feature decoupling head, persons already merged. The head is affine,
            so merging persons before it equals merging its outputs.
        embedding: Input of the last linear layer ``[N, D]``.
    """

    logits: Tensor
    features: Tensor
    embedding: Tensor


class Encoder(nn.Module):
    """Base of all encoders: ``forward(x)`` takes clips ``[N, C, T, V, M]`` and returns an :class:`EncoderOutput`.

    N clips, C input channels, T frames, V joints, M persons. Only N may vary after construction.

    Attributes:
        feature_shape: ``(C', T', V')`` of ``EncoderOutput.features``.
        embedding_dim: D of ``EncoderOutput.embedding``.
        memory_format: In which it is fastest, on one core and with bf16: ``benchmarks/train_step.py``.
        wants_joints: Whether ``forward`` takes the joints behind a bone or motion stream as its second argument.
    """

    memory_format = torch.channels_last
    wants_joints = False

    feature_shape: tuple[int, int, int]
    embedding_dim: int


def fold_persons(x: Tensor) -> Tensor:
    """Move persons into the batch: ``[N, C, T, V, M] -> [N * M, C, T, V]``, the person index runs fastest."""
    _, C, T, V, _ = x.shape
    return x.permute(0, 4, 1, 2, 3).reshape(-1, C, T, V)
