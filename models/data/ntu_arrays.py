"""The ``.npz`` form of CTR-GCN: arrays of several gigabytes, mapped and not loaded, and checked once."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data.official.ntu import FRAMES
from models.data.report import LoadReport

PERSONS, JOINTS = 2, 25
_CHUNK = 512


def map_array(path: Path, key: str) -> NDArray[Any]:
    """One array of an uncompressed ``.npz`` file as a memory map: loader processes share it, and it may exceed memory.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: It is damaged or compressed, or lacks the array.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist; make it with `python -m models prepare-ntu`, or point --data.root at its folder"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(f"{key}.npy")
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{path} is compressed; write it with numpy.savez, not savez_compressed")
            with archive.open(entry) as member, path.open("rb") as raw:
                version = np.lib.format.read_magic(member)  # type: ignore[no-untyped-call]
                read_header = {
                    (1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0
                }[version]  # fmt: skip
                shape, fortran, dtype = read_header(member)  # type: ignore[no-untyped-call]
                header = member.tell()
                raw.seek(entry.header_offset + 26)
                names = int.from_bytes(raw.read(2), "little") + int.from_bytes(raw.read(2), "little")
    except KeyError:
        raise ValueError(f"{path} holds no array {key!r}; it is not in the form of CTR-GCN") from None
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged ({error}); write it again") from error
    offset = entry.header_offset + 30 + names + header
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")


def read_part(
    path: Path, part: str, classes: tuple[str, ...], report: LoadReport
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Map one part of a benchmark and look once at every clip.

    Args:
        path: File of the benchmark.
        part: ``"train"`` or ``"test"``.
        classes: Class names, for their number.
        report: Takes what is remarkable.

    Returns:
        Frames ``[N, 300, 150]``, labels ``[N]``, lengths ``[N]`` in frames that are not zero, and the indices of the
        clips that hold anything.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: It is damaged, or belongs to another benchmark.
    """
    frames, one_hot = map_array(path, f"x_{part}"), np.asarray(map_array(path, f"y_{part}"))
    width = PERSONS * JOINTS * 3
    if frames.ndim != 3 or frames.shape[2] != width or len(frames) != len(one_hot):
        raise ValueError(
            f"{path}: x_{part} has shape {frames.shape} and y_{part} {one_hot.shape}, not [n, {FRAMES}, {width}] and "
            "[n, classes]; write the file again"
        )
    labels = one_hot.argmax(1) if one_hot.ndim == 2 else one_hot
    if one_hot.ndim == 2 and (one_hot.shape[1] != len(classes) or not (one_hot.sum(1) == 1).all()):
        raise ValueError(
            f"{path}: y_{part} has shape {one_hot.shape}, which is not one-hot over the {len(classes)} classes of "
            f"{report.source}; choose the file of that benchmark"
        )
    if not ((labels >= 0) & (labels < len(classes))).all():
        raise ValueError(f"{path}: y_{part} holds labels outside 0 to {len(classes) - 1}; write the file again")
    lengths = np.empty(len(frames), np.int64)
    for start in range(0, len(frames), _CHUNK):
        total = frames[start : start + _CHUNK].sum(2)  # NaN counts as something
        lengths[start : start + _CHUNK] = (total != 0).sum(1)
        for row in np.flatnonzero(~np.isfinite(total).all(1)):
            report.note("joints that are not finite, taken as not seen", f"{part} {start + row}")
    for row in np.flatnonzero(lengths == 0):
        report.note("nothing but zeros, left out", f"{part} {row}")
    for row in np.flatnonzero(lengths == 1):
        report.note("one frame, kept", f"{part} {row}")
    return frames, labels.astype(np.int64), lengths, np.flatnonzero(lengths)
