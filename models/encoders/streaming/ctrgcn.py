"""CTR-GCN for streams: refined graphs from a running mean pose, multi-scale temporal convolutions over the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from csre_ros.skeleton.layout import SkeletonLayout
from models.encoders.backbone import he_normal, quiet_norm, shortcut
from models.encoders.graph import spatial_partition
from models.encoders.streaming.base import StateShapes, StreamEncoder, StreamOutput
from models.encoders.streaming.causal import CausalConv2d, States, put, take

_POSE_FRAMES = 15.0
"""Reach of the running mean pose: the window form takes the mean over the whole clip."""


class StreamCTRGCN(StreamEncoder):
    """A learned graph per direction, refined for every channel by the person's recent pose; joints pooled at the end.

    Where the window form halves time, this one doubles the dilation of its temporal kernels.

    Args:
        num_classes: K.
        layout: Skeleton of the input; must be connected.
        in_channels: C.
        widths: Channels behind every block.
        dilations: Of the temporal kernels of every block.
        groups: Channels of a block that share one refined graph are its width over this: a graph for every frame and
            every channel, as the pose moves on, would be most of the work.
        dropout: Probability before the classifier.

    Raises:
        ValueError: The layout is not connected, or widths and dilations differ in number.
    """

    def __init__(
        self,
        num_classes: int,
        layout: SkeletonLayout,
        *,
        in_channels: int,
        widths: Sequence[int] = (32, 32, 64, 64),
        dilations: Sequence[int] = (1, 1, 2, 4),
        groups: int = 8,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if len(widths) != len(dilations):
            raise ValueError(f"every block needs a width and a dilation, not {list(widths)} and {list(dilations)}")
        graph, joints = spatial_partition(layout), len(layout)
        self._joints = joints
        self.data_norm = nn.BatchNorm1d(in_channels * joints)
        entering = (in_channels, *widths[:-1])
        self.blocks = nn.ModuleList(
            _Block(before, after, graph, groups, dilation, residual=number > 0)
            for number, (before, after, dilation) in enumerate(zip(entering, widths, dilations, strict=True))
        )
        self.feature_channels, self.feature_joints, self.embedding_dim = widths[-1], joints, widths[-1]
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Conv1d(widths[-1], num_classes, 1)
        self.receptive_frames = 1 + sum(8 * dilation for dilation in dilations)

    def state_shapes(self) -> StateShapes:
        """Shapes of all states."""
        shapes: StateShapes = {}
        for number, block in enumerate(self.blocks):
            assert isinstance(block, _Block)
            shapes |= {f"block{number}_{name}": shape for name, shape in block.state_shapes(self._joints).items()}
        return shapes

    def forward(self, x: Tensor, states: Mapping[str, Tensor]) -> StreamOutput:
        """Label the frames ``x [N, C, T, V]``."""
        N, C, T, V = x.shape
        x = self.data_norm(x.permute(0, 1, 3, 2).reshape(N, C * V, T)).reshape(N, C, V, T).permute(0, 1, 3, 2)
        after: States = {}
        for number, block in enumerate(self.blocks):
            x, new = block(x, take(states, f"block{number}_"))
            after |= put(new, f"block{number}_")
        embedding = x.mean(3)
        return StreamOutput(self.classifier(self.dropout(embedding)), x, embedding, after)


class _Block(nn.Module):
    def __init__(self, before: int, after: int, graph: Tensor, groups: int, dilation: int, residual: bool) -> None:
        super().__init__()
        self.spatial = _TopologyConv(before, after, graph, groups)
        self.temporal = _Temporal(after, dilation)
        self.residual = shortcut(before, after) if residual else None

    def state_shapes(self, joints: int) -> StateShapes:
        return self.spatial.state_shapes(joints) | self.temporal.state_shapes(joints)

    def forward(self, x: Tensor, states: Mapping[str, Tensor]) -> tuple[Tensor, States]:
        y, after = self.spatial(x, states)
        y, new = self.temporal(y, states)
        if self.residual is not None:
            y = y + self.residual(x)
        return y.relu(), after | new


class _TopologyConv(nn.Module):
    """``[N, C, T, V] -> [N, D, T, V]``: the sum of three refined graphs' messages; rows of a graph receive."""

    def __init__(self, in_channels: int, out_channels: int, graph: Tensor, groups: int) -> None:
        super().__init__()
        self._in, self._subsets, self._groups = in_channels, len(graph), groups
        width = 8 if in_channels < 16 else in_channels // 8
        self.receiver = he_normal(nn.Conv2d(in_channels, width * len(graph), 1))
        self.sender = he_normal(nn.Conv2d(in_channels, width * len(graph), 1))
        self.value = he_normal(nn.Conv2d(in_channels, out_channels * len(graph), 1))
        self.lift = nn.Conv1d(width * len(graph), groups * len(graph), 1, groups=len(graph))
        nn.init.kaiming_normal_(self.lift.weight, mode="fan_out")
        nn.init.zeros_(self.lift.bias)  # type: ignore[arg-type]
        self.graph = nn.Parameter(graph.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.norm = quiet_norm(out_channels)
        self.skip = shortcut(in_channels, out_channels)

    def state_shapes(self, joints: int) -> StateShapes:
        return {"pose": (self._in, 1, joints), "seen": (1,)}

    def forward(self, x: Tensor, states: Mapping[str, Tensor]) -> tuple[Tensor, States]:
        N, _, T, V = x.shape
        pose, after = _running_pose(x, states)
        difference = (self.receiver(pose)[..., :, None] - self.sender(pose)[..., None, :]).tanh()
        relation = self.lift(difference.flatten(2)).reshape(N, self._subsets, self._groups, T, V, V)
        graphs = relation * self.alpha + self.graph[:, None, None]
        values = self.value(x).reshape(N, self._subsets, self._groups, -1, T, V).permute(0, 1, 2, 4, 5, 3)
        messages = (graphs @ values).sum(1).permute(0, 1, 4, 2, 3).reshape(N, -1, T, V)
        out: Tensor = (self.norm(messages) + self.skip(x)).relu()
        return out, after


def _running_pose(x: Tensor, states: Mapping[str, Tensor]) -> tuple[Tensor, States]:
    """Fading mean of the frames so far ``[N, C, T, V]``."""
    frames = x.shape[2]
    decay = 1 - 1 / _POSE_FRAMES
    age = torch.arange(frames, device=x.device)
    ages = age[:, None] - age[None]
    fade = torch.where(ages >= 0, decay ** ages.clamp(min=0).to(x.dtype), 0.0)
    old = decay ** (age + 1).to(x.dtype)
    sums = fade @ x + old[:, None] * states["pose"]
    counts = fade.sum(1) + old * states["seen"]
    return sums / counts[:, None, :, None], {"pose": sums[:, :, -1:], "seen": counts[:, -1:]}


class _Temporal(nn.Module):
    """Four branches over the past, a quarter of the channels each: two dilations, a maximum, a plain projection."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        width = channels // 4
        self._width, self._dilation = width, dilation
        self.reduce = he_normal(nn.Conv2d(channels, 3 * width, 1))
        self.reduce_norm = nn.BatchNorm2d(3 * width)
        self.near = CausalConv2d(width, width, 5, dilation)
        self.far = CausalConv2d(width, width, 5, 2 * dilation)
        self.plain = he_normal(nn.Conv2d(channels, width, 1))
        self.norm = nn.BatchNorm2d(channels)
        for conv in (self.near, self.far):
            he_normal(conv)

    def state_shapes(self, joints: int) -> StateShapes:
        return {
            "near": self.near.state_shape(joints),
            "far": self.far.state_shape(joints),
            "peak": (self._width, 2 * self._dilation, joints),
        }

    def forward(self, x: Tensor, states: Mapping[str, Tensor]) -> tuple[Tensor, States]:
        after: States = {}
        near, far, peak = self.reduce_norm(self.reduce(x)).relu().chunk(3, dim=1)
        near, after["near"] = self.near.step(near, states["near"])
        far, after["far"] = self.far.step(far, states["far"])
        # The branches are not negative, so the zeros of the beginning never are a maximum that was not seen.
        peak = torch.cat((states["peak"], peak), dim=2)
        after["peak"] = peak[:, :, peak.shape[2] - 2 * self._dilation :]
        peak = max_pool2d(peak, (3, 1), (1, 1), dilation=(self._dilation, 1))
        return self.norm(torch.cat((near, far, peak, self.plain(x)), dim=1)), after
