"""What every streaming encoder promises: logits and embedding of every frame, from the past alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.encoders.streaming.causal import States

StateShapes = dict[str, tuple[int, ...]]
"""Shape of every state of one person, by name."""


class StreamOutput(NamedTuple):
    """Result for the frames given.

    Attributes:
        logits: Class scores ``[N, K, T]``.
        features: Map ``[N, C', T, V']`` for the feature decoupling head: joints are pooled behind it, time is not.
        embedding: Input of the last linear layer ``[N, D, T]``.
        states: What to give along with the next frames.
    """

    logits: Tensor
    features: Tensor
    embedding: Tensor
    states: States


class StreamEncoder(nn.Module):
    """Base of the streaming encoders: ``forward(x, states)`` takes ``[N, C, T, V]`` and the states before it.

    Any number of frames gives the same answer, whether they come at once or one by one.

    Attributes:
        feature_channels: C' of :attr:`StreamOutput.features`.
        feature_joints: V' of it.
        embedding_dim: D of :attr:`StreamOutput.embedding`.
        receptive_frames: Frames, the newest one included, that an output depends on; longer where a running mean is
            part of the encoder, whose reach is without end.
    """

    feature_channels: int
    feature_joints: int
    embedding_dim: int
    receptive_frames: int

    def state_shapes(self) -> StateShapes:
        """Shapes of all states."""
        raise NotImplementedError

    def forward(self, x: Tensor, states: Mapping[str, Tensor]) -> StreamOutput:
        """Label frames."""
        raise NotImplementedError


def beginning(shapes: StateShapes, people: int, like: Tensor) -> States:
    """States of people of whom nothing has been seen yet."""
    return {name: torch.zeros(people, *shape, dtype=like.dtype, device=like.device) for name, shape in shapes.items()}
