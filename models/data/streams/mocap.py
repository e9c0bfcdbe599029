"""The motion-capture set: what Kinect recordings lack (one-arm waves, raised hands, bows, runs), on one body."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.data.clips import Clip
from models.data.synthesis import BODY

FILE = "bandai_namco.npz"
TERMS = "CC BY-NC 4.0"
_RATE = 30.0
_NAMES = {
    "UpperArm": "shoulder",
    "LowerArm": "elbow",
    "Hand": "wrist",
    "UpperLeg": "hip",
    "LowerLeg": "knee",
    "Foot": "ankle",
}
_TO_OPTICAL = np.array((1.0, -1.0, -1.0), np.float32)
"""y up and facing +z to camera-optical axes and facing the camera: a half turn about x."""
_FEMININE = "feminine"


def read_mocap(root: Path, low: bool = False) -> list[Clip]:
    """Read the set as ``body13`` clips that face the camera.

    Clips cut below half a second are left out, and so are raised hands that never rise above the shoulder.

    Args:
        root: Folder with the data sets.
        low: Keep those hands.

    Raises:
        FileNotFoundError: The file is not there.
    """
    path = root / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; point --data.root at the folder that holds {FILE}")
    with np.load(path) as store:
        arrays = {key: store[key] for key in store.files}
    order = [list(arrays["joint"]).index(_theirs(joint)) for joint in BODY.joints]
    clips = []
    for number, (offset, length) in enumerate(zip(arrays["offset"], arrays["length"], strict=True)):
        label = str(arrays["class_name"][arrays["label"][number] - 1])
        if length < _RATE or (not low and label.startswith("raise-up") and arrays["style"][number] == _FEMININE):
            continue
        positions = arrays["frames_mm"][offset : offset + length][:, order] * (_TO_OPTICAL / 1000)
        confidence = np.ones(positions.shape[:2], np.float32)
        clips.append(
            Clip(
                positions.astype(np.float32),
                confidence,
                _RATE,
                label,
                0,
                "mocap",
                str(arrays["name"][number]),
                layout=BODY,
            )
        )
    return clips


def _theirs(joint: str) -> str:
    if joint == "head":
        return "Head"
    side, _, word = joint.partition("_")
    return next(f"{theirs}_{side[0].upper()}" for theirs, ours in _NAMES.items() if ours == word)
