"""One data set under its own protocol: whole clips, its own classes, its standard split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from csre_ros.skeleton import FloatArray, SkeletonLayout, get_layout
from models.data.augment import rotation_matrices
from models.data.batch import Batch
from models.data.clips import DATA_SETS, Clip, read_clips
from models.data.labels import LabelMap, plain_labels
from models.data.live import VALIDATION_SUBJECTS, collate
from models.data.windows import WindowSpec, resample


class ClipDataset(Dataset[tuple[FloatArray, FloatArray, int, int]]):
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
        self.clips = list(clips)
        self.labels = [list(classes).index(clip.label) for clip in clips]
        self._steps, self._crop, self._seed, self._visit = steps, crop, seed, 0

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[FloatArray, FloatArray, int, int]:
        self._visit += 1
        rng = np.random.default_rng((self._seed, self._visit, index))
        clip = self.clips[index]
        last = (len(clip) - 1) / clip.rate
        span = last * rng.uniform(*self._crop)
        start = rng.uniform(0, last - span) if span < last else 0.0
        positions, confidence = resample(clip, np.linspace(start, start + span, self._steps, dtype=np.float32))
        return positions.astype(np.float32), confidence.astype(np.float32), self.labels[index], index


class ProtocolData(L.LightningDataModule):
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
        super().__init__()
        self.save_hyperparameters()
        clips = read_clips(name, root, get_layout(layout))
        if not any(clip.split for clip in clips):
            raise ValueError(f"data set {name!r} has no standard split; choose one that has, such as utd_mhad")
        self.labels: LabelMap = plain_labels(name, sorted({clip.label for clip in clips}))
        self.spec = WindowSpec(max(clip.seconds for clip in clips), steps)
        self.layout: SkeletonLayout = get_layout(layout)
        self.persons = 1
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
        self._batch_size, self._workers = batch_size, workers

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in index order."""
        return self.labels.names

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data set and its conditions of use."""
        return [{"name": self._name, "terms": DATA_SETS[self._name].terms}]

    @property
    def slot_labels(self) -> Tensor:
        """``[slots]`` class of every training clip."""
        return torch.tensor(self.parts["train"].labels)

    def train_dataloader(self) -> DataLoader[Any]:
        """Training clips, each ``repeats`` times, shuffled."""
        count = len(self.parts["train"])
        order = torch.utils.data.SubsetRandomSampler([i for _ in range(self._repeats) for i in range(count)])
        return self._loader("train", sampler=order, drop_last=True)

    def val_dataloader(self) -> DataLoader[Any]:
        """Clips of the held-out subject."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        """Test clips of the standard split."""
        return self._loader("test")

    def _loader(self, part: str, **options: Any) -> DataLoader[Any]:
        return DataLoader(
            self.parts[part],
            batch_size=self._batch_size,
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
            collate_fn=collate,
            **options,
        )

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Turn training clips on the device."""
        if self.trainer is None or not self.trainer.training or not self._rotation:
            return batch
        limit, size = float(np.deg2rad(self._rotation)), len(batch.label)
        device = batch.positions.device
        yaw = torch.empty(size, device=device).uniform_(-limit, limit)
        pitch = torch.empty(size, device=device).uniform_(-limit / 2, limit / 2)
        turn = rotation_matrices(yaw, pitch, torch.zeros_like(yaw))
        return batch._replace(positions=batch.positions @ turn.transpose(1, 2)[:, None, None])
