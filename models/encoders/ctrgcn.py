"""CTR-GCN: channel-wise topology refinement graph convolution (Chen et al., ICCV 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from csre_ros.skeleton.layout import SkeletonLayout
from models.encoders.backbone import Block, GraphEncoder, he_normal, plan, quiet_norm, shortcut
from models.encoders.graph import spatial_partition
from models.encoders.temporal import MultiScaleTemporal

_WIDTHS = (64,) * 4 + (128,) * 3 + (256,) * 3


class CTRGCN(GraphEncoder):
    """A learned graph per direction, refined for every channel by the sample's own pose.

    Its graphs are per channel, so it is fastest with frames and joints last.

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

    memory_format = torch.contiguous_format

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
                ChannelTopologyConv(before, after, graph),
                MultiScaleTemporal(after, stride),
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


class ChannelTopologyConv(nn.Module):
    """``[N, C, T, V] -> [N, D, T, V]``: the sum of three refined graphs' messages; rows of a graph receive.

    Args:
        in_channels: C.
        out_channels: D.
        graph: What the three learned graphs start from ``[3, V, V]``.
    """

    def __init__(self, in_channels: int, out_channels: int, graph: Tensor) -> None:
        super().__init__()
        self.subsets = nn.ModuleList(_Subset(in_channels, out_channels) for _ in graph)
        self.graph = nn.Parameter(graph.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.norm = quiet_norm(out_channels)
        self.skip = shortcut(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        pose = x.mean(2, keepdim=True)
        messages = [subset(x, pose, graph, self.alpha) for subset, graph in zip(self.subsets, self.graph, strict=True)]
        out: Tensor = (self.norm(messages[0] + messages[1] + messages[2]) + self.skip(x)).relu()
        return out


class _Subset(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        width = 8 if in_channels < 16 else in_channels // 8
        self.receiver = he_normal(nn.Conv2d(in_channels, width, 1))
        self.sender = he_normal(nn.Conv2d(in_channels, width, 1))
        self.value = he_normal(nn.Conv2d(in_channels, out_channels, 1))
        self.lift = he_normal(nn.Conv2d(width, out_channels, 1))

    def forward(self, x: Tensor, pose: Tensor, graph: Tensor, alpha: Tensor) -> Tensor:
        """Message of one graph, refined by the mean pose ``[N, C, 1, V]``."""
        difference = (self.receiver(pose).mT - self.sender(pose)).tanh()
        # Scaling the weights gives what scaling the relations [N, D, V, V] would, at a tenth less time per step.
        assert self.lift.bias is not None
        relation = conv2d(difference, alpha * self.lift.weight, alpha * self.lift.bias)
        message: Tensor = self.value(x)
        return message @ (relation + graph).mT
