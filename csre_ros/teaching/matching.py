"""Comparing a stream with examples: subsequence dynamic time warping (DTW), one column of all examples at a time.

The step pattern is the symmetric one with slope limits 1/2 and 2 (P = 1) of Sakoe and Chiba, "Dynamic programming
algorithm optimization for spoken word recognition", IEEE TASSP 26(1), 1978: something twice as fast or half as fast as
an example still matches, something that only passes through its posture does not. It needs no loop over an example.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.taught import Match
from csre_ros.skeleton import FloatArray, SkeletonLayout
from csre_ros.teaching.ending import Ending
from csre_ros.teaching.features import Features, FeatureStream

_SOFTNESS = 0.06
"""Share of the reach within which a probability falls from 0.73 to 0.27."""

_BEHIND = 0.13
"""A label that is farther than the nearest one by this share of the reach counts 1/e of it."""

_RECENT = 0.3
"""Share of the newest pair of instants in the fading mean along a path."""
_RECENT_LIMIT = 1.1
"""The fading mean may be so many times the whole one: a long path would outlive its movement otherwise."""


class Warping:
    """How well the newest instants of a stream fit each of some examples.

    Args:
        examples: Each of at least one instant.
    """

    def __init__(self, examples: Sequence[Features]) -> None:
        self._all = Features.joined(examples)
        lengths = np.array([len(example) for example in examples])
        self._rows = np.repeat(np.arange(len(examples)), lengths)
        self._columns = np.concatenate([np.arange(length) for length in lengths])
        self._lengths, self._shape = lengths, (len(examples), int(lengths.max()))
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        # Sums of weighted distances, first instants and fading means of the best paths, for the last two instants;
        # before an example begins there are two columns: where a path starts, and one that no path reaches.
        width = self._shape[1] + 2
        self._now = -1
        self._sums = np.full((2, self._shape[0], width), np.inf)
        self._starts = np.zeros((2, self._shape[0], width), np.int64)
        self._recent = np.zeros((2, self._shape[0], width))
        self._costs = np.zeros((self._shape[0], width))

    def step(self, instant: Features) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Take an instant in.

        Returns:
            ``[examples]`` mean distance along the best path that ends now with the example, or a share of that along
            its newest part, whichever is larger, infinite where there is no path; and how many instants it covers.
        """
        self._now += 1
        now, before = self._now, self._costs
        costs = np.zeros_like(before)  # those behind the end of an example lead nowhere
        costs[self._rows, self._columns + 2] = instant.distances(self._all)[0]
        (older, newer), (older_start, newer_start) = self._sums, self._starts
        newer[:, 1], newer_start[:, 1] = 0, now
        older[:, 1], older_start[:, 1] = 0, now - 1
        if not now:
            older[:, 1] = np.inf
        cost, left = costs[:, 2:], costs[:, 1:-1]
        options = np.stack(
            (newer[:, 1:-1] + 2 * cost, older[:, 1:-1] + 2 * before[:, 2:] + cost, newer[:, :-2] + 2 * left + cost)
        )
        starts = np.stack((newer_start[:, 1:-1], older_start[:, 1:-1], newer_start[:, :-2]))
        covered = now - starts + 1
        best = (options / (covered + np.arange(1, cost.shape[1] + 1))).argmin(axis=0)[None]
        older_recent, newer_recent = self._recent
        recents = np.stack((newer_recent[:, 1:-1], older_recent[:, 1:-1], newer_recent[:, :-2]))
        sums, start, recent = np.full_like(newer, np.inf), np.zeros_like(newer_start), np.zeros_like(newer)
        sums[:, 2:] = np.take_along_axis(options, best, 0)[0]
        start[:, 2:] = np.take_along_axis(starts, best, 0)[0]
        faded = np.take_along_axis(recents, best, 0)[0]
        recent[:, 2:] = np.where(faded > 0, faded + _RECENT * (cost - faded), cost)
        self._recent = np.stack((newer_recent, recent))
        self._sums, self._starts = np.stack((newer, sums)), np.stack((newer_start, start))
        self._costs = costs
        last = np.arange(len(sums)), self._lengths + 1
        instants = now - start[last] + 1
        return np.maximum(sums[last] / (instants + self._lengths), recent[last] / _RECENT_LIMIT), instants


def sequence_distances(example: Features, others: Sequence[Features]) -> NDArray[np.float64]:
    """``[others]`` mean distance along the best path by which some part of an example ends with each of them."""
    warping = Warping(others)
    best = np.full(len(others), np.inf)
    for at in range(len(example)):
        best = np.minimum(best, warping.step(example[at : at + 1])[0])
    return best


class GalleryMatcher:
    """Tells taught labels from one person's stream, see :class:`csre_ros.recognition.taught.Matcher`.

    Args:
        examples: Features of all examples.
        label_of: ``[examples]`` index of the label of each.
        labels: How many labels there are.
        reach: Mean distance at which an example is as likely meant as not.
        layout: Layout of the bundle.
        rate_hz: Its rate.
    """

    def __init__(
        self,
        examples: Sequence[Features],
        label_of: NDArray[np.int64],
        labels: int,
        reach: float,
        layout: SkeletonLayout,
        rate_hz: float,
    ) -> None:
        self._warping = Warping(examples) if examples else None
        self._label_of, self._labels, self._reach = label_of, labels, reach
        self._features, self._rate = FeatureStream(layout, rate_hz), rate_hz
        self._moving = np.array([example.moving for example in examples], bool)
        self._ending = Ending(labels, reach, rate_hz)

    def reset(self) -> None:
        """Forget the person."""
        self._features.reset()
        self._ending.reset()
        if self._warping is not None:
            self._warping.reset()

    def step(self, evidence: Evidence) -> Match:
        """How well each label fits: as well as its nearest example, until that is over."""
        if self._warping is None:
            return Match(np.zeros(0, np.float32), np.zeros(0, np.float32))
        return self.match(*self._warping.step(self._features.step(evidence)))

    def match(self, distances: NDArray[np.float64], instants: NDArray[np.int64]) -> Match:
        """What one instant says, of what :meth:`Warping.step` found.

        Where several labels are within reach the nearest one is meant: a share for each, and none would be told.
        """
        nearest = np.full(self._labels, np.inf)
        np.minimum.at(nearest, self._label_of, distances)
        seconds, moving = np.zeros(self._labels), np.zeros(self._labels, bool)
        for example in np.flatnonzero(distances <= nearest[self._label_of]):
            label = self._label_of[example]
            seconds[label], moving[label] = (instants[example] - 1) / self._rate, self._moving[example]
        nearest[self._ending.step(nearest, seconds, moving)] = np.inf
        fits = fit(nearest, self._reach)
        if np.isfinite(nearest).any():
            fits *= np.exp((nearest.min() - nearest) / (_BEHIND * self._reach)).astype(np.float32)
        return Match(fits, seconds.astype(np.float32))


def fit(distances: NDArray[np.float64], reach: float) -> FloatArray:
    """Probability of a distance: a half at the reach, 1 at 0."""
    exponents = np.clip((distances / reach - 1) / _SOFTNESS, -50, 50)
    return (1 / (1 + np.exp(exponents))).astype(np.float32)
