"""The shared ``.npz`` form of the data sets: read whole, checked once, then cut into recordings.

``frames`` holds all sequences one after the other, and ``offset`` and ``length`` say where each of them lies. A file of
sequences has a ``label`` (from 1) for each, a file of continuous streams a ``frame_label`` (from 0) for every frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton.kinect import KINECT_JOINTS
from models.data.official.recording import Recording

Arrays = Mapping[str, NDArray[Any]]

_SPLITS = ("train", "test")

# What every array holds, as in numpy.dtype.kind.
_KINDS = {"f": "floats", "iu": "integers", "b": "booleans", "U": "text"}
_CUTS = {"frames": "f", "offset": "iu", "length": "iu"}
_SEQUENCES = _CUTS | {"label": "iu", "subject": "iu", "name": "U", "class_name": "U"}
_STREAMS = _CUTS | {"frame_label": "iu", "subject": "iu", "class_name": "U"}
_DESK = _CUTS | {"label": "U"}
_OPTIONAL = {"split": "U", "in_557": "b", "joint": "U"}
_NOT_PER_SEQUENCE = {"frames", "frame_label", "class_name", "joint"}


def read_shared(path: Path) -> list[Recording]:
    """Read the sequences of a file; streams are cut where their label changes.

    Raises:
        ValueError: The file is damaged, or holds something else; it names the array, the value and what is allowed.
    """
    arrays = _load(path)
    # Files without joint names hold the Kinect SDK's own order.
    joints = tuple(str(joint) for joint in arrays.get("joint", KINECT_JOINTS))
    streams = "frame_label" in arrays
    _check(path, arrays, _STREAMS if streams else _SEQUENCES, len(joints))
    classes, frames = arrays["class_name"].size, arrays["frames"]
    if streams:
        labels = arrays["frame_label"]
        if labels.shape != frames.shape[:1]:
            raise ValueError(
                f"{path}: frame_label has shape {labels.shape} for {len(frames)} frames; write the file again"
            )
        _refuse(path, "frame_label", labels, (labels < 0) | (labels >= classes), f"0 to {classes - 1}")
    else:
        labels = arrays["label"]
        _refuse(path, "label", labels, (labels < 1) | (labels > classes), f"1 to {classes}")
    if "split" in arrays:
        _refuse(path, "split", arrays["split"], ~np.isin(arrays["split"], _SPLITS), f"one of: {', '.join(_SPLITS)}")
    cut = _cut_streams if streams else _cut_sequences
    return [
        Recording(frames[part], joints, label, subject, name, split)
        for part, label, subject, name, split in cut(arrays)
    ]


def read_desk(path: Path, joints: int) -> list[tuple[NDArray[Any], str]]:
    """Read frames ``[T, joints, 4]`` and word of every desk recording.

    Raises:
        ValueError: The file is damaged, or holds something else.
    """
    arrays = _load(path)
    _check(path, arrays, _DESK, joints, (4,))
    return [
        (arrays["frames"][offset : offset + length], str(label))
        for offset, length, label in zip(arrays["offset"], arrays["length"], arrays["label"], strict=True)
    ]


def _load(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as data:
            return {key: data[key] for key in data.files}
    except Exception as error:  # NumPy, zipfile and zlib raise whatever they stumble over first
        raise ValueError(f"{path} cannot be read ({error!r}); copy it again") from error


def _check(path: Path, arrays: Arrays, kinds: dict[str, str], joints: int, values: Sequence[int] = (3, 4)) -> None:
    """Check what all files share: which arrays, of what kind and length, and that the sequences lie in the frames."""
    if missing := [key for key in kinds if key not in arrays]:
        raise ValueError(f"{path} lacks the arrays {missing}; write the file again with them")
    frames, count = arrays["frames"], arrays["offset"].size
    for key, kind in (kinds | _OPTIONAL).items():
        array = arrays.get(key)
        if array is None:
            continue
        if array.dtype.kind not in kind:
            raise ValueError(f"{path}: {key} holds {array.dtype}, not {_KINDS[kind]}; write the file again")
        if key not in _NOT_PER_SEQUENCE and array.shape != (count,):
            raise ValueError(f"{path}: {key} has shape {array.shape} for {count} sequences; write the file again")
    if frames.ndim != 3 or frames.shape[1] != joints or frames.shape[2] not in values:
        expected = f"[T, {joints}, {' or '.join(map(str, values))}]"
        raise ValueError(f"{path}: frames have shape {frames.shape}, not {expected}; write the file again")
    offset, length = arrays["offset"].astype(np.int64), arrays["length"].astype(np.int64)
    _refuse(path, "offset", offset, offset < 0, "0 or more")
    _refuse(path, "length", length, length < 1, "1 or more")
    end = offset + length
    _refuse(path, "offset + length", end, end > len(frames), f"within the {len(frames)} frames of the file")


def _refuse(path: Path, key: str, values: NDArray[Any], wrong: NDArray[np.bool_], allowed: str) -> None:
    if wrong.any():
        first = int(wrong.argmax())
        raise ValueError(f"{path}: {key}[{first}] is {values[first].item()!r}, not {allowed}; write the file again")


_Part = tuple[slice, str, int, str, str]


def _cut_sequences(arrays: Arrays) -> list[_Part]:
    classes, count = arrays["class_name"], len(arrays["offset"])
    used = arrays.get("in_557", np.ones(count, bool))
    splits = arrays.get("split", np.full(count, ""))
    return [
        (
            slice(int(arrays["offset"][i]), int(arrays["offset"][i]) + int(arrays["length"][i])),
            str(classes[arrays["label"][i] - 1]),
            int(arrays["subject"][i]),
            str(arrays["name"][i]),
            str(splits[i]),
        )
        for i in range(count)
        if used[i]
    ]


def _cut_streams(arrays: Arrays) -> list[_Part]:
    parts: list[_Part] = []
    for i, (offset, length) in enumerate(zip(arrays["offset"], arrays["length"], strict=True)):
        labels = arrays["frame_label"][offset : offset + length]
        borders = [0, *(np.flatnonzero(np.diff(labels)) + 1), int(length)]
        for start, end in pairwise(borders):
            label = str(arrays["class_name"][labels[start]])
            name = f"stream{i:02d}_{start:04d}"
            parts.append((slice(offset + start, offset + end), label, int(arrays["subject"][i]), name, ""))
    return parts
