"""One data set under its own protocol: whole clips, its own classes, its standard split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import DataLoader

from csre_ros.skeleton import FloatArray, get_layout
from models.data.augment import rotation_matrices
from models.data.batch import Batch
from models.data.clips import DATA_SETS, Clip, read_clips
from models.data.labels import plain_labels
from models.data.live import VALIDATION_SUBJECTS
from models.data.module import SkeletonData
from models.data.sampling import Sample, SampleDataset
from models.data.windows import WindowSpec, resample


class ClipDataset(SampleDataset):
    """Whole clips, stretched to the time steps of the encoder.

    Args:
        clips: The clips.
        classes: Class names in index order.
        steps: Time steps.
        crop: Range of the share of the clip that is used, cut at a random place; (1, 1) uses all of it.
        seed: Base of the random streams.
    """

    def __init__(
        self, clips: Sequence[Clip], classes: Sequence[str], steps: int, crop: tuple[float, float], seed: int
    ) -> None:
        super().__init__(seed)
        self.clips = list(clips)
        self.labels = [list(classes).index(clip.label) for clip in clips]
        self._steps, self._crop = steps, crop

    def __len__(self) -> int:
        return len(self.clips)

    def make(self, index: int, rng: Generator) -> tuple[FloatArray, FloatArray, int]:
        """A clip, or a piece of it."""
        clip = self.clips[index]
        last = (len(clip) - 1) / clip.rate
        span = last * rng.uniform(*self._crop)
        start = rng.uniform(0, last - span) if span < last else 0.0
        positions, confidence = resample(clip, np.linspace(start, start + span, self._steps, dtype=np.float32))
        return positions, confidence, self.labels[index]


class ProtocolData(SkeletonData):
    """Training, validation and test clips of one data set.

    The validation part is one subject of the training half. With ``hold_out`` off the subject trains too, as in the
    published protocols, and the validation figures are then optimistic.

    Args:
        name: Key of ``models.data.clips.DATA_SETS`` with a standard split.
        root: Folder with the ``.npz`` files.
        layout: Layout of the clips.
        steps: Time steps of the encoder.
        batch_size: Clips per step.
        repeats: How often every clip is visited per epoch.
        rotation_deg: Half range of yaw; half of it for pitch.
        crop: Shortest share of a clip that is used in training.
        hold_out: Keep the validation subject out of training.
        workers: Loader processes.
        seed: Base of all random streams.

    Raises:
        ValueError: The data set has no standard split.
    """

    def __init__(
        self,
        name: str = "utd_mhad",
        root: Path = Path("../shared/data"),
        layout: str = "kinect20",
        steps: int = 64,
        batch_size: int = 64,
        repeats: int = 5,
        rotation_deg: float = 30.0,
        crop: float = 0.7,
        hold_out: bool = True,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, workers, seed)
        self.save_hyperparameters()
        clips = read_clips(name, root, get_layout(layout))
        if not any(clip.split for clip in clips):
            raise ValueError(f"data set {name!r} has no standard split; choose one that has, such as utd_mhad")
        self.labels = plain_labels(name, sorted({clip.label for clip in clips}))
        self.spec = WindowSpec(max(clip.seconds for clip in clips), steps)
        self.layout = get_layout(layout)
        self._name, self._repeats, self._rotation = name, repeats, rotation_deg
        held = VALIDATION_SUBJECTS[name]
        train = [clip for clip in clips if clip.split == "train"]
        val = [clip for clip in train if clip.subject in held]
        if hold_out:
            train = [clip for clip in train if clip.subject not in held]
        parts = {"train": train, "val": val, "test": [clip for clip in clips if clip.split == "test"]}
        crops = {"train": (crop, 1.0), "val": (1.0, 1.0), "test": (1.0, 1.0)}
        self.parts = {
            part: ClipDataset(chosen, self.classes, steps, crops[part], seed) for part, chosen in parts.items()
        }

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data set and its conditions of use."""
        return [{"name": self._name, "terms": DATA_SETS[self._name].terms}]

    @property
    def slot_labels(self) -> Tensor:
        """``[slots]`` class of every training clip."""
        return torch.tensor(self.parts["train"].labels)

    def train_dataloader(self) -> DataLoader[Sample]:
        """Training clips, each ``repeats`` times, shuffled."""
        count = len(self.parts["train"])
        visits = count * self._repeats
        return self._train_loader(self.parts["train"], lambda rng: rng.permutation(visits) % count, visits)

    def val_dataloader(self) -> DataLoader[Sample]:
        """Clips of the held-out subject."""
        return self._loader(self.parts["val"])

    def test_dataloader(self) -> DataLoader[Sample]:
        """Test clips of the standard split."""
        return self._loader(self.parts["test"])

    def augment(self, batch: Batch) -> Batch:
        """Turn the clips."""
        limit, size = float(np.deg2rad(self._rotation)), len(batch.label)
        device = batch.positions.device
        yaw = torch.empty(size, device=device).uniform_(-limit, limit)
        pitch = torch.empty(size, device=device).uniform_(-limit / 2, limit / 2)
        turn = rotation_matrices(yaw, pitch, torch.zeros_like(yaw))
        return batch._replace(positions=batch.positions @ turn.transpose(1, 2)[:, None, None])
