"""BlockGCN: static graphs in channel groups and a topology code (Zhou et al., CVPR 2024).

Departures from the release, all in the topology code and its neighbours: distances are scaled per clip and not per
batch, each person row gets its own clip's code, any number of persons, a degenerate pose gives zero lengths, and hop
weights start as small noise because the gradient of a normalised zero is of order 1e4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from csre_ros.skeleton.layout import SkeletonLayout
from models.encoders.backbone import Block, GraphEncoder, plan, shortcut
from models.encoders.base import EncoderOutput, fold_persons
from models.encoders.graph import hop_distances
from models.encoders.temporal import MultiScaleTemporal
from models.encoders.topology import CODE_LENGTH, TopologyCode

_WIDTHS = (128,) * 4 + (256,) * 6
_GROUPS, _RELATIONS = 8, 3


class BlockGCN(GraphEncoder):
    """Ten blocks of grouped static graph convolution and multi-scale convolution over time.

    Args:
        num_classes: K.
        layout: Skeleton of the input; must be connected.
        in_channels: C.
        time_steps: T.
        persons: M, merged by their mean.
        dropout: Probability before the classifier.
        topology: Add the topology code to the input of every block.

    Raises:
        ValueError: The layout is not connected.
    """

    memory_format = torch.contiguous_format
    wants_joints = True

    def __init__(
        self,
        num_classes: int,
        layout: SkeletonLayout,
        *,
        in_channels: int = 3,
        time_steps: int = 64,
        persons: int = 1,
        dropout: float = 0.0,
        topology: bool = True,
    ) -> None:
        stages = list(plan(_WIDTHS[0], _WIDTHS))
        hops = hop_distances(layout)
        blocks = [
            Block(
                BlockGraphConv(before, after, hops), MultiScaleTemporal(after, stride), shortcut(before, after, stride)
            )
            for before, after, stride in stages
        ]
        super().__init__(
            blocks,
            num_classes=num_classes,
            joints=len(layout),
            time_steps=time_steps,
            persons=persons,
            stem_channels=_WIDTHS[0],
            width=_WIDTHS[-1],
            dropout=dropout,
        )
        self.dims = layout.dims
        self.embed = nn.Linear(in_channels, _WIDTHS[0])
        self.joint_embedding = nn.Parameter(torch.randn(len(layout), _WIDTHS[0]))
        self.topology = TopologyCode() if topology else None
        self.projectors = nn.ModuleList(_Projector(before) for before, _, _ in stages) if topology else None

    def forward(self, x: Tensor, joints: Tensor | None = None) -> EncoderOutput:
        """Classify clips ``[N, C, T, V, M]``.

        Args:
            x: Any stream.
            joints: Joint positions ``[N, D, T, V, M]`` behind a bone or motion stream, for the topology code. By
                default the first channels of ``x`` are taken for them.
        """
        embedded = self.embed(fold_persons(x).permute(0, 2, 3, 1)) + self.joint_embedding
        y = self.data_norm(embedded.permute(0, 3, 1, 2))
        if self.topology is None or self.projectors is None:
            for block in self.blocks:
                y = block(y)
            return self.pool(y)
        code = self.topology(x[:, : self.dims] if joints is None else joints)
        for block, projector in zip(self.blocks, self.projectors, strict=True):
            bias = projector(code)[:, None].expand(-1, self.persons, -1).flatten(0, 1)
            y = block(y + bias[:, :, None, None])
        return self.pool(y)


class BlockGraphConv(nn.Module):
    """``[N, C, T, V] -> [N, D, T, V]``: eight channel groups with three graphs each; columns of a graph receive.

    Args:
        in_channels: C, divisible by 8.
        out_channels: D.
        hops: Distance of joints ``[V, V]``.
    """

    hops: Tensor

    def __init__(self, in_channels: int, out_channels: int, hops: Tensor) -> None:
        super().__init__()
        self.register_buffer("hops", hops, persistent=False)
        self.graph = nn.Parameter(torch.eye(len(hops)).repeat(_GROUPS, _RELATIONS, 1, 1))
        self.hop_weight = nn.Parameter(0.02 * torch.randn(_GROUPS, _RELATIONS, int(hops.max()) + 1))
        self.value = nn.Conv2d(_RELATIONS * in_channels, out_channels, 1, groups=_GROUPS, bias=False)
        self.value_bias = nn.Parameter(torch.zeros(_RELATIONS, out_channels))
        self.norm = nn.BatchNorm2d(out_channels)
        self.skip = shortcut(in_channels, out_channels)
        nn.init.kaiming_normal_(self.value.weight, mode="fan_out")

    def effective_graph(self) -> Tensor:
        """Learned graph plus hop weights, both with columns of about unit length, ``[8, 3, V, V]``."""
        return _unit_columns(self.graph) + _unit_columns(self.hop_weight[:, :, self.hops])

    def forward(self, x: Tensor) -> Tensor:
        C, T, V = x.shape[1:]
        grouped = x.reshape(-1, _GROUPS, 1, C // _GROUPS * T, V)
        received = (grouped @ self.effective_graph()).reshape(-1, _RELATIONS * C, T, V)
        y = self.norm(conv2d(received, self.value.weight, self.value_bias.sum(0), groups=_GROUPS))
        out: Tensor = (y + self.skip(x)).relu()
        return out


class _Projector(nn.Sequential):
    """Topology code to one bias per channel of a block's input."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.Linear(CODE_LENGTH, channels), nn.BatchNorm1d(channels), nn.ReLU())


def _unit_columns(graph: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(graph, dim=-2, keepdim=True)
    return graph / (length + 1e-4)
