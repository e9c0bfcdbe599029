"""UTD-MHAD: one ``.mat`` file per clip with ``d_skel [20, 3, T]``; class, subject and trial stand in its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from models.data.official.recording import Recording, class_name, find, numbers
from models.data.report import LoadReport

CLASSES = (
    "swipe_left", "swipe_right", "wave", "clap", "throw", "arm_cross", "basketball_shoot", "draw_x", "draw_circle_cw",
    "draw_circle_ccw", "draw_triangle", "bowling", "boxing", "baseball_swing", "tennis_swing", "arm_curl",
    "tennis_serve", "push", "knock", "catch", "pickup_throw", "jog", "walk", "sit2stand", "stand2sit", "lunge", "squat",
)  # fmt: skip
JOINTS = (
    "head", "shoulder_center", "spine", "hip_center",
    "shoulder_left", "elbow_left", "wrist_left", "hand_left",
    "shoulder_right", "elbow_right", "wrist_right", "hand_right",
    "hip_left", "knee_left", "ankle_left", "foot_left",
    "hip_right", "knee_right", "ankle_right", "foot_right",
)  # fmt: skip


def read_utd(folder: Path, report: LoadReport) -> list[Recording]:
    """Read the folder ``Skeleton``: odd subjects train, even ones test.

    Raises:
        FileNotFoundError: There are no such files.
        ValueError: A file is damaged, has another form, or a label outside the list.
    """
    recordings = []
    for path in find(folder, "a*_s*_t*_skeleton.mat", "archive Skeleton"):
        action, subject, _ = numbers(path, r"a(\d+)_s(\d+)_t(\d+)_skeleton\.mat")
        try:
            frames = loadmat(path)["d_skel"]
        except Exception as error:  # scipy raises whatever it stumbles over first
            raise ValueError(f"{path} cannot be read ({error!r}); extract the archive again") from error
        if frames.ndim != 3 or frames.shape[:2] != (len(JOINTS), 3):
            raise ValueError(f"{path} holds d_skel of shape {frames.shape}, not [20, 3, T]; extract the archive again")
        label = class_name(CLASSES, action, path)
        split = "train" if subject % 2 else "test"
        name = path.name.removesuffix("_skeleton.mat")
        recordings.append(Recording(np.moveaxis(frames, 2, 0).astype(np.float32), JOINTS, label, subject, name, split))
    report.count(861, [recording.name for recording in recordings])
    return recordings
