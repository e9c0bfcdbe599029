"""Continuous recordings with their truth: one action after the other, and what people do in between."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from csre_ros.evaluation.intervals import Interval, intervals_of_runs
from csre_ros.skeleton import FloatArray, SkeletonLayout, get_layout
from csre_ros.skeleton.kinect import KINECT_JOINTS
from csre_ros.sources.stream_arrays import read_stream_arrays
from models.data.clips import DATA_SETS
from models.data.frames import joint_order, remark, to_clip_frames
from models.data.official.recording import Recording, numbers
from models.data.official.utkinect import parse, segments, stream_files
from models.data.report import LoadReport


@dataclass(frozen=True, eq=False)
class ContinuousRecording:
    """One stream of one person.

    Frames in which nothing can be seen are left out; their time is a gap.

    Attributes:
        stamps: ``[T]`` seconds from the first frame of the file, strictly increasing, not evenly spaced.
        positions: ``[T, V, 3]`` metres in camera-optical axes (x right, y down, z forward); 0 where not seen.
        confidence: ``[T, V]``, 1 where seen, else 0.
        truth: What is done when, by start, in the words of the data set; time between is nothing in particular.
        subject: Person number within the data set.
        source: Name of the data set.
        name: Name of the recording within it.
    """

    stamps: NDArray[np.float64]
    positions: FloatArray
    confidence: FloatArray
    truth: tuple[Interval, ...]
    subject: int
    source: str
    name: str

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def seconds(self) -> float:
        """Time from the first to the last frame."""
        return float(self.stamps[-1] - self.stamps[0])


# A recording with the stamps of its frames and its truth, before anything is done to it.
_Raw = tuple[Recording, NDArray[np.float64], list[Interval]]


def read_continuous(
    name: str, root: Path, layout: SkeletonLayout | None = None, report: LoadReport | None = None
) -> list[ContinuousRecording]:
    """Read the continuous recordings of one data set.

    Args:
        name: Key of :data:`CONTINUOUS_SETS`.
        root: Folder with ``raw/utkinect.tar.xz`` or the extracted folder ``joints``, and ``precog_streams.npz``.
        layout: Kinect layout of the result; ``kinect20`` where not given.
        report: Takes what is remarkable about the recordings; logged where not given.

    Raises:
        ValueError: Unknown data set, a damaged file, or one without the joints of the layout.
        FileNotFoundError: The files are not there.
    """
    if name not in CONTINUOUS_SETS:
        raise ValueError(f"no continuous data set {name!r}; choose one of: {', '.join(CONTINUOUS_SETS)}")
    layout, found = layout or get_layout("kinect20"), LoadReport(name) if report is None else report
    streams = []
    for one, stamps, truth in CONTINUOUS_SETS[name](root, found):
        if not remark(one.frames, one.name, found):
            continue
        positions, confidence = to_clip_frames(one.frames, joint_order(tuple(one.joints), layout, name))
        seen = confidence.any(axis=1)
        streams.append(
            ContinuousRecording(
                stamps[seen], positions[seen], confidence[seen], tuple(truth), one.subject, name, one.name
            )
        )
    if report is None:
        found.tell()
    return streams


# Frame numbers of UTKinect count the ticks of this clock, not frames.
_UTKINECT_HZ = 60.0


def _utkinect(root: Path, report: LoadReport) -> Iterator[_Raw]:
    """From the archive, or the folder that it extracts to; a frame that is written twice counts once."""
    with _extracted(root / "raw" / "utkinect.tar.xz", root / "joints") as folder:
        streams, labels = stream_files(folder)
        ranges: dict[str, list[tuple[str, int, int]]] = {stream: [] for stream in streams}
        for stream, action, borders in segments(labels):
            if borders is None:
                report.note("no range in the label file, left out", f"{stream}_{action}")
            elif stream not in ranges:
                report.note("recording not there, left out", f"{stream}_{action}")
            else:
                ranges[stream].append((action, *borders))
        for stream, path in streams.items():
            (subject, _) = numbers(path, r"joints_s(\d+)_e(\d+)\.txt")
            number, frames = parse(path)
            first = number[0]
            truth = [
                Interval(action, float(begin - first) / _UTKINECT_HZ, float(end - first) / _UTKINECT_HZ)
                for action, begin, end in ranges[stream]
            ]
            truth.sort(key=lambda interval: interval.start)
            yield Recording(frames, KINECT_JOINTS, "", subject, stream, ""), (number - first) / _UTKINECT_HZ, truth


@contextmanager
def _extracted(archive: Path, folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield folder
        return
    if not archive.is_file():
        raise FileNotFoundError(f"neither {folder} nor {archive} exists; point --root at the folder that holds one")
    with tempfile.TemporaryDirectory() as place:
        try:
            with tarfile.open(archive) as files:
                files.extractall(place, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise ValueError(f"{archive} cannot be read ({error!r}); copy it again") from error
        yield Path(place) / folder.name


def _precog(root: Path, report: LoadReport) -> Iterator[_Raw]:
    """At the nominal rate, since the file has no stamps."""
    spec = DATA_SETS["precog"]
    path = root / spec.file
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; point --root at the folder that holds it")
    for one in read_stream_arrays(path):
        stamps = np.arange(len(one.labels)) / spec.rate
        recording = Recording(one.frames, one.joints, "", one.subject, one.name, "")
        yield recording, stamps, intervals_of_runs(stamps, one.labels)


CONTINUOUS_SETS: Mapping[str, Callable[[Path, LoadReport], Iterator[_Raw]]] = {"utkinect": _utkinect, "precog": _precog}
"""Reader of every data set that has continuous recordings."""
