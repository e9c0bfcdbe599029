"""When a taught movement is over.

The best path through an example goes on for a while after the movement: its end may be stretched over somebody who
stands again. But it begins where it began, and fits no better than it did. A movement that is repeated, and a posture
that is held on, find new paths.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BETTER = 0.1
"""Share of the reach by which a path must be better than before to show that its movement still went on."""
_LATER_S = 0.3
"""So much later begins the path of another movement."""
_PATIENCE_S = 0.3
"""A path that got no better for so long is over; longer than an action must last before it is reported."""


class Ending:
    """Follows the best path of each label of one person.

    Args:
        labels: How many.
        reach: Mean distance at which an example is as likely meant as not.
        rate_hz: Instants per second.
    """

    def __init__(self, labels: int, reach: float, rate_hz: float) -> None:
        self._labels, self._reach, self._rate = labels, reach, rate_hz
        self.reset()

    def reset(self) -> None:
        """Forget the person."""
        self._now = 0
        self._best = np.full(self._labels, np.inf)
        self._start, self._grown = np.zeros(self._labels), np.zeros(self._labels)

    def step(
        self, distances: NDArray[np.float64], seconds: NDArray[np.float64], moving: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Take the best path of each label in.

        Args:
            distances: ``[labels]`` mean distance along it.
            seconds: ``[labels]`` how long before now it began.
            moving: ``[labels]`` whether its example is a movement; a posture may be held as long as one likes.

        Returns:
            ``[labels]`` whether what the path is about is over.
        """
        self._now += 1
        start = self._now - seconds * self._rate
        fits = distances <= self._reach
        another = start > self._start + _LATER_S * self._rate
        self._best[~fits | another] = np.inf
        better = fits & (distances < self._best - _BETTER * self._reach)
        self._best = np.where(better, distances, self._best)
        self._start, self._grown = np.where(better, start, self._start), np.where(better, self._now, self._grown)
        over: NDArray[np.bool_] = fits & moving & (self._now - self._grown > _PATIENCE_S * self._rate)
        return over
