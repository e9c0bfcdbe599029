"""What training and export ask of their data, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import lightning as L
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from csre_ros.skeleton import SkeletonLayout
from models.data.batch import Batch, collate
from models.data.labels import LabelMap
from models.data.sampling import DrawSampler, Sample, SampleDataset
from models.data.windows import WindowSpec


class SkeletonData(L.LightningDataModule, ABC):
    """Training, validation and test windows.

    Args:
        batch_size: Windows per step and process.
        workers: Loader processes.
        seed: Base of all random streams.

    Attributes:
        batch_size: Windows per step and process.
        labels: Label list.
        layout: Layout of the windows.
        spec: Length and steps of a window.
        persons: People per window.
    """

    labels: LabelMap
    layout: SkeletonLayout
    spec: WindowSpec
    persons = 1

    def __init__(self, batch_size: int, workers: int, seed: int) -> None:
        super().__init__()
        self.batch_size, self._workers, self._seed = batch_size, workers, seed

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in index order."""
        return self.labels.names

    @property
    @abstractmethod
    def terms(self) -> list[dict[str, str]]:
        """Name and conditions of use of every data set, for the bundle."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Data and split in words: what fixes the meaning of a memory-bank slot besides its label."""

    @property
    @abstractmethod
    def slot_labels(self) -> Tensor:
        """``[slots]`` label of every training sample: the classes of the memory banks."""

    @property
    def test_subsets(self) -> Mapping[str, NDArray[np.bool_]]:
        """Further figures on the test part: name and ``[N]`` mask over its samples, which their slots index."""
        return {}

    @abstractmethod
    def augment(self, batch: Batch) -> Batch:
        """Augment a training batch on its device."""

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment training batches, and only those."""
        return self.augment(batch) if self.trainer is not None and self.trainer.training else batch

    def _train_loader(
        self, dataset: SampleDataset, order: Callable[[Generator], NDArray[np.int64]], length: int
    ) -> DataLoader[Sample]:
        """A loader that makes ``length`` new draws per epoch, in the order that ``order`` returns."""
        sampler = DrawSampler(order, length, self._seed, self._drawn)
        return self._loader(dataset, sampler=sampler, drop_last=True)

    def _drawn(self) -> int:
        """Samples that all processes have used so far."""
        if self.trainer is None:
            return 0
        per_step = self.batch_size * self.trainer.world_size * self.trainer.accumulate_grad_batches
        return per_step * self.trainer.global_step

    def _loader(
        self, dataset: Dataset[Sample], sampler: DrawSampler | None = None, drop_last: bool = False
    ) -> DataLoader[Sample]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            sampler=sampler,
            drop_last=drop_last,
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
            collate_fn=collate,
            # Of its own: a loader that draws from the global stream would shift what dropout and augmentation draw.
            generator=torch.Generator().manual_seed(self._seed),
        )
