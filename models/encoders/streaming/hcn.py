"""HCN for streams: the co-occurrence network with causal kernels, pooled over joints and never over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from models.encoders.streaming.base import StateShapes, StreamEncoder, StreamOutput
from models.encoders.streaming.causal import CausalConv1d, States


class StreamHCN(StreamEncoder):
    """Point features of every joint, co-occurrences of all joints, on positions and on motion; then the past.

    Where the window form halves time, this one doubles the dilation of residual layers. As there, the last map has no
    joint axis: its channels come in groups of co-occurrences, which the CSRE head reads as joints.

    Args:
        num_classes: K.
        joints: V of the input.
        position_channels: The first channels of the input, for the one branch.
        motion_channels: The others, for the other branch.
        point: Channels of the point features.
        width: Channels of the residual layers.
        groups: Groups of co-occurrences in the map.
        dilations: Of the residual layers, one each.
        dropout: Probability inside the residual layers and before the classifier.

    Raises:
        ValueError: The width is not divisible by the groups or by two.
    """

    def __init__(
        self,
        num_classes: int,
        joints: int,
        *,
        position_channels: int,
        motion_channels: int,
        point: int = 12,
        width: int = 128,
        groups: int = 4,
        dilations: Sequence[int] = (1, 2, 4, 8, 16, 1, 4),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % groups or width % 2:
            raise ValueError(f"width must be divisible by groups and by 2, not {width} by {groups}")
        self._split = position_channels
        self.position = _Branch(position_channels, joints, point, width // 2)
        self.motion = _Branch(motion_channels, joints, point, width // 2)
        self.layers = nn.ModuleList(_Residual(width, dilation, dropout) for dilation in dilations)
        self.norm = nn.BatchNorm1d(width)
        self.feature_channels, self.feature_joints, self.embedding_dim = width // groups, groups, width
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Conv1d(width, num_classes, 1)
        self.receptive_frames = 1 + self.position.cooccurrence.past + sum(2 * dilation for dilation in dilations)

    def state_shapes(self) -> StateShapes:
        """Shapes of all states."""
        shapes: StateShapes = {
            "position": self.position.cooccurrence.state_shape,
            "motion": self.motion.cooccurrence.state_shape,
        }
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, _Residual)
            shapes[f"layer{number}"] = layer.mix.state_shape
        return shapes

    def forward(self, x: Tensor, states: Mapping[str, Tensor]) -> StreamOutput:
        """Label the frames ``x [N, C, T, V]``."""
        after: States = {}
        position, motion = x[:, : self._split], x[:, self._split :]
        position, after["position"] = self.position(position, states["position"])
        motion, after["motion"] = self.motion(motion, states["motion"])
        y = torch.cat((position, motion), dim=1)
        for number, layer in enumerate(self.layers):
            y, after[f"layer{number}"] = layer(y, states[f"layer{number}"])
        embedding = relu(self.norm(y))
        features = embedding.reshape(-1, self.feature_channels, self.feature_joints, x.shape[2]).transpose(2, 3)
        return StreamOutput(self.classifier(self.dropout(embedding)), features, embedding, after)


class _Branch(nn.Module):
    """Point features of each joint, then co-occurrences of all joints over three frames."""

    def __init__(self, in_channels: int, joints: int, point: int, out_channels: int) -> None:
        super().__init__()
        self.point = nn.Conv2d(in_channels, point, 1)
        self.cooccurrence = CausalConv1d(point * joints, out_channels, 3)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """``[N, C, T, V] -> [N, C', T]``."""
        points = relu(self.point(x)).transpose(2, 3).flatten(1, 2)  # joints become channels
        return self.cooccurrence.step(points, past)


class _Residual(nn.Module):
    """``x + out(relu(norm(mix(x))))``; ``mix`` looks back."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.mix = CausalConv1d(width, width, 3, dilation)
        self.norm = nn.BatchNorm1d(width)
        self.out = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        y, past = self.mix.step(x, past)
        return x + self.dropout(self.out(relu(self.norm(y)))), past
