"""Continuous data sets as recordings, with what is done on their label topic: what ``csre evaluate`` opens."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.sources.recording_writer import RecordingWriter
from models.data.continuous import ContinuousRecording, read_continuous
from models.data.live import VALIDATION_SUBJECTS

_FRAME_ID = "camera_optical_frame"
# Zero means "no time" in ROS.
_FIRST_STAMP_S = 1.0
_LAYOUT = "kinect20"


def streams(set: str, output: Path, root: Path = Path("../shared/data")) -> str:
    """Write every continuous recording of a data set as an .mcap file, with what is done on its label topic.

    The files go to the folders ``train``, ``val`` and ``test`` by the protocol of the live bundles: even subjects are
    never trained on. Annotations are the class names of the set; time without an action has an empty one.

    Args:
        set: Data set: utkinect or precog.
        output: Folder for the recordings; a file that is there already is never overwritten.
        root: Folder with ``raw/utkinect.tar.xz`` or the extracted folder ``joints``, and ``precog_streams.npz``.

    Returns:
        What was written.

    Raises:
        ValueError: Unknown data set, or a damaged file.
        FileNotFoundError: The files of the set are not there.
        FileExistsError: A recording is there already.
    """
    written = read_continuous(set, root, get_layout(_LAYOUT))
    for one in written:
        write_recording(one, output / part_of(one) / f"{set}_s{one.subject:02d}_{one.name.split('_')[-1]}.mcap")
    actions, minutes = sum(len(one.truth) for one in written), sum(one.seconds for one in written) / 60
    return f"{len(written)} recordings with {actions} actions in {minutes:.1f} minutes under {output}"


def part_of(stream: ContinuousRecording) -> str:
    """``"train"``, ``"val"`` or ``"test"`` by the protocol of the live bundles."""
    if stream.subject in VALIDATION_SUBJECTS[stream.source]:
        return "val"
    return "train" if stream.subject % 2 else "test"


def write_recording(stream: ContinuousRecording, path: Path) -> None:
    """Write one continuous recording of ``kinect20`` skeletons; a frame is annotated by the action that it lies in.

    Raises:
        FileExistsError: The file is there already.
    """
    layout = get_layout(_LAYOUT)
    with RecordingWriter(path, layout) as recording:
        for stamp, positions, confidence in zip(stream.stamps, stream.positions, stream.confidence, strict=True):
            label = next((one.label for one in stream.truth if one.start <= stamp < one.end), "")
            seen = np.where(confidence[:, None] > 0, positions, np.nan)
            stamp_ns = round((_FIRST_STAMP_S + stamp) * 1e9)
            recording.write(Frame(stamp_ns, _FRAME_ID, (Skeleton(layout, seen, confidence),)), label=label)
