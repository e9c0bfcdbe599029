"""NW-UCLA: ``all_sqe``, one JSON file per clip with ``file_name``, ``skeletons [T, 20, 3]`` and ``label`` (1 to 10)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray
from csre_ros.skeleton.kinect import KINECT_JOINTS
from models.data.official.recording import Recording, class_name, find, numbers
from models.data.report import LoadReport

CLASSES = (
    "pick up with one hand", "pick up with two hands", "drop trash", "walk around", "sit down", "stand up", "donning",
    "doffing", "throw", "carry",
)  # fmt: skip
ACTIONS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)
"""Action number of every class in the names of its files; there is no 7 and no 10."""
_NAME = r"a(\d+)_s(\d+)_e(\d+)_v(\d+)\.json"
_TEST_VIEW = 3


def read_ucla(folder: Path, report: LoadReport) -> list[Recording]:
    """Read the folder ``all_sqe``: views 1 and 2 train, view 3 tests.

    Raises:
        FileNotFoundError: There are no such files.
        ValueError: A file is cut off, has another form, or a label outside the list or against its name.
    """
    found = []
    for path in find(folder, "a*_s*_e*_v*.json", "archive all_sqe"):
        action, subject, episode, view = numbers(path, _NAME)
        frames, label = _parse(path)
        name = class_name(CLASSES, label, path)
        if action != ACTIONS[label - 1]:
            raise ValueError(
                f"{path} is action {action} by its name and {ACTIONS[label - 1]} by its label {label}; extract the "
                "archive again"
            )
        split = "test" if view == _TEST_VIEW else "train"
        recording = Recording(frames, KINECT_JOINTS, name, subject, path.stem, split)
        found.append(((action, subject, episode, view), recording))
    recordings = [recording for _, recording in sorted(found, key=lambda item: item[0])]
    report.count(1484, [recording.name for recording in recordings])
    return recordings


def _parse(path: Path) -> tuple[FloatArray, int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        frames, label = np.asarray(content["skeletons"], np.float32), int(content["label"])
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not complete JSON ({error}); extract the archive again") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a clip of NW-UCLA ({error!r}); extract the archive again") from error
    if frames.ndim != 3 or frames.shape[1:] != (len(KINECT_JOINTS), 3):
        raise ValueError(f"{path} holds skeletons of shape {frames.shape}, not [T, 20, 3]; extract the archive again")
    return frames, label
