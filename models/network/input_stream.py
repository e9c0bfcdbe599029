"""The four streams of the public benchmarks: joints, bones, and the motion of both; part of the exported graph.

Source: the bone and motion streams of Shi et al., "Skeleton-Based Action Recognition With Multi-Stream Adaptive Graph
Convolutional Networks", IEEE TIP 29 (2020).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from csre_ros.skeleton import SkeletonLayout
from models.encoders.graph import spatial_partition

STREAMS = ("joint", "bone", "joint_motion", "bone_motion")


class InputStream(nn.Module):
    """``[B, dims, T, V, P]`` joints to a stream of the same shape.

    A bone is the way from the parent to the child. Motion is the step to the next frame, zero in the last one. What
    hangs on an unseen joint is zero.

    Args:
        name: One of :data:`STREAMS`.
        layout: Skeleton; bones follow the tree that the graph encoders use.
        relative: Measure the joint stream from the root of every frame. In all streams the root keeps its coordinates
            then, which carry the trajectory. So do Hyperformer, BlockGCN and CSRE. Without it, as in 2S-AGCN and
            CTR-GCN, joints stay as they are and the root has a bone of length zero.

    Raises:
        ValueError: There is no such stream.
    """

    parents: Tensor
    subtracts: Tensor

    def __init__(self, name: str, layout: SkeletonLayout, *, relative: bool = False) -> None:
        super().__init__()
        if name not in STREAMS:
            raise ValueError(f"unknown stream {name!r}; choose one of: {', '.join(STREAMS)}")
        self.name, self.relative = name, relative
        kind, _, motion = name.partition("_")
        self._motion = bool(motion)
        root = layout.index[layout.root]
        if kind == "bone":
            towards_parent = spatial_partition(layout)[2]
            parents = towards_parent.argmax(1)
            parents[root] = root
        else:
            parents = torch.full((len(layout),), root)
        subtracts = torch.full((len(layout),), kind == "bone" or relative)
        subtracts[root] &= not relative
        self.register_buffer("parents", parents, persistent=False)
        self.register_buffer("subtracts", subtracts, persistent=False)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Turn joints into the stream.

        Args:
            x: ``[B, dims, T, V, P]``, zero where not seen.
            seen: ``[B, 1, T, V, P]``, 1 where a joint was seen, else 0.
        """
        origin = self.subtracts[:, None].to(x.dtype)
        x = x - x.index_select(3, self.parents) * origin
        seen = seen * (1 - origin * (1 - seen.index_select(3, self.parents)))
        if self._motion:
            x, seen = x[:, :, 1:] - x[:, :, :-1], seen[:, :, 1:] * seen[:, :, :-1]
            x, seen = (nn.functional.pad(part, (0, 0, 0, 0, 0, 1)) for part in (x, seen))
        return x * seen
