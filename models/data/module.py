"""What training and export ask of their data, whatever it is made of.

A new kind of data is a new subclass; nobody outside asks which one it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import lightning as L
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from csre_ros.recognition.bundle_info import Metric
from csre_ros.skeleton import SkeletonLayout
from models.data.batch import Batch, collate
from models.data.labels import LabelMap
from models.data.sampling import DrawSampler, Sample, SampleDataset
from models.data.scores import Scores
from models.data.windows import WindowSpec


@dataclass(frozen=True, eq=False)
class Calibration:
    """Windows behind the thresholds of a bundle: of the training data, and not trained on.

    Attributes:
        windows: Their batches, not augmented.
        weights: ``[N]`` by slot: how often a robot meets what a window shows. Only those of background windows count.
    """

    windows: DataLoader[Sample]
    weights: NDArray[np.float64]


class SkeletonData(L.LightningDataModule, ABC):
    """Training, validation and test windows.

    Args:
        batch_size: Windows per step and process.
        workers: Loader processes.
        seed: Base of all random streams.
        watch_test: Score the test part after every epoch too, behind the validation part. Nothing is chosen by it; the
            "best test epoch" of published protocols is reported from it.

    Attributes:
        batch_size: Windows per step and process.
        labels: Label list.
        layout: Layout of the windows.
        spec: Length and steps of a window.
        persons: People per window.
        parts: ``train``, ``val`` and ``test``; ``val`` may be empty.
        held_out: Whether the validation part is kept out of training.
        done_before: Key of ``models.network.preprocess.PREPROCESSORS``: what samples have been through already, and a
            bundle must do itself.
    """

    labels: LabelMap
    layout: SkeletonLayout
    spec: WindowSpec
    persons = 1
    parts: Mapping[str, SampleDataset]
    held_out = True
    done_before: str | None = None

    def __init__(self, batch_size: int, workers: int, seed: int, *, watch_test: bool = False) -> None:
        super().__init__()
        self.batch_size, self._workers, self._seed, self._watch_test = batch_size, workers, seed, watch_test

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in index order."""
        return self.labels.names

    @property
    def background(self) -> frozenset[int]:
        """Indices of the labels that mean "nothing to report"."""
        return frozenset(self.labels.index(name) for name in self.labels.background)

    @property
    @abstractmethod
    def terms(self) -> list[dict[str, str]]:
        """Name and conditions of use of every data set, for the bundle."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Data and split in words: what fixes the meaning of a memory-bank slot besides its label."""

    @property
    def slot_labels(self) -> Tensor:
        """``[slots]`` label of every training sample: the classes of the memory banks."""
        return torch.from_numpy(self.parts["train"].labels)

    @property
    def test_subsets(self) -> Mapping[str, NDArray[np.bool_]]:
        """Further figures on the test part: name and ``[N]`` mask over its samples, which their slots index."""
        return {}

    @property
    @abstractmethod
    def test_protocol(self) -> str:
        """What a test sample is and who it comes from, in words, such as "test clips, utd_mhad"."""

    def calibration(self) -> Calibration | None:
        """What thresholds are chosen on; None where no part of the training data was kept for it."""
        if not self.held_out or not len(self.parts["val"]):
            return None
        return Calibration(self.validation(), np.ones(len(self.parts["val"])))

    def figures_of(self, test: Scores) -> list[Metric]:
        """Top-1 on the test part and on its subsets, each with its protocol, for the bundle."""
        parts = {"": np.ones(len(test.slots), bool)} | {
            f" {name}": mask[test.slots] for name, mask in self.test_subsets.items()
        }
        return [
            Metric(f"top-1{name}", round(float(test.right[mask].mean()), 4), f"{mask.sum()} {self.test_protocol}")
            for name, mask in parts.items()
        ]

    @abstractmethod
    def augment(self, batch: Batch) -> Batch:
        """Augment a training batch on its device."""

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment training batches, and only those."""
        return self.augment(batch) if self.trainer is not None and self.trainer.training else batch

    def val_dataloader(self) -> DataLoader[Sample] | list[DataLoader[Sample]]:
        """Validation samples; where the test part is watched, a second loader with its samples."""
        return [self.validation(), self.test_dataloader()] if self._watch_test else self.validation()

    def validation(self) -> DataLoader[Sample]:
        """Validation samples alone."""
        return self._loader(self.parts["val"])

    def test_dataloader(self) -> DataLoader[Sample]:
        """Test samples."""
        return self._loader(self.parts["test"])

    def _train_loader(self, order: Callable[[Generator], NDArray[np.int64]], length: int) -> DataLoader[Sample]:
        """A loader that makes ``length`` new draws per epoch, in the order that ``order`` returns."""
        sampler = DrawSampler(order, length, self._seed, self._drawn)
        return self._loader(self.parts["train"], sampler=sampler, drop_last=True)

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
