"""UTKinect: continuous recordings, one text file each, cut by ``actionLabel_modified.txt``.

A row of a recording is a frame number and 20 joints; frame numbers have gaps, and some frames are written twice. The
label file names the recording, then one ``action: first last`` line per action.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray
from csre_ros.skeleton.kinect import KINECT_JOINTS
from models.data.official.recording import Recording, find, numbers
from models.data.report import LoadReport

CLASSES = ("walk", "sitDown", "standUp", "pickUp", "carry", "throw", "push", "pull", "waveHands", "clapHands")
_LABELS = "actionLabel_modified.txt"


def read_utkinect(folder: Path, report: LoadReport) -> list[Recording]:
    """Read the folder ``joints``. There is no standard split: the protocol leaves one subject out in turn.

    Raises:
        FileNotFoundError: There are no such files.
        ValueError: A recording is cut off, or the label file has another form.
    """
    streams, labels = stream_files(folder)
    recordings = []
    for stream, action, borders in segments(labels):
        name = f"{stream}_{action}"
        if borders is None:
            report.note("no range in the label file, left out", name)
            continue
        if stream not in streams:
            report.note("recording not there, left out", name)
            continue
        index, frames = parse(streams[stream])
        chosen = frames[(index >= borders[0]) & (index <= borders[1])]
        if not len(chosen):
            raise ValueError(f"{streams[stream]} has no frame {borders[0]} to {borders[1]} of {name}; see {labels}")
        (subject, _) = numbers(streams[stream], r"joints_s(\d+)_e(\d+)\.txt")
        recordings.append(Recording(chosen, KINECT_JOINTS, action, subject, name, ""))
    report.count(199, [recording.name for recording in recordings])
    return recordings


def stream_files(folder: Path) -> tuple[dict[str, Path], Path]:
    """The recordings of the folder ``joints`` by name, such as ``s01_e02``, and the label file.

    Raises:
        FileNotFoundError: There are no such files.
    """
    streams = {path.stem.removeprefix("joints_"): path for path in find(folder, "joints_s*_e*.txt", "folder joints")}
    labels = folder / _LABELS
    if not labels.is_file():
        raise FileNotFoundError(f"{labels} does not exist; it says where in the recordings the actions are")
    return streams, labels


def segments(labels: Path) -> Iterator[tuple[str, str, tuple[int, int] | None]]:
    """Recording, action, and first and last frame number where they are given.

    Raises:
        ValueError: The label file has another form.
    """
    stream = ""
    for number, line in enumerate(labels.read_text(encoding="ascii").splitlines(), start=1):
        words = line.replace(":", " ").split()
        if not words:
            continue
        if len(words) == 1 and re.fullmatch(r"s\d+_e\d+", words[0]):
            stream = words[0]
            continue
        if len(words) != 3 or words[0] not in CLASSES or not stream:
            raise ValueError(f"{labels}, line {number}: {line!r} is no 'action: first last' with a known action")
        yield stream, words[0], None if "NaN" in words else (int(words[1]), int(words[2]))


def parse(path: Path) -> tuple[NDArray[np.int64], FloatArray]:
    """Frame numbers ``[N]``, each once and increasing, and frames ``[N, 20, 3]``.

    Raises:
        ValueError: The file is cut off or holds something else.
    """
    try:
        rows = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path} is cut off or holds something else than numbers ({error})") from error
    if rows.shape[1] != 1 + 3 * len(KINECT_JOINTS):
        raise ValueError(f"{path} has {rows.shape[1]} numbers per row, not a frame number and 60 coordinates")
    index, first = np.unique(rows[:, 0].astype(np.int64), return_index=True)
    return index, rows[first, 1:].reshape(-1, len(KINECT_JOINTS), 3).astype(np.float32)
