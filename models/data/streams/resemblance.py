"""Which frames of made-up background look like one of the own actions, so that nothing can be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from csre_ros.skeleton import FloatArray
from models.data.streams.body import ARM_BONES, Motion, rotation
from models.data.streams.labels import ANYTHING, REST, StreamLabels
from models.data.streams.pieces import Piece
from models.data.streams.stream import Stream
from models.data.synthesis import BODY

_BONES = (*ARM_BONES, 1, 2, 4, 5)
"""Bones whose directions make a pose: upper and lower arms, thighs and shanks."""
_ALIKE_COS = float(np.cos(np.deg2rad(35)))
"""Poses are alike where no bone differs by more."""
_MOST = 300


class KeyPoses:
    """Poses of actions that nobody takes who stands with hanging arms.

    Args:
        pieces: The actions.
        mirrored: Whether their mirror images count too.
    """

    def __init__(self, pieces: Sequence[Piece], mirrored: bool) -> None:
        motions = [piece.motion[piece.start : piece.end].positions() for piece in pieces]
        if mirrored:
            motions += [motion[:, list(BODY.mirror)] * np.array((-1, 1, 1), np.float32) for motion in motions]
        poses = np.concatenate([_directions(motion) for motion in motions])
        standing = poses[..., 1].min(1) > _ALIKE_COS  # y points down
        poses = poses[~standing]
        self._poses = poses[:: max(len(poses) // _MOST, 1)]

    def alike(self, positions: FloatArray) -> FloatArray:
        """``[T]`` bool: whether a frame of ``[T, 13, 3]`` looks like one of them."""
        if not len(self._poses):
            return np.zeros(len(positions), bool)
        cosines = np.einsum("tbi,pbi->tpb", _directions(positions), self._poses)
        found: FloatArray = (cosines.min(2) > _ALIKE_COS).any(1)
        return found

    def doubt(self, stream: Stream, labels: StreamLabels) -> Stream:
        """A stream that says nothing of background that looks like an action."""
        alike = (stream.target == labels.target(REST)) & self.alike(stream.positions)
        return replace(stream, target=np.where(alike, labels.target(ANYTHING), stream.target))


def _directions(positions: FloatArray) -> FloatArray:
    """``[T, 8, 3]`` unit bones of bodies that are turned to face the camera."""
    motion = Motion.of(positions)
    bones = motion.bones[:, _BONES]
    turns = np.stack([rotation(-motion.heading(frame)) for frame in range(len(motion))])
    bones = np.einsum("tij,tbj->tbi", turns, bones)
    directions: FloatArray = bones / np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-6)
    return directions
