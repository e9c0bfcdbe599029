"""Clips of skeletons, and the reader of the shared ``.npz`` form of the public data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray, SkeletonLayout, get_layout


@dataclass(frozen=True, eq=False)
class Clip:
    """One recorded action.

    Attributes:
        positions: ``[T, V, 3]`` metres in camera-optical axes (x right, y down, z forward); 0 where not seen.
        confidence: ``[T, V]`` in 0..1; 0 where not seen.
        rate: Frames per second.
        label: Class name in the words of its data set.
        subject: Person number within the data set; 0 where the set does not say.
        source: Name of the data set.
        name: Name of the clip within it.
        split: ``"train"`` or ``"test"`` of the set's standard protocol, ``""`` where it has none.
    """

    positions: FloatArray
    confidence: FloatArray
    rate: float
    label: str
    subject: int
    source: str
    name: str
    split: str = ""

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self) / self.rate


@dataclass(frozen=True)
class DataSet:
    """How one ``.npz`` file is to be read.

    Attributes:
        file: File name inside the data folder.
        rate: Nominal frames per second; the files carry no stamps.
        terms: Conditions of use, carried into every bundle that was trained on it.
        flip: Factors that turn the file's axes into camera-optical ones.
    """

    file: str
    rate: float
    terms: str
    flip: tuple[float, float, float] = (-1.0, -1.0, 1.0)


DATA_SETS: Mapping[str, DataSet] = {
    "utd_mhad": DataSet("utd_mhad.npz", 30.0, "research use"),
    "msr_action3d": DataSet("msr_action3d.npz", 15.0, "research use"),
    "nw_ucla": DataSet("nw_ucla.npz", 30.0, "research use, CC BY-NC carrier"),
    "utkinect": DataSet("utkinect.npz", 15.0, "research use"),
    "precog": DataSet("precog_streams.npz", 30.0, "MIT"),
}

# The words of the Kinect files and ours; sides are written behind the joint there and before it here.
_KINECT_NAMES = {"hip_center": "pelvis", "spine": "spine_mid", "shoulder_center": "spine_shoulder"}


def _joint_name(name: str) -> str:
    if name in _KINECT_NAMES:
        return _KINECT_NAMES[name]
    word, _, side = name.rpartition("_")
    return f"{side}_{word}" if side in ("left", "right") else name


def read_clips(name: str, root: Path, layout: SkeletonLayout | None = None) -> list[Clip]:
    """Read one data set.

    Continuous streams are cut at every change of their frame label; frames in which every joint is zero count as not
    seen, and clips that hold nothing else are left out.

    Args:
        name: Key of :data:`DATA_SETS`.
        root: Folder with the ``.npz`` files.
        layout: Kinect layout of the result; ``kinect20`` where not given.

    Raises:
        ValueError: Unknown data set, or a file without the joints of the layout.
        FileNotFoundError: The file is not there.
    """
    if name not in DATA_SETS:
        raise ValueError(f"unknown data set {name!r}; choose one of: {', '.join(DATA_SETS)}")
    spec = DATA_SETS[name]
    layout = layout or get_layout("kinect20")
    with np.load(_existing(root, spec.file), allow_pickle=False) as data:
        arrays = {key: data[key] for key in data.files}
    # Files without joint names hold the Kinect SDK's own order.
    names = arrays.get("joint")
    joints = [_joint_name(str(joint)) for joint in names] if names is not None else list(get_layout("kinect20").joints)
    if not set(layout.joints) <= set(joints):
        raise ValueError(f"{spec.file} lacks the joints {sorted(set(layout.joints) - set(joints))} of {layout.name!r}")
    order = [joints.index(joint) for joint in layout.joints]
    frames = arrays["frames"][:, order]
    positions = frames[..., :3] * np.asarray(spec.flip, np.float32)
    seen = np.isfinite(frames).all(-1) & (np.abs(frames[..., :3]).sum(-1) > 0)
    positions = np.where(seen[..., None], positions, 0).astype(np.float32)
    cut = _cut_streams if "frame_label" in arrays else _cut_sequences
    clips = [
        Clip(positions[part], seen[part].astype(np.float32), spec.rate, label, subject, name, clip_name, split)
        for part, label, subject, clip_name, split in cut(arrays)
    ]
    return [clip for clip in clips if clip.confidence.any()]


def _existing(root: Path, file: str) -> Path:
    path = root / file
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; point --data.root at the folder that holds {file}")
    return path


_Part = tuple[slice, str, int, str, str]


def _cut_sequences(arrays: Mapping[str, NDArray[Any]]) -> list[_Part]:
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


def _cut_streams(arrays: Mapping[str, NDArray[Any]]) -> list[_Part]:
    parts: list[_Part] = []
    for i, (offset, length) in enumerate(zip(arrays["offset"], arrays["length"], strict=True)):
        labels = arrays["frame_label"][offset : offset + length]
        borders = [0, *(np.flatnonzero(np.diff(labels)) + 1), int(length)]
        for start, end in pairwise(borders):
            label = str(arrays["class_name"][labels[start]])
            name = f"stream{i:02d}_{start:04d}"
            parts.append((slice(offset + start, offset + end), label, int(arrays["subject"][i]), name, ""))
    return parts


# Pictures of the desk recordings are 4:3, and a seated adult's shoulders lie this far apart.
_DESK_ASPECT = 4 / 3
_SHOULDER_WIDTH_M = 0.36


def read_desk_clips(root: Path) -> list[Clip]:
    """Read the webcam recordings of one person at a desk (BlazePose landmarks, image-normalised) as negatives.

    Image coordinates become pseudo-metric: one factor per clip gives the median shoulder width of an adult.

    Raises:
        FileNotFoundError: The file is not there.
    """
    with np.load(_existing(root, "mediapipe_16words.npz"), allow_pickle=False) as data:
        frames, offsets, lengths, labels = (data[key] for key in ("frames", "offset", "length", "label"))
    layout = get_layout("mediapipe33")
    shoulders = [layout.index["left_shoulder"], layout.index["right_shoulder"]]
    clips = []
    for i, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
        part = frames[offset : offset + length]
        flat = part[..., :3] * np.asarray((_DESK_ASPECT, 1.0, _DESK_ASPECT), np.float32)
        widths = np.linalg.norm(flat[:, shoulders[0], :2] - flat[:, shoulders[1], :2], axis=-1)
        factor = _SHOULDER_WIDTH_M / max(float(np.median(widths)), 1e-3)
        confidence = np.clip(part[..., 3], 0, 1)
        clips.append(Clip(flat * factor, confidence, 30.0, str(labels[i]), 0, "desk", f"desk{i:03d}"))
    return clips
