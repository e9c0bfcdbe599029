"""Bodies as bones: they let one stream be made of many people's clips, with one set of bone lengths and one heading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from csre_ros.skeleton import FloatArray
from models.data.synthesis import BODY

_PELVIS, _CHEST = "pelvis", "chest"
_TREE = (
    ("left_hip", _PELVIS), ("left_knee", "left_hip"), ("left_ankle", "left_knee"),
    ("right_hip", _PELVIS), ("right_knee", "right_hip"), ("right_ankle", "right_knee"),
    (_CHEST, _PELVIS), ("head", _CHEST),
    ("left_shoulder", _CHEST), ("left_elbow", "left_shoulder"), ("left_wrist", "left_elbow"),
    ("right_shoulder", _CHEST), ("right_elbow", "right_shoulder"), ("right_wrist", "right_elbow"),
)  # fmt: skip
"""Joint and parent, parents first; pelvis and chest are the middles of hips and shoulders."""

LEGS = slice(0, 6)
"""Bones that end in hips, knees and ankles."""

ARM_BONES = (9, 10, 12, 13)
"""Bones that end in elbows and wrists."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Some frames of a body.

    Attributes:
        bones: ``[T, 14, 3]`` metres, child less parent.
        pelvis: ``[T, 3]`` metres.
    """

    bones: FloatArray
    pelvis: FloatArray

    def __len__(self) -> int:
        return len(self.bones)

    def __getitem__(self, part: slice) -> Motion:
        return Motion(self.bones[part], self.pelvis[part])

    @classmethod
    def of(cls, positions: FloatArray) -> Motion:
        """The bones of ``[T, 13, 3]`` positions in the ``body13`` layout, all of them known."""
        points = {name: positions[:, BODY.index[name]] for name in BODY.joints}
        points[_PELVIS] = (points["left_hip"] + points["right_hip"]) / 2
        points[_CHEST] = (points["left_shoulder"] + points["right_shoulder"]) / 2
        bones = np.stack([points[joint] - points[parent] for joint, parent in _TREE], axis=1)
        return cls(bones.astype(np.float32), points[_PELVIS].astype(np.float32))

    def positions(self) -> FloatArray:
        """``[T, 13, 3]`` in the ``body13`` layout."""
        points = {_PELVIS: self.pelvis}
        for bone, (joint, parent) in enumerate(_TREE):
            points[joint] = points[parent] + self.bones[:, bone]
        return np.stack([points[name] for name in BODY.joints], axis=1)

    def lengths(self) -> FloatArray:
        """``[14]`` median length of every bone."""
        lengths: FloatArray = np.median(np.linalg.norm(self.bones, axis=-1), axis=0).astype(np.float32)
        return np.maximum(lengths, 0.02)

    def resized(self, lengths: FloatArray) -> Motion:
        """The same movement by a body with other bone lengths; its travel scales with the legs."""
        factors = lengths / self.lengths()
        legs = float(factors[[1, 2, 4, 5]].mean())
        return Motion(self.bones * factors[:, None], self.pelvis * legs)

    def turned(self, angle: float) -> Motion:
        """Turned about the vertical, to the left for positive radians, in optical axes."""
        turn = rotation(angle)
        return Motion(self.bones @ turn.T, self.pelvis @ turn.T)

    def moved(self, offset: FloatArray) -> Motion:
        """Moved as a whole."""
        return Motion(self.bones, self.pelvis + offset)

    def heading(self, frame: int) -> float:
        """Angle of the line from right to left shoulder and hip about the vertical, in radians; 0 faces the camera."""
        line = self.bones[frame, 8] - self.bones[frame, 11] + self.bones[frame, 0] - self.bones[frame, 3]
        return float(np.arctan2(-line[2], line[0]))

    def ground(self, frame: int) -> float:
        """Height of the lower ankle (y points down)."""
        ankles = [self.bones[frame, first : first + 3, 1].sum() for first in (0, 3)]
        return float(self.pelvis[frame, 1] + max(ankles))


def rotation(angle: float) -> FloatArray:
    """``[3, 3]`` rotation about the vertical by radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array(((c, 0, s), (0, 1, 0), (-s, 0, c)), np.float32)


def blend(before: Motion, after: Motion, frames: int) -> Motion:
    """Smooth way from the last frame of one movement to the first of another, both ends excluded."""
    share = np.linspace(0, 1, frames + 2, dtype=np.float32)[1:-1]
    share = (share * share * (3 - 2 * share))[:, None]
    pelvis = before.pelvis[-1] * (1 - share) + after.pelvis[0] * share
    share = share[..., None]
    bones = before.bones[-1] * (1 - share) + after.bones[0] * share
    return Motion(bones, pelvis)


def join(parts: list[Motion]) -> Motion:
    """One movement after the other."""
    return Motion(np.concatenate([part.bones for part in parts]), np.concatenate([part.pelvis for part in parts]))
