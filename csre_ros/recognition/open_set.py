"""Open-set recognition: whether a movement is one of the labels at all, or none that the network was taught.

A softmax must choose among its labels. How like the embedding is to those of the chosen label in training says
something that the softmax does not. People do the same in several ways, so a label has several prototypes, and the
nearest one counts (Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors", ICML 2022; here the
neighbours are means of similar examples, as few as a bundle can carry).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.foreign_text import quoted
from csre_ros.skeleton import FloatArray

UNKNOWN = "unknown"
"""Name of the extension."""

_LEAST = 1e-6
"""Probabilities are not told apart, and embeddings have no direction, below this."""
_DIGITS = 4
_MOST = 1e6
_MOST_PROTOTYPES = 256


@dataclass(frozen=True, eq=False)
class OpenSet:
    """What a bundle knows about its own labels, fitted on people whom the network was not trained on.

    Attributes:
        prototypes: ``[labels, K, D]`` directions of embeddings, of length one; NaN where a label has fewer than ``K``.
            Labels without any are never refused, such as those of the background.
        weight: How much the likeness, a cosine, counts beside the logarithm of the probability.
        shares: Shares of known actions, rising, that are lost ...
        limits: ... where what scores less than this is refused, one for each share.
    """

    prototypes: FloatArray
    weight: float
    shares: tuple[float, ...]
    limits: tuple[float, ...]

    @classmethod
    def of(
        cls,
        prototypes: Mapping[str, FloatArray],
        labels: Sequence[str],
        embedding: int,
        weight: float,
        shares: tuple[float, ...],
        limits: tuple[float, ...],
    ) -> OpenSet:
        """From embeddings ``[K, D]`` of any length and number by label.

        Args:
            prototypes: Prototypes of some labels.
            labels: Names of the bundle's labels in order.
            embedding: Width of the embedding.
            weight: See the class.
            shares: See the class.
            limits: See the class.
        """
        most = max((len(rows) for rows in prototypes.values()), default=0)
        table = np.full((len(labels), most, embedding), np.nan, np.float32)
        for name, rows in prototypes.items():
            table[labels.index(name), : len(rows)] = directions(rows)
        return cls(table, weight, shares, limits)

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
        table = extension.get("prototypes")
        if not isinstance(table, Mapping) or not set(table) <= set(labels):
            raise ValueError(f"prototypes of the extension 'unknown' are {quoted(table)}; they must be lists by label")
        prototypes = {}
        for name, rows in table.items():
            if not isinstance(rows, list) or not 1 <= len(rows) <= _MOST_PROTOTYPES:
                raise ValueError(
                    f"prototypes of {quoted(name)} in the extension 'unknown' are {quoted(rows)}; they must be "
                    f"1..{_MOST_PROTOTYPES} lists"
                )
            prototypes[name] = np.stack([_numbers(name, row, embedding) for row in rows]).astype(np.float32)
        (weight,) = _numbers("weight", [extension.get("weight")], 1)
        shares = _numbers("shares", extension.get("shares"))
        limits = _numbers("limits", extension.get("limits"), len(shares))
        if not len(shares) or (np.diff(shares) <= 0).any():
            raise ValueError("shares of the extension 'unknown' must rise")
        fitted = tuple(shares.tolist()), tuple(limits.tolist())
        return cls.of(prototypes, labels, embedding, float(weight), *fitted)

    def extension(self, labels: Sequence[str]) -> dict[str, Any]:
        """As a bundle carries it."""
        tables = {
            name: [_rounded(row) for row in rows if np.isfinite(row).all()]
            for name, rows in zip(labels, self.prototypes, strict=True)
        }
        return {
            "required": False,
            "prototypes": {name: rows for name, rows in tables.items() if rows},
            "weight": round(self.weight, _DIGITS),
            "shares": list(self.shares),
            "limits": _rounded(np.array(self.limits)),
        }

    @cached_property
    def known_labels(self) -> NDArray[np.bool_]:
        """``[labels]`` which ones have prototypes."""
        known: NDArray[np.bool_] = self._there.any(axis=1)
        return known

    @cached_property
    def _there(self) -> NDArray[np.bool_]:
        """``[labels, K]`` which prototypes there are."""
        there: NDArray[np.bool_] = np.isfinite(self.prototypes).all(axis=2)
        return there

    @cached_property
    def _rows(self) -> FloatArray:
        """``[D, labels * K]``, zeros where there is none."""
        rows: FloatArray = np.nan_to_num(self.prototypes).reshape(-1, self.prototypes.shape[2]).T
        return rows

    def likeness(self, embeddings: FloatArray) -> FloatArray:
        """``[..., labels]`` cosine of embeddings ``[..., D]`` and the nearest prototype; NaN where a label has none."""
        each = (directions(embeddings) @ self._rows).reshape(*embeddings.shape[:-1], *self._there.shape)
        nearest: FloatArray = np.where(self._there, each, -np.inf).max(axis=-1, initial=-np.inf)
        return np.where(self.known_labels, nearest, np.nan)

    def scores(self, probabilities: NDArray[np.floating[Any]], embeddings: FloatArray) -> NDArray[np.float64]:
        """How well each label fits ``[..., labels]``, of ``[..., labels]`` and ``[..., D]``; inf: never refused."""
        found = np.log(np.maximum(probabilities, _LEAST)) + self.weight * self.likeness(embeddings)
        return np.where(self.known_labels, found, np.inf)

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


def directions(embeddings: FloatArray) -> FloatArray:
    """Embeddings ``[..., D]`` at length one."""
    length = np.linalg.norm(embeddings, axis=-1, keepdims=True)
    one: FloatArray = (embeddings / np.maximum(length, _LEAST)).astype(np.float32)
    return one


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
