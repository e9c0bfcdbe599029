"""MSR-Action3D: one ``.txt`` file per clip in real-world coordinates, 20 rows ``x y z confidence`` per frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray
from models.data.official.recording import Recording, class_name, find, numbers
from models.data.report import LoadReport

CLASSES = (
    "high arm wave", "horizontal arm wave", "hammer", "hand catch", "forward punch", "high throw", "draw X",
    "draw tick", "draw circle", "hand clap", "two hand wave", "side boxing", "bend", "forward kick", "side kick",
    "jogging", "tennis swing", "tennis serve", "golf swing", "pickup and throw",
)  # fmt: skip
JOINTS = (
    "shoulder_left", "shoulder_right", "shoulder_center", "spine", "hip_left", "hip_right", "hip_center",
    "elbow_left", "elbow_right", "wrist_left", "wrist_right", "hand_left", "hand_right",
    "knee_left", "knee_right", "ankle_left", "ankle_right", "foot_left", "foot_right", "head",
)  # fmt: skip
UNUSED = frozenset({
    "a02_s03_e02", "a04_s03_e01", "a07_s04_e01", "a13_s09_e01", "a13_s09_e02", "a13_s09_e03", "a14_s03_e01",
    "a20_s07_e01", "a20_s07_e03", "a20_s10_e03",
})  # fmt: skip
"""The ten of 567 clips that the published protocol leaves out because their skeletons are missing or wrong."""

SUBSETS = {
    "as1": (2, 3, 5, 6, 10, 13, 18, 20),
    "as2": (1, 4, 7, 8, 9, 11, 12, 14),
    "as3": (6, 14, 15, 16, 17, 18, 19, 20),
}
"""Action numbers of the three subsets of the published protocol."""


def read_msr(folder: Path, report: LoadReport) -> list[Recording]:
    """Read the folder ``real_world_coordinates``: odd subjects train, even ones test.

    Raises:
        FileNotFoundError: There are no such files.
        ValueError: A file is cut off, holds no numbers, or has a label outside the list.
    """
    recordings = []
    for path in find(folder, "a*_s*_e*_skeleton3D.txt", "folder real_world_coordinates"):
        action, subject, _ = numbers(path, r"a(\d+)_s(\d+)_e(\d+)_skeleton3D\.txt")
        name = path.name.removesuffix("_skeleton3D.txt")
        if name in UNUSED:
            report.note("not in the protocol, left out", name)
            continue
        label = class_name(CLASSES, action, path)
        recordings.append(Recording(_parse(path), JOINTS, label, subject, name, "train" if subject % 2 else "test"))
    report.count(557, [recording.name for recording in recordings])
    return recordings


def _parse(path: Path) -> FloatArray:
    try:
        values = np.array(path.read_text(encoding="ascii").split(), np.float32)
    except ValueError as error:
        raise ValueError(f"{path} holds something else than numbers ({error}); extract the archive again") from error
    per_frame = 4 * len(JOINTS)
    if not len(values) or len(values) % per_frame:
        raise ValueError(
            f"{path} holds {len(values)} numbers, which is no multiple of the {per_frame} of a frame; it is cut off: "
            "extract the archive again"
        )
    return values.reshape(-1, len(JOINTS), 4)
