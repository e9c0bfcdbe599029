"""How sure a paired difference is, when both the seeds and the test clips could have been others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RESAMPLES, _AT_ONCE = 4000, 200


@dataclass(frozen=True)
class PairedDifference:
    """Accuracy of one side minus the other, on the same clips with the same seeds.

    Attributes:
        points: The difference in percentage points.
        low: Lower end of its 95 % interval.
        high: Upper end.
        clips: The difference in clips per run.
        of: Clips of a run.
    """

    points: float
    low: float
    high: float
    clips: float
    of: int


def paired_difference(
    plain: Sequence[NDArray[np.bool_]], other: Sequence[NDArray[np.bool_]], seed: int = 0
) -> PairedDifference:
    """Mean difference and its interval by a bootstrap over clips and seeds.

    Several test parts, such as the subsets of MSR-Action3D, count alike, whatever their sizes. One seed alone leaves
    the seeds out, and then the interval says nothing of what another seed would give.

    Args:
        plain: Per test part ``[S, N]``: right or not, by seed and clip.
        other: The same for the other side.
        seed: Of the resampling.
    """
    rng = np.random.default_rng(seed)
    parts = [other_part.astype(np.float64) - part for part, other_part in zip(plain, other, strict=True)]
    seeds = len(parts[0])
    drawn = []
    for _ in range(_RESAMPLES // _AT_ONCE):
        # Drawing S seeds with replacement is weighting each by how often it was drawn; so with clips.
        by_seed = rng.multinomial(seeds, [1 / seeds] * seeds, _AT_ONCE) / seeds
        by_clip = [rng.multinomial(part.shape[1], [1 / part.shape[1]] * part.shape[1], _AT_ONCE) for part in parts]
        means = [((by_seed @ part) * weight).mean(1) for part, weight in zip(parts, by_clip, strict=True)]
        drawn.append(np.mean(means, axis=0))
    low, high = 100 * np.percentile(drawn, (2.5, 97.5))
    points = 100 * float(np.mean([part.mean() for part in parts]))
    clips = float(sum(part.sum() for part in parts)) / seeds
    return PairedDifference(points, float(low), float(high), clips, sum(part.shape[1] for part in parts))
