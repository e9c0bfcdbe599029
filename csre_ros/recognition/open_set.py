"""Open-set recognition: whether a movement is one of the labels at all, or none that the network was taught.

A softmax must choose among its labels. How far the embedding is from the prototype of the chosen label (the mean of its
embeddings in training) says something that the softmax does not. The distance is that of Mahalanobis: directions in
which the embeddings of one label differ from one another count less (Lee et al., "A Simple Unified Framework for
Detecting Out-of-Distribution Samples and Adversarial Attacks", NeurIPS 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.foreign_text import quoted
from csre_ros.skeleton import FloatArray

UNKNOWN = "unknown"
"""Name of the extension."""

_LEAST = 1e-6
"""Probabilities are not told apart below this."""
_DIGITS = 4
_MOST = 1e6
_MOST_DIRECTIONS = 1024


@dataclass(frozen=True, eq=False)
class OpenSet:
    """What a bundle knows about its own labels, fitted on people whom the network was not trained on.

    Attributes:
        whitening: ``[directions, D]`` by which an embedding is multiplied before distances are taken.
        prototypes: ``[labels, directions]`` whitened; NaN for labels that are never refused, such as those of the
            background.
        weight: How much a distance counts beside the logarithm of the probability.
        shares: Shares of known actions, rising, that are lost ...
        limits: ... where what scores less than this is refused, one for each share.
    """

    whitening: FloatArray
    prototypes: FloatArray
    weight: float
    shares: tuple[float, ...]
    limits: tuple[float, ...]

    @classmethod
    def from_extension(cls, extension: Mapping[str, Any], labels: Sequence[str], embedding: int) -> OpenSet:
        """Read the entry ``unknown`` of a bundle's extensions.

        Args:
            extension: As :meth:`extension` wrote it.
            labels: Names of the bundle's labels in order.
            embedding: Width of the embedding.

        Raises:
            ValueError: A value is missing, no finite number, or of another shape.
        """
        table, rows = extension.get("prototypes"), extension.get("whitening")
        if not isinstance(table, Mapping) or not set(table) <= set(labels):
            raise ValueError(f"prototypes of the extension 'unknown' are {quoted(table)}; they must be lists by label")
        if not isinstance(rows, list) or not 1 <= len(rows) <= _MOST_DIRECTIONS:
            raise ValueError(
                f"whitening of the extension 'unknown' is {quoted(rows)}; it must be 1..{_MOST_DIRECTIONS} lists"
            )
        whitening = np.stack([_numbers("whitening", row, embedding) for row in rows])
        prototypes = np.full((len(labels), len(rows)), np.nan, np.float32)
        for name, row in table.items():
            prototypes[labels.index(name)] = _numbers(name, row, len(rows))
        (weight,) = _numbers("weight", [extension.get("weight")], 1)
        shares = _numbers("shares", extension.get("shares"))
        limits = _numbers("limits", extension.get("limits"), len(shares))
        if not len(shares) or (np.diff(shares) <= 0).any():
            raise ValueError("shares of the extension 'unknown' must rise")
        fitted = tuple(shares.tolist()), tuple(limits.tolist())
        return cls(whitening.astype(np.float32), prototypes, float(weight), *fitted)

    def extension(self, labels: Sequence[str]) -> dict[str, Any]:
        """As a bundle carries it."""
        known = np.isfinite(self.prototypes).all(axis=1)
        rows = zip(labels, self.prototypes, known, strict=True)
        return {
            "required": False,
            "whitening": [_rounded(row) for row in self.whitening],
            "prototypes": {name: _rounded(row) for name, row, is_known in rows if is_known},
            "weight": round(self.weight, _DIGITS),
            "shares": list(self.shares),
            "limits": _rounded(np.array(self.limits)),
        }

    def distances(self, embeddings: FloatArray) -> FloatArray:
        """``[..., labels]`` of embeddings ``[..., D]`` to the prototypes; NaN where a label has none."""
        apart = (embeddings @ self.whitening.T)[..., None, :] - self.prototypes
        found: FloatArray = np.linalg.norm(apart, axis=-1)
        return found

    def scores(self, probabilities: NDArray[np.floating[Any]], embeddings: FloatArray) -> NDArray[np.float64]:
        """How well each label fits ``[..., labels]``, of ``[..., labels]`` and ``[..., D]``; inf: never refused."""
        found = np.log(np.maximum(probabilities, _LEAST)) - self.weight * self.distances(embeddings)
        return np.where(np.isnan(self.prototypes).any(axis=1), np.inf, found)

    def known(
        self, probabilities: NDArray[np.floating[Any]], embeddings: FloatArray, share: float
    ) -> NDArray[np.bool_]:
        """Which labels fit ``[..., labels]``.

        Args:
            probabilities: ``[..., labels]``.
            embeddings: ``[..., D]``.
            share: Share of known actions that may be lost; for 0 everything fits.
        """
        if share <= 0:
            return np.ones(probabilities.shape, bool)
        return self.scores(probabilities, embeddings) >= np.interp(share, self.shares, self.limits)


def _rounded(values: NDArray[np.floating[Any]]) -> list[float]:
    return [round(value, _DIGITS) for value in values.astype(float).tolist()]


def _numbers(name: str, values: Any, count: int | None = None) -> NDArray[np.float64]:
    """A list of finite numbers from a bundle."""
    right = isinstance(values, list) and (count is None or len(values) == count)
    if not right or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        what = f"{quoted(name)} of the extension 'unknown' is {quoted(values)}"
        size = "" if count is None else f" of {count}"
        raise ValueError(f"{what}; it must be a list{size} numbers")
    if not all(-_MOST < one < _MOST for one in values):
        raise ValueError(f"{quoted(name)} of the extension 'unknown' has values beyond {_MOST:g}")
    return np.array(values)
