"""2S-AGCN, one stream: adaptive graph convolution (Shi et al., CVPR 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from csre_ros.skeleton.layout import SkeletonLayout
from models.encoders.backbone import Block, GraphEncoder, he_normal, plan, quiet_norm, shortcut
from models.encoders.graph import spatial_partition

_WIDTHS = (64,) * 4 + (128,) * 3 + (256,) * 3


class AGCN(GraphEncoder):
    """Graph = fixed skeleton + learned for all samples + attention of this sample.

    Args:
        num_classes: K.
        layout: Skeleton of the input; must be connected.
        in_channels: C.
        time_steps: T.
        persons: M, merged by their mean.
        dropout: Probability before the classifier.

    Raises:
        ValueError: The layout is not connected.
    """

    def __init__(
        self,
        num_classes: int,
        layout: SkeletonLayout,
        *,
        in_channels: int = 3,
        time_steps: int = 64,
        persons: int = 1,
        dropout: float = 0.0,
    ) -> None:
        graph = spatial_partition(layout)
        blocks = [
            Block(
                AdaptiveGraphConv(before, after, graph),
                _temporal(after, stride),
                shortcut(before, after, stride) if i else None,
            )
            for i, (before, after, stride) in enumerate(plan(in_channels, _WIDTHS))
        ]
        super().__init__(
            blocks,
            num_classes=num_classes,
            joints=len(layout),
            time_steps=time_steps,
            persons=persons,
            stem_channels=in_channels,
            width=_WIDTHS[-1],
            dropout=dropout,
        )


class AdaptiveGraphConv(nn.Module):
    """``[N, C, T, V] -> [N, D, T, V]`` over three directed graphs; columns of a graph receive.

    Args:
        in_channels: C.
        out_channels: D.
        graph: Fixed part ``[3, V, V]``.
    """

    fixed: Tensor

    def __init__(self, in_channels: int, out_channels: int, graph: Tensor) -> None:
        super().__init__()
        width = out_channels // 4
        self.register_buffer("fixed", graph, persistent=False)
        self.learned = nn.Parameter(torch.full_like(graph, 1e-6))
        self.embed = nn.Conv2d(in_channels, 6 * width, 1)  # theta of the three graphs, then phi
        self.value = nn.Conv2d(3 * in_channels, out_channels, 1, bias=False)
        self.value_bias = nn.Parameter(torch.zeros(3, out_channels))
        self.norm = quiet_norm(out_channels)
        self.skip = shortcut(in_channels, out_channels)
        for branch in self.embed.weight.chunk(6):
            nn.init.kaiming_normal_(branch, mode="fan_out")
        nn.init.zeros_(self.embed.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.value.weight, 0, (2 / (3 * in_channels * out_channels)) ** 0.5)

    def attention(self, x: Tensor) -> Tensor:
        """Similarity of joints over the whole clip, ``[N, 3, V, V]``; columns sum to 1."""
        T, V = x.shape[2:]
        width = self.embed.out_channels // 6
        embedded: Tensor = self.embed(x)
        theta, phi = embedded.reshape(-1, 2, 3, width * T, V).unbind(1)
        return (theta.mT @ phi / (width * T)).softmax(-2)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.mix(x, self.fixed + self.learned + self.attention(x))
        out: Tensor = (self.norm(mixed) + self.skip(x)).relu()
        return out

    def mix(self, x: Tensor, graph: Tensor) -> Tensor:
        """Messages ``[N, D, T, V]`` of ``x [N, C, T, V]`` along three graphs ``[N, 3, V, V]``.

        With channels last nothing is copied: the rows (joint, graph) of the product with C channels each are, in
        memory, joints with 3 C channels.
        """
        C, T, V = x.shape[1:]
        to_all = graph.permute(0, 3, 1, 2).reshape(-1, 1, 3 * V, V)
        received = (to_all @ x.permute(0, 2, 3, 1)).reshape(-1, T, V, 3 * C)
        return linear(received, self.value.weight.flatten(1), self.value_bias.sum(0)).permute(0, 3, 1, 2)


def _temporal(channels: int, stride: int) -> nn.Module:
    conv = nn.Conv2d(channels, channels, (9, 1), padding=(4, 0), stride=(stride, 1))
    return nn.Sequential(he_normal(conv), nn.BatchNorm2d(channels))
