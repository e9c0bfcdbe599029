"""Preprocessing and encoder in one module: exactly what a bundle computes."""

from __future__ import annotations

from torch import Tensor, nn

from models.encoders.base import Encoder, EncoderOutput


class Network(nn.Module):
    """Window in metres to logits and embedding.

    Args:
        preprocess: First part of the graph.
        encoder: The encoder behind it.
    """

    def __init__(self, preprocess: nn.Module, encoder: Encoder) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.encoder = encoder

    def features(self, positions: Tensor, confidence: Tensor) -> EncoderOutput:
        """Logits, embedding, and the feature map that the CSRE branch needs."""
        output: EncoderOutput = self.encoder(self.preprocess(positions, confidence))
        return output

    def forward(self, positions: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[B, K]`` and embedding ``[B, D]`` of ``[B, P, T, V, 3]`` metres and ``[B, P, T, V]`` confidences."""
        output = self.features(positions, confidence)
        return output.logits, output.embedding
