"""The shell that 2S-AGCN, CTR-GCN, Hyperformer and BlockGCN share: data norm, ten blocks, pooling head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, sqrt

from torch import Tensor, nn

from models.encoders.base import Encoder, EncoderOutput, fold_persons

HALVING_BLOCKS = (4, 7)
"""Zero-based blocks that halve time."""


class GraphEncoder(Encoder):
    """Stem, blocks and head; persons share all weights except the data norm and are merged by their mean.

    Args:
        blocks: Ten modules on ``[N * M, C, T, V]``.
        num_classes: K.
        joints: V.
        time_steps: T; the last block sees a quarter of it, rounded up twice.
        persons: M.
        stem_channels: Channels that enter the data norm.
        width: Channels after the last block.
        dropout: Probability before the classifier.
    """

    def __init__(
        self,
        blocks: Sequence[nn.Module],
        *,
        num_classes: int,
        joints: int,
        time_steps: int,
        persons: int,
        stem_channels: int,
        width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.persons = persons
        self.feature_shape = (width, ceil(ceil(time_steps / 2) / 2), joints)
        self.embedding_dim = width
        self.data_norm = DataNorm(persons, joints, stem_channels)
        self.blocks = nn.ModuleList(blocks)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(width, num_classes)
        nn.init.normal_(self.classifier.weight, 0, sqrt(2 / num_classes))

    def forward(self, x: Tensor) -> EncoderOutput:
        """Classify clips ``[N, C, T, V, M]``."""
        x = self.data_norm(fold_persons(x))
        for block in self.blocks:
            x = block(x)
        return self.pool(x)

    def pool(self, x: Tensor) -> EncoderOutput:
        """From the last block's ``[N * M, C', T', V]`` to the output."""
        features = x.reshape(-1, self.persons, *self.feature_shape).mean(1)
        embedding = self.dropout(features.mean((2, 3)))
        return EncoderOutput(self.classifier(embedding), features, embedding)


class DataNorm(nn.Module):
    """Batch norm of every channel of every joint of every person slot, over clips and frames."""

    def __init__(self, persons: int, joints: int, channels: int) -> None:
        super().__init__()
        self.shape = (persons, joints, channels)
        self.norm = nn.BatchNorm1d(persons * joints * channels)

    def forward(self, x: Tensor) -> Tensor:
        """``[N * M, C, T, V]`` to the same shape."""
        M, V, C = self.shape
        T = x.shape[2]
        x = x.reshape(-1, M, C, T, V).permute(0, 1, 4, 2, 3).reshape(-1, M * V * C, T)
        normed: Tensor = self.norm(x)
        return normed.reshape(-1, V, C, T).permute(0, 2, 3, 1)


class Block(nn.Module):
    """``relu(temporal(spatial(x)) + residual(x))``; no residual if ``None``."""

    def __init__(self, spatial: nn.Module, temporal: nn.Module, residual: nn.Module | None) -> None:
        super().__init__()
        self.spatial = spatial
        self.temporal = temporal
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.temporal(self.spatial(x))
        if self.residual is not None:
            y = y + self.residual(x)
        return y.relu()


def plan(first: int, widths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Input channels, output channels and time stride of every block."""
    for block, (before, after) in enumerate(zip((first, *widths), widths, strict=False)):
        yield before, after, 2 if block in HALVING_BLOCKS else 1


def shortcut(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """Identity where shapes agree, else a 1x1 convolution with batch norm."""
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return nn.Sequential(
        he_normal(nn.Conv2d(in_channels, out_channels, 1, stride=(stride, 1))), nn.BatchNorm2d(out_channels)
    )


def he_normal(conv: nn.Conv2d) -> nn.Conv2d:
    """Initialise by fan-out, bias zero."""
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def quiet_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with scale 1e-6: what it closes off starts as almost nothing, so that the skip leads at first."""
    norm = nn.BatchNorm2d(channels)
    nn.init.constant_(norm.weight, 1e-6)
    return norm
