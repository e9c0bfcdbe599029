"""Hyperformer: attention over joints with hyperedges and hop distances (Zhou et al., 2022), as released."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from csre_ros.skeleton.layout import SkeletonLayout
from models.encoders.backbone import Block, GraphEncoder, plan, shortcut
from models.encoders.graph import hop_distances, joint_groups
from models.encoders.temporal import MultiScaleTemporal

_WIDTH, _HEADS = 216, 9
_PROJECTION_GROUPS = 6


class Hyperformer(GraphEncoder):
    """Ten blocks of hypergraph attention within a frame and multi-scale convolution over time.

    Args:
        num_classes: K.
        layout: Skeleton of the input; must be connected.
        in_channels: C.
        time_steps: T.
        persons: M, merged by their mean.
        dropout: Probability before the classifier.
        groups: Hyperedge of every joint, numbered from 0; ``None`` takes :func:`~models.encoders.graph.joint_groups`.

    Raises:
        ValueError: The layout is not connected, or ``groups`` has another length than the layout or an empty group.
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
        groups: Sequence[int] | None = None,
    ) -> None:
        groups = joint_groups(layout) if groups is None else tuple(groups)
        if len(groups) != len(layout) or sorted(set(groups)) != list(range(max(groups, default=-1) + 1)):
            raise ValueError(
                f"groups must give each of the {len(layout)} joints of {layout.name!r} a number, 0 to G - 1 without "
                f"gaps, not {groups}"
            )
        hops = hop_distances(layout)
        blocks = [
            Block(
                HypergraphAttention(before, after, hops, groups, _HEADS),
                MultiScaleTemporal(after, stride),
                shortcut(before, after, stride),
            )
            for before, after, stride in plan(in_channels, (_WIDTH,) * 10)
        ]
        super().__init__(
            blocks,
            num_classes=num_classes,
            joints=len(layout),
            time_steps=time_steps,
            persons=persons,
            stem_channels=in_channels,
            width=_WIDTH,
            dropout=dropout,
        )


class HypergraphAttention(nn.Module):
    """``[N, C, T, V] -> [N, D, T, V]`` frame by frame; no feed-forward layer follows, as in the release.

    Args:
        in_channels: C.
        channels: D, divisible by 6 (the groups of the output projection) and by ``heads``.
        hops: Distance of joints ``[V, V]``.
        groups: Hyperedge of every joint.
        heads: H.
    """

    pooling: Tensor
    group_of: Tensor
    hop_index: Tensor

    def __init__(self, in_channels: int, channels: int, hops: Tensor, groups: Sequence[int], heads: int) -> None:
        super().__init__()
        V = len(hops)
        self.heads = heads
        self.norm = nn.LayerNorm(in_channels)
        self.query_key_value = nn.Linear(in_channels, 3 * channels, bias=False)
        self.hyperedge = nn.Linear(in_channels, channels, bias=False)
        self.hyperedge_bias = nn.Parameter(torch.zeros(heads, channels // heads))
        self.hop_table = nn.Parameter(torch.zeros(int(hops.max()) + 1, channels))
        self.static = nn.Parameter(torch.eye(V).repeat(heads, 1, 1))
        self.alpha = nn.Parameter(torch.zeros(1))
        self.project = nn.Conv2d(channels, channels, 1, groups=_PROJECTION_GROUPS)
        self.skip = nn.Identity() if in_channels == channels else nn.Conv2d(in_channels, channels, 1, bias=False)
        members = torch.tensor(groups) == torch.arange(max(groups) + 1)[:, None]
        self.register_buffer("pooling", members / members.sum(1, keepdim=True), persistent=False)
        self.register_buffer("group_of", torch.tensor(groups), persistent=False)
        # Where the score of joint n and the hop to joint m lies in a row of scores for all joints and hops.
        hop_index = torch.arange(V)[:, None] * len(self.hop_table) + hops
        self.register_buffer("hop_index", hop_index.flatten(), persistent=False)

    def attention(self, query: Tensor, key: Tensor, edge: Tensor) -> Tensor:
        """Softmax over the joints attended to.

        Args:
            query: ``[N, T, H, V, d]``.
            key: ``[N, T, H, V, d]``.
            edge: Feature of each hyperedge ``[N, T, G, H * d]``.

        Returns:
            ``[N, T, H, V, V]``; rows sum to 1.
        """
        T, H, V, d = query.shape[1:]
        edge = self._heads(edge)
        by_edge = (edge * self.hyperedge_bias[:, None]).sum(-1).index_select(-1, self.group_of)
        hop_keys = self.hop_table.reshape(-1, H, d).transpose(0, 1)
        by_hop = (query @ hop_keys.mT).flatten(-2).index_select(-1, self.hop_index).reshape(-1, T, H, V, V)
        scores = query @ (key + edge.index_select(-2, self.group_of)).mT + by_hop + by_edge[..., None, :]
        attention: Tensor = (scores * d**-0.5).softmax(-1)
        return attention

    def forward(self, x: Tensor) -> Tensor:
        last = x.permute(0, 2, 3, 1)
        query, key, value = (self._heads(part) for part in self.query_key_value(self.norm(last)).chunk(3, -1))
        attention = self.attention(query, key, self.hyperedge(self.pooling @ last))
        mixed = (self.alpha * attention + self.static) @ value
        y: Tensor = self.project(mixed.permute(0, 2, 4, 1, 3).flatten(1, 2)) + self.skip(x)
        return y

    def _heads(self, x: Tensor) -> Tensor:
        """``[N, T, V, H * d] -> [N, T, H, V, d]``."""
        return x.reshape(*x.shape[:3], self.heads, -1).transpose(2, 3)
