"""Data sets with a published split: what the protocols of the benchmarks have in common."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from models.data.module import SkeletonData
from models.data.sampling import Sample, SampleDataset


class LabelledDataset(SampleDataset):
    """Samples whose labels are known without making them.

    Attributes:
        labels: ``[N]`` class indices.
    """

    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


class SplitData(SkeletonData):
    """Training, validation and test clips of one data set.

    Args:
        batch_size: Clips per step and process.
        workers: Loader processes.
        seed: Base of all random streams.
        watch_test: Score the test part after every epoch too, behind the validation part. Nothing is chosen by it; the
            "best test epoch" of published protocols is reported from it.

    Attributes:
        parts: ``train``, ``val`` and ``test``; ``val`` may be empty.
        repeats: Visits of a training sample per epoch.
        held_out: Whether the validation part is kept out of training.
    """

    parts: Mapping[str, LabelledDataset]
    repeats: int = 1
    held_out: bool

    def __init__(self, batch_size: int, workers: int, seed: int, *, watch_test: bool = False) -> None:
        super().__init__(batch_size, workers, seed)
        self._watch_test = watch_test

    @property
    def slot_labels(self) -> Tensor:
        """``[slots]`` class of every training sample."""
        return torch.from_numpy(self.parts["train"].labels)

    def train_dataloader(self) -> DataLoader[Sample]:
        """Training samples, each ``repeats`` times, shuffled."""
        count = len(self.parts["train"])
        visits = count * self.repeats
        return self._train_loader(self.parts["train"], lambda rng: rng.permutation(visits) % count, visits)

    def val_dataloader(self) -> DataLoader[Sample] | list[DataLoader[Sample]]:
        """Validation samples; where the test part is watched, a second loader with its samples."""
        return [self.validation(), self.test_dataloader()] if self._watch_test else self.validation()

    def validation(self) -> DataLoader[Sample]:
        """Validation samples alone."""
        return self._loader(self.parts["val"])

    def test_dataloader(self) -> DataLoader[Sample]:
        """Test samples of the standard split."""
        return self._loader(self.parts["test"])
