"""Topology code of BlockGCN: zero-dimensional persistent homology of the mean pose."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CODE_LENGTH = 64


class TopologyCode(nn.Module):
    """64 learned bumps over the tree lengths of a clip's mean pose. Plain tensor operations, so it exports."""

    def __init__(self) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.rand(CODE_LENGTH, 2))
        self.sharpness = nn.Parameter(torch.full((CODE_LENGTH, 2), 3.0))

    def forward(self, joints: Tensor) -> Tensor:
        """Code ``[N, 64]`` of joint positions ``[N, D, T, V, M]``; no gradient flows into the positions."""
        deaths = tree_lengths(joint_distances(joints.detach()))
        birth, death = self.centres.unbind(1)
        birth_sharpness, death_sharpness = self.sharpness.square().unbind(1)
        exponent = birth_sharpness * birth**2 + death_sharpness * (death - deaths[:, :, None]) ** 2
        return torch.exp(-exponent).sum(1)


def joint_distances(joints: Tensor) -> Tensor:
    """How differently two joints see the mean pose, ``[N, V, V]``.

    Distances of the joints' mean positions over frames and persons are divided by the clip's largest; the result
    compares their rows. It does not change when the skeleton is moved, turned, mirrored or scaled.

    Args:
        joints: ``[N, D, T, V, M]``.
    """
    mean = joints.mean((2, 4)).mT
    distances = _pairwise(mean)
    largest = distances.amax((1, 2), keepdim=True)
    return _pairwise(distances / largest.clamp(min=torch.finfo(distances.dtype).tiny))


def tree_lengths(distances: Tensor) -> Tensor:
    """Edge lengths of the minimum spanning tree, by Prim's algorithm on a whole batch.

    Args:
        distances: ``[N, V, V]``.

    Returns:
        ``[N, V - 1]``, in the order the tree grows. They are the deaths of the components of the Rips filtration.
    """
    V = distances.shape[1]
    joint = torch.arange(V, device=distances.device)
    in_tree = (joint == 0).expand(distances.shape[0], -1)
    reach = distances[:, 0]  # of every joint, from the tree
    lengths = []
    for _ in range(V - 1):
        length, nearest = reach.masked_fill(in_tree, torch.inf).min(1)
        lengths.append(length)
        added = joint == nearest[:, None]
        in_tree = in_tree | added
        reach = reach.minimum((distances * added[:, :, None]).sum(1))
    return torch.stack(lengths, 1)


def _pairwise(points: Tensor) -> Tensor:
    return (points[:, :, None] - points[:, None]).square().sum(-1).sqrt()
