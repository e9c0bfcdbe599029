"""Random numbers of the training data: the same for any number of loader processes, and after a resume.

Every draw of a sample has a number of its own, counted from the start of the run. The sampler, which lives in the main
process, hands it out together with the sample's index, and the data set seeds the sample's random stream with both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from csre_ros.skeleton import FloatArray

Draw = tuple[int, int]
"""Number of the draw within the run, and index of the sample."""

Sample = tuple[FloatArray, FloatArray, int, int]
"""``positions [T, V, 3]``, ``confidence [T, V]``, label, and index of the sample: its slot in the memory banks."""


class SampleDataset(Dataset[Sample], ABC):
    """Samples that are made anew at every draw.

    ``dataset[draw, index]`` depends on seed, draw and index only; ``dataset[index]`` is draw 0.

    Args:
        labels: ``[N]`` class index of every sample; it never changes, so a sample can own a memory-bank slot.
        seed: Base of the random streams.

    Attributes:
        labels: As given.
    """

    def __init__(self, labels: NDArray[np.int64], seed: int) -> None:
        self.labels, self._seed = labels, seed

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def make(self, index: int, rng: Generator) -> tuple[FloatArray, FloatArray]:
        """Positions and confidence of a sample; all chance comes from ``rng``."""

    def __getitem__(self, key: Draw | int) -> Sample:
        draw, index = key if isinstance(key, tuple) else (0, key)
        positions, confidence = self.make(index, np.random.default_rng((self._seed, draw, index)))
        return positions.astype(np.float32), confidence.astype(np.float32), int(self.labels[index]), index


class DrawSampler(Sampler[Draw]):
    """The draws of one epoch after the other.

    Args:
        order: Makes the ``[length]`` indices of an epoch.
        length: Draws per epoch.
        seed: Base of the random streams.
        drawn: How many samples the run has used so far. It is asked when an epoch begins and not counted here, because
            a resumed run begins in a new process, and its loader prefetches before Lightning announces the epoch.
    """

    def __init__(
        self, order: Callable[[Generator], NDArray[np.int64]], length: int, seed: int, drawn: Callable[[], int]
    ) -> None:
        self._order, self._length, self._seed, self._drawn = order, length, seed, drawn

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Draw]:
        start = self._drawn()
        # The key keeps the order's stream apart from the samples': (seed, start) alone is that of (seed, start, 0).
        stream = np.random.SeedSequence((self._seed, start), spawn_key=(0,))
        indices = self._order(np.random.default_rng(stream))
        return iter([(start + place, int(index)) for place, index in enumerate(indices)])
