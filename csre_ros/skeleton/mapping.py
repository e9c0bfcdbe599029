"""Mapping between layouts by joint name. A joint that cannot be derived is missing, never invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from csre_ros.skeleton.layout import SkeletonLayout
from csre_ros.skeleton.skeleton import FloatArray, Skeleton

# target joint -> recipes in order of preference; a recipe is the joints whose mean it is.
_SIDED: Mapping[str, Sequence[Sequence[str]]] = {
    "hand": (("index", "pinky"), ("hand_tip", "wrist")),
    "hand_tip": (("middle",), ("index", "pinky")),
    "foot": (("foot_index",), ("big_toe", "small_toe")),
    "foot_index": (("foot",), ("big_toe", "small_toe")),
}
_DERIVATIONS: Mapping[str, Sequence[Sequence[str]]] = {
    "pelvis": (("left_hip", "right_hip"),),
    "spine_shoulder": (("spine_chest",), ("spine_3",), ("left_shoulder", "right_shoulder")),
    "spine_mid": (("spine_navel",), ("spine_2",), ("pelvis", "spine_shoulder")),
    "spine_navel": (("spine_mid",), ("spine_2",), ("pelvis", "spine_shoulder")),
    "spine_chest": (("spine_shoulder",),),
    "neck": (("spine_shoulder",),),
    "head": (("left_ear", "right_ear"), ("nose",)),
    **{
        f"{side}_{joint}": tuple(tuple(f"{side}_{source}" for source in recipe) for recipe in recipes)
        for joint, recipes in _SIDED.items()
        for side in ("left", "right")
    },
}


def _weights(joint: str, source: SkeletonLayout, visiting: frozenset[str] = frozenset()) -> dict[str, float] | None:
    """``joint`` as a weighted mean of the source's joints, or None when no recipe reaches them."""
    if joint in source.index:
        return {joint: 1.0}
    if joint in visiting:
        return None
    for recipe in _DERIVATIONS.get(joint, ()):
        found = [_weights(name, source, visiting | {joint}) for name in recipe]
        if all(found):
            total: dict[str, float] = {}
            for part in found:
                for name, weight in (part or {}).items():
                    total[name] = total.get(name, 0.0) + weight / len(found)
            return total
    return None


class LayoutMapping:
    """Skeletons of one layout as skeletons of another.

    Args:
        source: Layout of the data.
        target: Layout that is wanted.

    >>> from csre_ros.skeleton import get_layout
    >>> LayoutMapping(get_layout("coco17"), get_layout("kinect20")).missing
    ('left_hand', 'right_hand', 'left_foot', 'right_foot')
    """

    def __init__(self, source: SkeletonLayout, target: SkeletonLayout) -> None:
        self.source = source
        self.target = target
        self._matrix = np.zeros((len(target), len(source)), dtype=np.float32)
        for row, joint in enumerate(target.joints):
            for name, weight in (_weights(joint, source) or {}).items():
                self._matrix[row, source.index[name]] = weight
        self._uses = self._matrix > 0

    @property
    def missing(self) -> tuple[str, ...]:
        """Target joints that this source can never deliver."""
        return tuple(joint for joint, used in zip(self.target.joints, self._uses.any(axis=1), strict=True) if not used)

    def apply(self, positions: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Map arrays of any leading shape.

        Args:
            positions: ``[..., V_source, D]``; NaN where a joint is missing.
            confidence: ``[..., V_source]``; 0 where a joint is missing.

        Returns:
            ``[..., V_target, D]`` and ``[..., V_target]``. A derived joint is as confident as the least confident
            joint it was derived from.
        """
        seen = np.where(confidence[..., None] > 0, positions, 0.0).astype(np.float32)
        mapped = self._matrix @ seen
        weakest = np.where(self._uses, confidence[..., None, :], np.inf).min(axis=-1)
        mapped_confidence = np.where(np.isinf(weakest), 0.0, weakest).astype(np.float32)
        mapped[mapped_confidence == 0] = np.nan
        return mapped, mapped_confidence

    def __call__(self, skeleton: Skeleton) -> Skeleton:
        """Map one skeleton.

        Raises:
            ValueError: The skeleton has another layout, or one side is 2-D and the other 3-D.
        """
        if skeleton.layout != self.source:
            raise ValueError(f"this mapping takes {self.source.name!r} skeletons, not {skeleton.layout.name!r}")
        if self.source.dims != self.target.dims:
            raise ValueError(
                f"{self.source.name!r} is {self.source.dims}-D and {self.target.name!r} {self.target.dims}-D; "
                "depth is never invented: use a bundle that declares the dimensions of your source"
            )
        positions, confidence = self.apply(skeleton.positions, skeleton.confidence)
        points = None
        if skeleton.image_points is not None:
            points, _ = self.apply(skeleton.image_points, skeleton.confidence)
        return Skeleton(self.target, positions, confidence, skeleton.source_id, points)


def mirror(
    positions: FloatArray, confidence: FloatArray, layout: SkeletonLayout, aspect: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Exchange left and right: the same movement as a mirror would show it.

    Args:
        positions: ``[..., V, D]`` with x to the right.
        confidence: ``[..., V]``.
        layout: Layout of both.
        aspect: Of image points the width of the picture in image heights, so that they stay inside it; 0 mirrors at
            the origin, as metres want it.
    """
    swapped = positions[..., layout.mirror, :].copy()
    swapped[..., 0] = aspect - swapped[..., 0]
    return swapped, confidence[..., layout.mirror]
