"""What a network answers to samples whose truth is known: the ground of calibration, evaluation and figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Scores:
    """Softmax probabilities and truth of a number of windows.

    Attributes:
        probabilities: ``[N, K]``.
        labels: ``[N]`` true class indices.
        slots: ``[N]`` indices of the windows in their data set.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    slots: NDArray[np.int64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """``[N]`` whether the most probable class is the true one."""
        right: NDArray[np.bool_] = self.probabilities.argmax(1) == self.labels
        return right
