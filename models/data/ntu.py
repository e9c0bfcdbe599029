"""NTU RGB+D 60 and 120 in the form of CTR-GCN: one ``.npz`` per benchmark, read without loading it.

``python -m models prepare-ntu`` makes these files from the raw ones; the ones that CTR-GCN's scripts write fit as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray, get_layout
from csre_ros.skeleton.kinect import TO_OPTICAL
from models.data.augment import rotation_matrices
from models.data.batch import Batch
from models.data.labels import plain_labels
from models.data.ntu_arrays import JOINTS, PERSONS, read_part
from models.data.official.ntu import BENCHMARKS, FRAMES
from models.data.report import LoadReport
from models.data.sampling import SampleDataset
from models.data.split import SplitData
from models.data.windows import WindowSpec

FILES = {
    "ntu60_xsub": "NTU60_CS.npz",
    "ntu60_xview": "NTU60_CV.npz",
    "ntu120_xsub": "NTU120_CSub.npz",
    "ntu120_xset": "NTU120_CSet.npz",
}


def resize(frames: FloatArray, steps: int) -> FloatArray:
    """Linear resampling of ``[T, ...]`` to ``[steps, ...]``: half-pixel centres, the ends held.

    >>> resize(np.array([0.0, 1.0], np.float32), 4)
    array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """
    place = np.clip((np.arange(steps) + 0.5) * len(frames) / steps - 0.5, 0, len(frames) - 1)
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, len(frames) - 1)
    share = (place - before).astype(np.float32).reshape(-1, *[1] * (frames.ndim - 1))
    mixed: FloatArray = frames[before] * (1 - share) + frames[after] * share
    return mixed


@dataclass(frozen=True)
class Crop:
    """Which frames of a clip are used.

    Attributes:
        low: Least share of the clip.
        high: Largest share. If both are equal the middle is cut out, otherwise a random piece of random length, which
            is not shorter than ``least`` frames unless the clip is.
        least: In frames.
    """

    low: float
    high: float
    least: int

    def __call__(self, length: int, rng: Generator) -> slice:
        """Draw the piece of a clip of so many frames."""
        if self.low == self.high:
            margin = int((1 - self.low) * length / 2)
            return slice(margin, length - margin)
        size = min(max(int(length * rng.uniform(self.low, self.high)), self.least), length)
        start = int(rng.integers(0, length - size + 1))
        return slice(start, start + size)


def validation_rows(usable: NDArray[np.int64], benchmark: str) -> NDArray[np.int64]:
    """Training rows that validate: the last fifteenth, in X-View that of either half.

    The files do not name their clips, but these stand in the order of performers (X-Sub), cameras (X-View) or setups
    (X-Set), and within by setup, camera, performer, replication and action. A stretch at the end is thus made of whole

    - performers in X-Sub, but for the first of them, some of whose clips train: in one setup even other views of the
      same performances;
    - setups in X-Set: the last one, whose 3594 clips of 54468 decide the share, and 37 clips of the one before;
    - performances in X-View, in both of its cameras, which hold about half of the file each: performances at the
      borders of the two stretches may have one view in either part.

    Nothing of that holds for a file in another order.

    Args:
        usable: ``[N]`` rows that hold anything, in the order of the file.
        benchmark: Key of :data:`FILES`.
    """
    groups = np.array_split(usable, 2 if benchmark == "ntu60_xview" else 1)
    return np.concatenate([group[-max(len(group) // 15, 1) :] for group in groups])


class NTUDataset(SampleDataset):
    """Clips of two bodies, cropped and resized.

    Args:
        frames: ``[N, 300, 150]`` in metres and Kinect axes, zero behind the end of a clip.
        labels: ``[N]``.
        rows: Which of them to use, in slot order.
        lengths: ``[N]`` frames that are not zero.
        steps: Frames of a sample.
        crop: Piece of a clip.
        seed: Base of the random streams.
    """

    def __init__(
        self,
        frames: NDArray[Any],
        labels: NDArray[np.int64],
        rows: NDArray[np.int64],
        lengths: NDArray[np.int64],
        steps: int,
        crop: Crop,
        seed: int,
    ) -> None:
        super().__init__(labels[rows], seed)
        self._frames, self._rows, self._lengths = frames, rows, lengths[rows]
        self._steps, self._crop = steps, crop

    def make(self, index: int, rng: Generator) -> tuple[FloatArray, FloatArray]:
        """A piece of a clip, ``[2, T, 25, 3]``; a body counts as seen where it is not all zero."""
        used = self._crop(int(self._lengths[index]), rng)
        clip = np.array(self._frames[self._rows[index], used], np.float32).reshape(-1, PERSONS, JOINTS, 3)
        finite = np.isfinite(clip).all(-1)
        clip[~finite] = 0
        present = (clip != 0).any(axis=(2, 3))[..., None] & finite
        # Between a frame with and a frame without a body the published resizing blends with zero, and so does this.
        positions = resize(clip, self._steps) * np.asarray(TO_OPTICAL, np.float32)
        seen = resize(present.astype(np.float32), self._steps)
        return positions.swapaxes(0, 1), np.sign(seen).swapaxes(0, 1)


class NTUData(SplitData):
    """One of the four benchmarks.

    The validation part is a fifteenth of the training clips, of other people or performances as far as the files allow:
    see :func:`validation_rows`. With ``hold_out`` off it trains too, as in the published protocol, and the validation
    figures are then optimistic.

    Args:
        benchmark: Key of :data:`FILES`.
        root: Folder of the ``.npz`` files.
        steps: Frames of a sample.
        batch_size: Clips per step and process.
        rotation: Half range of the rotation about each axis, in radians.
        hold_out: Keep the validation part out of training.
        watch_test: Score the test part after every epoch too; nothing is chosen by it.
        workers: Loader processes.
        seed: Base of all random streams.

    Raises:
        ValueError: Unknown benchmark.
    """

    persons = PERSONS

    def __init__(
        self,
        benchmark: str = "ntu60_xsub",
        root: Path = Path("../shared/data"),
        steps: int = 64,
        batch_size: int = 64,
        rotation: float = 0.3,
        hold_out: bool = True,
        watch_test: bool = True,
        workers: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, workers, seed, watch_test=watch_test)
        self.save_hyperparameters(ignore=["root"])
        if benchmark not in FILES:
            raise ValueError(f"unknown benchmark {benchmark!r}; choose one of: {', '.join(FILES)}")
        self.layout = get_layout("ntu25")
        self.labels = plain_labels("ntu", [f"A{i + 1:03d}" for i in range(BENCHMARKS[benchmark].classes)])
        self.spec = WindowSpec(FRAMES / 30, steps)
        self.held_out = hold_out
        self._benchmark, self._rotation = benchmark, rotation
        path = root / FILES[benchmark]
        report = LoadReport(benchmark)
        train, train_labels, lengths, usable = read_part(path, "train", self.classes, report)
        test, test_labels, test_lengths, test_usable = read_part(path, "test", self.classes, report)
        report.tell()
        held = validation_rows(usable, benchmark)
        own = np.setdiff1d(usable, held) if hold_out else usable
        training, fixed = Crop(0.5, 1.0, 64), Crop(0.95, 0.95, 64)
        self.parts: Mapping[str, NTUDataset] = {
            "train": NTUDataset(train, train_labels, own, lengths, steps, training, seed),
            "val": NTUDataset(train, train_labels, held, lengths, steps, fixed, seed),
            "test": NTUDataset(test, test_labels, test_usable, test_lengths, steps, fixed, seed),
        }

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data set and its conditions of use."""
        return [{"name": self._benchmark, "terms": "research use, by agreement"}]

    @property
    def identity(self) -> str:
        """Data set and split in words."""
        return f"{self._benchmark}, hold_out={self.held_out}"

    def augment(self, batch: Batch) -> Batch:
        """Turn both bodies together, about x, then y, then z."""
        size, device = len(batch.label), batch.positions.device
        angles = torch.empty(3, size, device=device).uniform_(-self._rotation, self._rotation)
        zero = torch.zeros_like(angles[0])
        about_x, about_y, about_z = (
            rotation_matrices(zero, angles[0], zero),
            rotation_matrices(angles[1], zero, zero),
            rotation_matrices(zero, zero, angles[2]),
        )
        turn = about_z @ about_y @ about_x
        return batch._replace(positions=batch.positions @ turn.transpose(1, 2)[:, None, None])
