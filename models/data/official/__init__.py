"""The data sets in the form in which their authors publish them, read into the same clips as the shared ``.npz``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from csre_ros.skeleton import SkeletonLayout, get_layout
from models.data.clips import DATA_SETS, Clip
from models.data.frames import joint_order, remark, to_clip_frames
from models.data.official.msr import read_msr
from models.data.official.recording import Recording
from models.data.official.ucla import read_ucla
from models.data.official.utd import read_utd
from models.data.official.utkinect import read_utkinect
from models.data.report import LoadReport

READERS: Mapping[str, Callable[[Path, LoadReport], list[Recording]]] = {
    "nw_ucla": read_ucla,
    "utd_mhad": read_utd,
    "msr_action3d": read_msr,
    "utkinect": read_utkinect,
}


def read_official(name: str, folder: Path, layout: SkeletonLayout | None = None) -> tuple[list[Clip], LoadReport]:
    """Read a data set from its official files.

    Args:
        name: Key of :data:`READERS`.
        folder: Folder with the extracted files.
        layout: Kinect layout of the result; ``kinect20`` where not given.

    Returns:
        The clips in the order of the shared ``.npz`` form, and what was remarkable about them.

    Raises:
        ValueError: The data set has no official reader, or a file is damaged.
        FileNotFoundError: The folder holds none of the files.
    """
    if name not in READERS:
        raise ValueError(f"no reader for the official form of {name!r}; choose one of: {', '.join(READERS)}")
    layout = layout or get_layout("kinect20")
    spec, report = DATA_SETS[name], LoadReport(name)
    clips = []
    for one in READERS[name](folder, report):
        if not remark(one.frames, one.name, report):
            continue
        order = joint_order(one.joints, layout, one.name)
        positions, seen = to_clip_frames(one.frames, order, spec.flip)
        clips.append(Clip(positions, seen, spec.rate, one.label, one.subject, name, one.name, one.split))
    return clips, report
