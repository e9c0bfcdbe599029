"""What the graph encoders read off a skeleton layout: spatial partition, hop distances, joint groups."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

from csre_ros.skeleton.layout import SkeletonLayout

# The published 2S-AGCN and CTR-GCN graphs hang NTU's hand tips on the thumbs instead of on the hands.
_NTU25_CHAIN_TIPS = {("left_hand_tip", "left_hand"): "left_thumb", ("right_hand_tip", "right_hand"): "right_thumb"}


def spatial_partition(layout: SkeletonLayout) -> Tensor:
    """Adjacency split by direction along the tree, float32 ``[3, V, V]``.

    ``[0]`` is the identity, ``[1][parent, child]`` and ``[2][child, parent]`` hold the bones, each divided by its
    column sums. A layout with cycles is cut to its breadth-first spanning tree.

    Raises:
        ValueError: The layout is not connected.
    """
    bones = layout.bone_indices
    if layout.name == "ntu25":
        names = [(child, _NTU25_CHAIN_TIPS.get((child, parent), parent)) for child, parent in layout.bones]
        bones = tuple((layout.index[child], layout.index[parent]) for child, parent in names)
    outwards = torch.zeros(len(layout), len(layout))
    for child, parent in _spanning_tree(layout, bones):
        outwards[parent, child] = 1
    directed = torch.stack([outwards, outwards.T])
    directed = directed / directed.sum(1, keepdim=True).clamp(min=1)
    return torch.cat([torch.eye(len(layout))[None], directed])


def hop_distances(layout: SkeletonLayout) -> Tensor:
    """Bones on the shortest way between two joints, int64 ``[V, V]``.

    Raises:
        ValueError: The layout is not connected.
    """
    neighbours = _neighbours(len(layout), layout.bone_indices)
    rows = []
    for start in range(len(layout)):
        distance = {start: 0}
        queue = deque([start])
        while queue:
            joint = queue.popleft()
            for other in neighbours[joint]:
                if other not in distance:
                    distance[other] = distance[joint] + 1
                    queue.append(other)
        _check_connected(layout, distance)
        rows.append([distance[joint] for joint in range(len(layout))])
    return torch.tensor(rows)


# Hyperformer's partitions of NTU's joints, learned, and of Kinect 1's for bones: odd, and published as they are.
_NTU25_GROUPS = (0, 4, 2, 2, 2, 2, 1, 1, 2, 2, 1, 1, 2, 3, 3, 3, 2, 3, 3, 3, 1, 0, 1, 0, 1)
_KINECT20_BONE_GROUPS = (0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 2, 2, 2, 0, 2, 2, 2)


def joint_groups(layout: SkeletonLayout, stream: str = "joint") -> tuple[int, ...]:
    """Hyperedge of every joint: Hyperformer's published ones where there are any, else trunk with head, arms, legs.

    Groups are numbered from 0 in order of first joint, without gaps. Published are NTU's, and for Kinect 1 (NW-UCLA)
    one set for the streams of joints, which is the one made here, and another for the streams of bones.

    Args:
        layout: Skeleton.
        stream: One of ``models.network.input_stream.STREAMS``.
    """
    if layout.name == "ntu25":
        return _NTU25_GROUPS
    if layout.name == "kinect20" and stream.startswith("bone"):
        return _KINECT20_BONE_GROUPS
    limb = {joint: part.rpartition("_")[2] for part, joints in layout.parts.items() for joint in joints}
    kinds = [limb[joint] if limb[joint] in ("arm", "leg") else "trunk" for joint in layout.joints]
    order = list(dict.fromkeys(kinds))
    return tuple(order.index(kind) for kind in kinds)


def _neighbours(joints: int, bones: tuple[tuple[int, int], ...]) -> list[list[int]]:
    neighbours: list[list[int]] = [[] for _ in range(joints)]
    for child, parent in bones:
        neighbours[child].append(parent)
        neighbours[parent].append(child)
    return neighbours


def _spanning_tree(layout: SkeletonLayout, bones: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """``(child, parent)`` pairs of the breadth-first tree from the layout's root."""
    neighbours = _neighbours(len(layout), bones)
    root = layout.index[layout.root]
    tree, seen, queue = [], {root: 0}, deque([root])
    while queue:
        parent = queue.popleft()
        for child in neighbours[parent]:
            if child not in seen:
                seen[child] = 0
                tree.append((child, parent))
                queue.append(child)
    _check_connected(layout, seen)
    return tree


def _check_connected(layout: SkeletonLayout, reached: dict[int, int]) -> None:
    missing = [joint for i, joint in enumerate(layout.joints) if i not in reached]
    if missing:
        raise ValueError(
            f"the graph encoders need a connected skeleton, but the bones of layout {layout.name!r} do not link "
            f"{', '.join(missing)} to the other joints; use HCN or a layout such as body13"
        )
