"""Clips of skeletons, and the reader of the public data sets in their shared ``.npz`` and in their official form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray, SkeletonLayout, get_layout
from models.data.frames import joint_order, remark, to_clip_frames
from models.data.official import OFFICIAL_READERS
from models.data.report import LoadReport
from models.data.shared import read_desk, read_shared


@dataclass(frozen=True, eq=False)
class Clip:
    """One recorded action.

    Attributes:
        positions: ``[T, V, dims]``: metres in camera-optical axes (x right, y down, z forward), or image points, both
            coordinates divided by the height of the image; 0 where not seen.
        confidence: ``[T, V]`` in 0..1; 0 where not seen.
        rate: Frames per second.
        label: Class name in the words of its data set.
        subject: Person number within the data set; 0 where the set does not say.
        source: Name of the data set.
        name: Name of the clip within it.
        split: ``"train"`` or ``"test"`` of the set's standard protocol, ``""`` where it has none.
        layout: What the V joints are.

    Raises:
        ValueError: Positions or confidence have another shape than the layout says.
    """

    positions: FloatArray
    confidence: FloatArray
    rate: float
    label: str
    subject: int
    source: str
    name: str
    split: str = ""
    layout: SkeletonLayout = field(kw_only=True)

    def __post_init__(self) -> None:
        shape = (len(self.positions), len(self.layout))
        if self.positions.shape != (*shape, self.layout.dims) or self.confidence.shape != shape:
            raise ValueError(
                f"clip {self.name!r} has positions {list(self.positions.shape)} and confidence "
                f"{list(self.confidence.shape)}; layout {self.layout.name!r} needs {[*shape, self.layout.dims]} and "
                f"{list(shape)}"
            )

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self) / self.rate


@dataclass(frozen=True)
class DataSet:
    """How one data set is to be read.

    Attributes:
        file: Shared ``.npz`` form, inside the data folder.
        rate: Nominal frames per second; the files carry no stamps.
        terms: Conditions of use, carried into every bundle that was trained on it.
        official: Folder of the official form, inside the data folder; read where the ``.npz`` file is not there.
    """

    file: str
    rate: float
    terms: str
    official: str = ""


DATA_SETS: Mapping[str, DataSet] = {
    "utd_mhad": DataSet("utd_mhad.npz", 30.0, "research use", "Skeleton"),
    "msr_action3d": DataSet("msr_action3d.npz", 15.0, "research use", "real_world_coordinates"),
    "nw_ucla": DataSet("nw_ucla.npz", 30.0, "research use, CC BY-NC carrier", "all_sqe"),
    "utkinect": DataSet("utkinect.npz", 15.0, "research use", "joints"),
    "precog": DataSet("precog_streams.npz", 30.0, "MIT"),
}


def read_clips(
    name: str, root: Path, layout: SkeletonLayout | None = None, report: LoadReport | None = None
) -> list[Clip]:
    """Read one data set, from its shared or its official form.

    Continuous streams are cut at every change of their frame label. Joints that are not finite or lie at the origin
    count as not seen, and clips that hold nothing else are left out.

    Args:
        name: Key of :data:`DATA_SETS`.
        root: Folder with the ``.npz`` files, or with the extracted official folders.
        layout: Kinect layout of the result; ``kinect20`` where not given.
        report: Takes what is remarkable about the clips; logged where not given.

    Raises:
        ValueError: Unknown data set, a damaged file, or one without the joints of the layout.
        FileNotFoundError: Neither form is there.
    """
    if name not in DATA_SETS:
        raise ValueError(f"unknown data set {name!r}; choose one of: {', '.join(DATA_SETS)}")
    spec, layout = DATA_SETS[name], layout or get_layout("kinect20")
    found = LoadReport(name) if report is None else report
    folder = root / spec.official
    if spec.official and folder.is_dir() and not (root / spec.file).is_file():
        recordings, where = OFFICIAL_READERS[name](folder, found), str(folder)
    else:
        recordings, where = read_shared(_existing(root, spec.file)), spec.file
    clips = []
    for one in recordings:
        if remark(one.frames, one.name, found):
            order = joint_order(tuple(one.joints), layout, where)
            positions, confidence = to_clip_frames(one.frames, order)
            facts = (spec.rate, one.label, one.subject, name, one.name, one.split)
            clips.append(Clip(positions, confidence, *facts, layout=layout))
    if report is None:
        found.tell()
    return clips


def _existing(root: Path, file: str) -> Path:
    path = root / file
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; point --data.root at the folder that holds {file}")
    return path


# Pictures of the desk recordings are 4:3, and a seated adult's shoulders lie this far apart.
_DESK_ASPECT = 4 / 3
_SHOULDER_WIDTH_M = 0.36


def read_desk_clips(root: Path) -> list[Clip]:
    """Read the webcam recordings of one person at a desk (BlazePose landmarks, image-normalised) as negatives.

    Image coordinates become pseudo-metric: one factor per clip gives the median shoulder width of an adult.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: It is damaged.
    """
    layout = get_layout("mediapipe33")
    shoulders = [layout.index["left_shoulder"], layout.index["right_shoulder"]]
    clips = []
    for i, (part, word) in enumerate(read_desk(_existing(root, "mediapipe_16words.npz"), len(layout))):
        flat = part[..., :3] * np.asarray((_DESK_ASPECT, 1.0, _DESK_ASPECT), np.float32)
        widths = np.linalg.norm(flat[:, shoulders[0], :2] - flat[:, shoulders[1], :2], axis=-1)
        factor = _SHOULDER_WIDTH_M / max(float(np.median(widths)), 1e-3)
        confidence = np.clip(part[..., 3], 0, 1)
        clips.append(Clip(flat * factor, confidence, 30.0, word, 0, "desk", f"desk{i:03d}", layout=layout))
    return clips
