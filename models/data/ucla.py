"""NW-UCLA as CTR-GCN, Hyperformer and CSRE read it: views 1 and 2 train, view 3 tests.

Min-max scaling is part of the preprocessing (``preprocess: unit_box``), over the frames that the encoder gets. It
undoes any centring and any scaling of the clip: of the published augmentation only the rotation is left, and only that
is done here. Published is the range of the whole clip, of which a sample lacks the frames that it does not show. In a
box from -1 to 1 coordinates differ by 0.001 on average in the test part and by 0.011 in training. Training has a tail:
the largest difference within a sample is above 0.22 in one of twenty, and came to 1.18 in six draws of every clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray, get_layout
from models.data.batch import Batch
from models.data.clips import DATA_SETS, Clip, read_clips
from models.data.labels import plain_labels
from models.data.official.ucla import CLASSES
from models.data.sampling import SampleDataset
from models.data.split import SplitData
from models.data.windows import WindowSpec

FOLDS = 5
"""Slots that every training clip owns; an epoch visits each of them once."""

COPIES = 100
"""Frame numbers are drawn without replacement from so many copies of each: almost independently."""

VIEW_DEG = 60
"""Half range of the rotation about x and about y, in whole degrees."""


_FLAT_M = 1e-6
"""An axis along which a clip extends less is not stretched."""


class FrameDataset(SampleDataset):
    """Clips turned, scaled as wholes, and reduced or extended to a number of frames, none of which is interpolated.

    Args:
        clips: The clips.
        steps: Frames of a sample.
        seed: Base of the random streams.
        fixed: Evenly spaced frames of the clip as it is, instead of random ones of the turned clip.
    """

    def __init__(self, clips: Sequence[Clip], steps: int, seed: int, fixed: bool) -> None:
        super().__init__(np.array([CLASSES.index(clip.label) for clip in clips], np.int64), seed)
        self.clips = list(clips)
        self._steps, self._fixed = steps, fixed

    def make(self, index: int, rng: Generator) -> tuple[FloatArray, FloatArray]:
        """The chosen frames of a clip, in their order, in the box of the whole clip."""
        clip = self.clips[index]
        positions = clip.positions
        if self._fixed:
            frames = np.linspace(0, len(clip) - 1, self._steps).astype(np.int64)
        else:
            positions = positions @ view(*rng.integers(-VIEW_DEG, VIEW_DEG + 1, 2)).T
            frames = np.sort(rng.choice(COPIES * len(clip), self._steps, replace=False) % len(clip))
        return unit_box(positions, clip.confidence > 0)[frames], clip.confidence[frames]


def view(yaw_deg: int, pitch_deg: int) -> FloatArray:
    """``[3, 3]`` rotation about y, then x."""
    (sin_y, sin_x), (cos_y, cos_x) = (function(np.deg2rad((yaw_deg, pitch_deg))) for function in (np.sin, np.cos))
    about_y = np.array(((cos_y, 0, sin_y), (0, 1, 0), (-sin_y, 0, cos_y)))
    about_x = np.array(((1, 0, 0), (0, cos_x, -sin_x), (0, sin_x, cos_x)))
    turn: FloatArray = (about_x @ about_y).astype(np.float32)
    return turn


def unit_box(positions: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    """A clip with each axis stretched so that its seen joints fill -1 to 1; an axis on which nothing differs becomes 0.

    Args:
        positions: ``[T, V, 3]``.
        seen: ``[T, V]``; the others become the middle of the box.
    """
    if not seen.any():
        return np.zeros_like(positions)
    low, high = positions[seen].min(axis=0), positions[seen].max(axis=0)
    size = high - low
    scaled = (positions - (low + high) / 2) * np.where(size < _FLAT_M, 0, 2 / np.maximum(size, _FLAT_M))
    boxed: FloatArray = np.where(seen[..., None], scaled, 0).astype(np.float32)
    return boxed


class UCLAData(SplitData):
    """NW-UCLA, cross-view. As published, every clip is scaled to a box as a whole, before its frames are drawn.

    The validation part is every eleventh performance of the training part, in both of its views, less the clips that
    are test clips too, byte for byte. With ``hold_out`` off it trains too, as in the published protocol, and the
    validation figures are then optimistic.

    Args:
        root: Folder with the ``.npz`` file or with the official ``all_sqe``.
        steps: Frames of a sample.
        batch_size: Clips per step and process.
        hold_out: Keep the validation part out of training.
        watch_test: Score the test part after every epoch too; nothing is chosen by it.
        workers: Loader processes.
        seed: Base of all random streams.
    """

    done_before = "unit_box"

    def __init__(
        self,
        root: Path = Path("../shared/data"),
        steps: int = 52,
        batch_size: int = 16,
        hold_out: bool = True,
        watch_test: bool = True,
        workers: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, workers, seed, watch_test=watch_test)
        self.save_hyperparameters(ignore=["root"])
        clips = read_clips("nw_ucla", root)
        self.labels = plain_labels("nw_ucla", CLASSES)
        self.layout = get_layout("kinect20")
        self.spec = WindowSpec(max(clip.seconds for clip in clips), steps)
        self.held_out = hold_out
        train = [clip for clip in clips if clip.split == "train"]
        test = [clip for clip in clips if clip.split == "test"]
        self._own = ~occurs(test, train)
        held = set(sorted({performance(clip) for clip in train})[::11])
        val = [
            clip
            for clip, twin in zip(train, occurs(train, test), strict=True)
            if performance(clip) in held and not twin
        ]
        if hold_out:
            train = [clip for clip in train if performance(clip) not in held]
        self.parts: Mapping[str, FrameDataset] = {
            "train": FrameDataset(train * FOLDS, steps, seed, fixed=False),
            "val": FrameDataset(val, steps, seed, fixed=True),
            "test": FrameDataset(test, steps, seed, fixed=True),
        }

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data set and its conditions of use."""
        return [{"name": "nw_ucla", "terms": DATA_SETS["nw_ucla"].terms}]

    @property
    def identity(self) -> str:
        """Data set and split in words."""
        return f"nw_ucla cross-view, {FOLDS} folds, hold_out={self.held_out}"

    @property
    def test_subsets(self) -> Mapping[str, NDArray[np.bool_]]:
        """The test clips that are not, byte for byte, training clips: 369 of 464."""
        return {"without twins": self._own}

    def augment(self, batch: Batch) -> Batch:
        """Nothing more: a clip must be turned before its box is measured, and that before its frames are drawn."""
        return batch


def performance(clip: Clip) -> str:
    """Action, subject and episode, which the views share."""
    return clip.name.rpartition("_v")[0]


def occurs(clips: Sequence[Clip], others: Sequence[Clip]) -> NDArray[np.bool_]:
    """``[N]`` which clips are also among the others, byte for byte."""
    known = {clip.positions.tobytes() for clip in others}
    return np.array([clip.positions.tobytes() in known for clip in clips])
