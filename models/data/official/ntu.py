"""NTU RGB+D 60 and 120: from raw ``.skeleton`` files to one ``.npz`` per benchmark, in the form of CTR-GCN.

``x_train`` and ``x_test`` are float32 ``[n, 300, 150]``: two bodies of 25 joints, zero behind the end of a clip, in
metres and Kinect axes with the origin in the mid spine. ``y_train`` and ``y_test`` are one-hot ``[n, classes]``. Clips
stand in the order of the performers (cameras, setups) of the split, and by name within: it fixes the bank slots.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray
from models.data.frames import remark
from models.data.official.ntu_bodies import actors, denoise, translate
from models.data.official.ntu_file import JOINTS, ClipName, parse_name, read_bodies
from models.data.official.recording import find
from models.data.report import LoadReport

FRAMES = 300
"""Length of the longest clip."""

_SUBJECTS_60 = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
_SUBJECTS_120 = (
    *_SUBJECTS_60, 45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98, 100, 103
)  # fmt: skip


@dataclass(frozen=True)
class Benchmark:
    """One of the four splits.

    Attributes:
        classes: Number of actions.
        key: The number of a clip that decides its part: performer, camera or setup.
        train: Numbers that train, in the order of the slots.
        clips: Published number of clips, training and test together.
        copy_single: Clips of one body hold it twice, as published for NTU 120; otherwise the second body is zero.
    """

    classes: int
    key: Callable[[ClipName], int]
    train: Sequence[int]
    clips: int
    copy_single: bool


BENCHMARKS: Mapping[str, Benchmark] = {
    "ntu60_xsub": Benchmark(60, lambda name: name.performer, _SUBJECTS_60, 56578, copy_single=False),
    "ntu60_xview": Benchmark(60, lambda name: name.camera, (2, 3), 56578, copy_single=False),
    "ntu120_xsub": Benchmark(120, lambda name: name.performer, _SUBJECTS_120, 113945, copy_single=True),
    "ntu120_xset": Benchmark(120, lambda name: name.setup, range(2, 33, 2), 113945, copy_single=True),
}


def split_names(names: Collection[str], benchmark: Benchmark) -> tuple[list[str], list[str]]:
    """Names of the training and the test clips, in slot order; actions beyond the classes of the benchmark stay out."""
    keys = {name: parse_name(name) for name in names}
    used = sorted(name for name, parsed in keys.items() if parsed.action <= benchmark.classes)
    train = [name for number in benchmark.train for name in used if benchmark.key(keys[name]) == number]
    rest = sorted(set(used) - set(train), key=lambda name: (benchmark.key(keys[name]), name))
    return train, rest


def read_clip(path: Path) -> FloatArray | None:
    """One raw file as ``[T, M, 25, 3]`` with one or two actors, in Kinect axes; None where no body can be used.

    Raises:
        ValueError: The file is damaged.
    """
    bodies, frames = read_bodies(path)
    left = denoise(bodies)
    if not left:
        return None
    clip = actors(left, frames)
    if len(bodies) > 1:
        clip = clip[clip.sum(axis=(1, 2, 3)) != 0]
    return translate(clip)


def convert(folder: Path, output: Path, benchmark: str, missing: Path | None = None, processes: int = 4) -> LoadReport:
    """Write one benchmark from its raw files.

    Args:
        folder: Folder of the ``.skeleton`` files: those of NTU 60, or for NTU 120 of both halves.
        output: ``.npz`` file to write.
        benchmark: Key of :data:`BENCHMARKS`.
        missing: The published list of clips with missing skeletons, one name per line.
        processes: How many to read with.

    Returns:
        What was remarkable about the clips.

    Raises:
        FileNotFoundError: The folder holds no such files.
        ValueError: Unknown benchmark, a damaged file, or the output is not called ``.npz``.
    """
    if output.suffix != ".npz":  # a slip must not replace what is read
        raise ValueError(f"the arrays are called something.npz, not {output.name!r}")
    if benchmark not in BENCHMARKS:
        raise ValueError(f"unknown benchmark {benchmark!r}; choose one of: {', '.join(BENCHMARKS)}")
    spec, report = BENCHMARKS[benchmark], LoadReport(benchmark)
    listed = set(missing.read_text(encoding="ascii").split()) if missing else set()
    names = []
    for path in find(folder, "S*.skeleton", "NTU RGB+D skeletons"):
        if path.stem in listed:
            report.note("on the list of missing skeletons, left out", path.stem)
        else:
            names.append(path.stem)
    kept: list[str] = []
    # Not by fork: the parent may have threads that hold locks.
    with zipfile.ZipFile(output, "w") as archive, get_context("spawn").Pool(processes) as pool:
        for part, chosen in zip(("train", "test"), split_names(names, spec), strict=True):
            clips = _usable(chosen, pool.imap(read_clip, [folder / f"{name}.skeleton" for name in chosen], 16), report)
            labels = np.eye(spec.classes, dtype=np.float32)[[parse_name(name).action - 1 for name in clips]]
            rows = (_row(name, clip, spec.copy_single) for name, clip in clips.items())
            _write(archive, f"x_{part}", rows, (len(clips), FRAMES, 2 * JOINTS * 3))
            _write(archive, f"y_{part}", labels, labels.shape)
            kept += clips
    report.count(spec.clips, kept)
    return report


def _usable(names: Sequence[str], clips: Iterable[FloatArray | None], report: LoadReport) -> dict[str, FloatArray]:
    usable = {}
    for name, clip in zip(names, clips, strict=True):
        if clip is None:
            report.note("no body that can be used, left out", name)
        elif remark(clip.reshape(len(clip), -1, 3), name, report):
            usable[name] = clip
    return usable


def _row(name: str, clip: FloatArray, copy_single: bool) -> FloatArray:
    """``[300, 150]``."""
    if len(clip) > FRAMES:
        raise ValueError(f"{name} has {len(clip)} frames, NTU RGB+D at most {FRAMES}; leave it out")
    row = np.zeros((FRAMES, 2, JOINTS, 3), np.float32)
    row[: len(clip), : clip.shape[1]] = clip
    if clip.shape[1] == 1 and copy_single:
        row[:, 1] = row[:, 0]
    return row.reshape(FRAMES, -1)


def _write(archive: zipfile.ZipFile, key: str, rows: Iterable[FloatArray], shape: tuple[int, ...]) -> None:
    """Write a float32 array row by row: the largest one has 11 GB."""
    with archive.open(f"{key}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]
            file, {"descr": "<f4", "fortran_order": False, "shape": shape}
        )
        for row in rows:
            file.write(row.tobytes())
