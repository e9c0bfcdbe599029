"""From the bodies of an NTU RGB+D clip to one or two actors, as published with SGN and CTR-GCN.

Kinect reports furniture and reflections as bodies. They are told by how short they are seen, by how wide they are for
their height, and by how little they move.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray
from models.data.official.ntu_file import JOINTS, Body, variance

SHORT = 11
"""A body seen in so many frames or fewer is dropped."""
WIDE = 0.8
"""A frame is noisy where a body is wider than this share of its height."""
NOISY_SHARE = 0.69754
"""A body is dropped where this share of its frames is noisy."""
_MID_SPINE = 1


def denoise(bodies: Sequence[Body]) -> list[Body]:
    """Bodies that are people, the most moving one first; the last one left is not dropped by its width."""
    if len(bodies) < 2:
        return list(bodies)
    left = [body for body in bodies if len(body.joints) > SHORT]
    for body in list(left):
        if len(left) < 2:
            break
        wide = _wide(body)
        if wide.mean() >= NOISY_SHARE:
            left.remove(body)
        elif wide.any():
            body.motion = min(body.motion, variance(body.joints[~wide]))
    return sorted(left, key=lambda body: -body.motion)


def _wide(body: Body) -> NDArray[np.bool_]:
    """``[T]`` frames in which a body is wider than a person is."""
    extent = body.joints.max(axis=1) - body.joints.min(axis=1)
    wide: NDArray[np.bool_] = extent[:, 0] > WIDE * extent[:, 1]
    return wide


def actors(bodies: Sequence[Body], frames: int) -> FloatArray:
    """One or two actors out of denoised bodies.

    A body that is not seen at the same time as an actor is taken for that actor, who was lost and found again.

    Args:
        bodies: At least one.
        frames: Frames of the clip that hold a body.

    Returns:
        ``[T, M, 25, 3]`` with M 1 or 2. A single body keeps its own frames; two have those of the clip, and zeros
        where one is absent.
    """
    first, *others = bodies
    if not others:
        return first.joints[:, None]
    result: FloatArray = np.zeros((frames, 2, JOINTS, 3), np.float32)
    result[first.start : first.end + 1, 0] = first.joints
    spans = [(first.start, first.end), (0, 0)]
    for body in others:
        for actor, (start, end) in enumerate(spans):
            if min(end, body.end) - max(start, body.start) <= 0:
                result[body.start : body.end + 1, actor] = body.joints
                spans[actor] = (min(start, body.start), max(end, body.end))
                break
    return result


def translate(clip: FloatArray) -> FloatArray:
    """Put the origin of ``[T, M, 25, 3]`` into the mid spine of actor 1 in the first frame that shows him.

    Where one of two actors is absent the zeros stay.
    """
    shown = (clip[:, 0] != 0).any(axis=(1, 2))
    moved: FloatArray = clip - clip[shown.argmax(), 0, _MID_SPINE]
    if clip.shape[1] == 2:
        moved[clip.sum(axis=(2, 3)) == 0] = 0
    return moved
