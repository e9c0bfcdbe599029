"""Skeleton layouts as data: which joints a source delivers, in which order, and how they hang together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class SkeletonLayout:
    """One joint convention.

    Attributes:
        name: Registry key, for example ``"kinect20"``.
        joints: Joint names in index order. Names are shared by all layouts, so mapping goes by name.
        bones: ``(child, parent)`` joint names. They form a tree unless the convention itself has cycles (BlazePose).
        root: The joint that trees start from.
        parts: Body parts (``torso``, ``left_arm``, ...) as joint names; every joint belongs to exactly one.
        dims: 3 for metric skeletons, 2 for sources that deliver image points only, in image heights.

    Raises:
        ValueError: A bone, part or root names a joint the layout lacks, or a part is incomplete.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]
    root: str
    parts: Mapping[str, tuple[str, ...]] = field(hash=False)
    dims: int = 3

    def __post_init__(self) -> None:
        known = set(self.joints)
        if len(known) != len(self.joints):
            raise ValueError(f"layout {self.name!r} repeats a joint name")
        used = {joint for bone in self.bones for joint in bone} | {self.root}
        if not used <= known:
            raise ValueError(f"layout {self.name!r} has no joints {sorted(used - known)}")
        if sorted(joint for part in self.parts.values() for joint in part) != sorted(self.joints):
            raise ValueError(f"the parts of layout {self.name!r} must hold every joint exactly once")
        if self.dims not in (2, 3):
            raise ValueError(f"layout {self.name!r} has dims {self.dims}; choose 2 or 3")

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Joint name to index."""
        return {joint: i for i, joint in enumerate(self.joints)}

    @cached_property
    def bone_indices(self) -> tuple[tuple[int, int], ...]:
        """``bones`` as ``(child, parent)`` indices."""
        return tuple((self.index[child], self.index[parent]) for child, parent in self.bones)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For each joint the index of its left/right counterpart (itself on the midline)."""
        return tuple(self.index[_other_side(joint)] for joint in self.joints)


def _other_side(joint: str) -> str:
    if joint.startswith("left_"):
        return "right_" + joint.removeprefix("left_")
    if joint.startswith("right_"):
        return "left_" + joint.removeprefix("right_")
    return joint
