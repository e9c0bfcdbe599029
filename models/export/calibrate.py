"""Per-class thresholds from the validation part of the training data."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from models.data.scores import Scores

_CANDIDATES = np.round(np.arange(0.40, 0.91, 0.02), 2)


def thresholds(
    scores: Scores,
    background: Collection[int],
    weights: NDArray[np.float64] | None = None,
    precision: float = 0.9,
    false_share: float = 0.002,
) -> list[float]:
    """The least threshold of every class at which it can be trusted.

    A class may fire on at most ``false_share`` of the weighted background windows, and of the action windows on which
    it fires at least ``precision`` must be its own. Where no candidate reaches both, the strictest one is taken.

    Args:
        scores: Scores of validation windows, with camera-like negatives among them.
        background: Indices of the labels that mean "nothing to report".
        weights: ``[N]`` how often a robot meets what each window shows; equal where not given. Counts for background.
        precision: Least share of right windows among those that fire, actions only.
        false_share: Largest share of background windows on which the class fires.

    Returns:
        One threshold per class; background classes get 0.
    """
    winner = scores.probabilities.argmax(1)
    is_background = np.isin(scores.labels, list(background))
    weight = np.ones(len(scores.labels)) if weights is None else weights
    total = max(float(weight[is_background].sum()), 1e-9)
    found = []
    for label in range(scores.probabilities.shape[1]):
        if label in background:
            found.append(0.0)
            continue
        probability = np.where(winner == label, scores.probabilities[:, label], 0)
        chosen = _CANDIDATES[-1]
        for candidate in _CANDIDATES:
            fires = probability >= candidate
            false = weight[fires & is_background].sum() / total
            acting = fires & ~is_background
            right = (acting & (scores.labels == label)).sum() / max(acting.sum(), 1)
            if false <= false_share and right >= precision:
                chosen = candidate
                break
        found.append(float(chosen))
    return found
