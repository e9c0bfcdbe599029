"""Data sets with a published split: what the protocols of the benchmarks have in common."""

from __future__ import annotations

from torch.utils.data import DataLoader

from models.data.module import SkeletonData
from models.data.sampling import Sample


class SplitData(SkeletonData):
    """Training, validation and test clips of one data set.

    Attributes:
        repeats: Visits of a training sample per epoch.
    """

    repeats: int = 1

    @property
    def test_protocol(self) -> str:
        """Test clips of the standard split."""
        return f"test clips, {self.identity}"

    def train_dataloader(self) -> DataLoader[Sample]:
        """Training samples, each ``repeats`` times, shuffled."""
        count = len(self.parts["train"])
        visits = count * self.repeats
        return self._train_loader(lambda rng: rng.permutation(visits) % count, visits)
