"""Frames as the files hold them, in our joints and axes: the part that all readers of Kinect recordings share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from csre_ros.skeleton import FloatArray, SkeletonLayout
from csre_ros.skeleton.kinect import TO_OPTICAL, joint_name
from models.data.report import LoadReport


def joint_order(names: Sequence[str], layout: SkeletonLayout, file: str) -> list[int]:
    """Where the joints of a layout stand in a file.

    Args:
        names: Joint names of the file, in its order and words.
        layout: Layout of the result.
        file: Named in errors.

    Raises:
        ValueError: The file lacks a joint.
    """
    ours = [joint_name(str(name)) for name in names]
    if missing := sorted(set(layout.joints) - set(ours)):
        raise ValueError(f"{file} lacks the joints {missing} of {layout.name!r}")
    return [ours.index(joint) for joint in layout.joints]


def to_clip_frames(
    frames: FloatArray, order: Sequence[int], flip: Sequence[float] = TO_OPTICAL
) -> tuple[FloatArray, FloatArray]:
    """Positions and confidence of a clip.

    A joint counts as seen where all its values are finite and it does not lie at the very origin of the camera.

    Args:
        frames: ``[T, V', 3]`` or more values per joint, of which the first three are coordinates.
        order: Index of every joint of the layout among the V' of the file.
        flip: Factors that turn the file's axes into camera-optical ones.

    Returns:
        ``[T, V, 3]``, 0 where not seen, and ``[T, V]``, 0 or 1.
    """
    chosen = frames[:, list(order)]
    seen = np.isfinite(chosen).all(-1) & (np.abs(chosen[..., :3]).sum(-1) > 0)
    positions = np.where(seen[..., None], chosen[..., :3] * np.asarray(flip, np.float32), 0)
    return positions.astype(np.float32), seen.astype(np.float32)


def remark(frames: FloatArray, name: str, report: LoadReport) -> bool:
    """Note what is wrong with the frames of a clip.

    Returns:
        Whether anything can be seen in it; a clip of zeros is to be left out.
    """
    finite = np.isfinite(frames).all(axis=(1, 2))
    empty = (np.nan_to_num(frames[..., :3]) == 0).all(axis=(1, 2))
    if empty.all():
        report.note("nothing but zeros, left out", name)
        return False
    if len(frames) == 1:
        report.note("one frame, kept", name)
    if not finite.all():
        report.note("joints that are not finite, taken as not seen", name)
    if empty.any():
        report.note("frames of zeros, taken as not seen", name)
    return True
