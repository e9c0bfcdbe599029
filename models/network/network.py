"""Preprocessing, stream and encoder in one module, or several of them fused: exactly what a bundle computes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from csre_ros.skeleton.proportions import SEEN
from models.encoders.base import Encoder, EncoderOutput
from models.network.input_stream import InputStream


class Network(nn.Module):
    """Window of skeletons to logits and embedding.

    Args:
        preprocess: First part of the graph.
        encoder: The encoder at its end.
        stream: What the encoder gets instead of joints; ``None``: the joints.
    """

    def __init__(self, preprocess: nn.Module, encoder: Encoder, stream: InputStream | None = None) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.stream = stream
        self.encoder = encoder

    def features(self, positions: Tensor, confidence: Tensor) -> EncoderOutput:
        """Logits, embedding, and the feature map that the CSRE branch needs."""
        joints = self.preprocess(positions, confidence)
        if self.stream is None:
            output: EncoderOutput = self.encoder(joints)
            return output
        seen = (confidence >= SEEN).to(joints.dtype).permute(0, 2, 3, 1)[:, None]
        x = self.stream(joints, seen)
        output = self.encoder(x, joints) if self.encoder.wants_joints else self.encoder(x)
        return output

    def forward(self, positions: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[B, K]`` and embedding ``[B, D]``.

        Args:
            positions: ``[B, P, T, V, dims]``.
            confidence: ``[B, P, T, V]``.
        """
        output = self.features(positions, confidence)
        return output.logits, output.embedding


class Fused(nn.Module):
    """Several networks as one: the mean of their probabilities, and their embeddings side by side.

    Args:
        networks: Networks with the same inputs and classes.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, positions: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[B, K]`` whose softmax is the mean, and embedding ``[B, sum D]``."""
        logits, embeddings = zip(*(network(positions, confidence) for network in self.networks), strict=True)
        mean = torch.stack(logits).softmax(-1).mean(0)
        # Smaller probabilities than this decide nothing, and their logarithm could be infinite.
        return mean.clamp(min=1e-12).log(), torch.cat(embeddings, dim=-1)
