"""What an instant is compared by: the network's embedding, and beside it the posture and how it changes.

The embedding tells movements that the network has learned to tell; held postures are told better by the posture itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from csre_ros.recognition.encoder import Evidence
from csre_ros.skeleton import FloatArray, SkeletonLayout
from csre_ros.teaching.motion import AWAY_M
from csre_ros.teaching.posture import Posture

_VELOCITY_S = 0.133
"""A velocity counts as the way in so many seconds."""
_IN_THE_IMAGE = 0.3
"""How much distances of points in the image count: people who walk up or turn change them without doing anything else.

Chosen on training subjects before virtual cameras (``models/results/teach.md``)."""


@dataclass(frozen=True, eq=False)
class Features:
    """Instants of one person, at the rate of the bundle.

    Attributes:
        embedding: ``[T, dim]`` of unit length.
        points: ``[T, 2 K, dims]`` posture, then its velocity.
        known: ``[T, 2 K]`` 1 where a point was seen.
    """

    embedding: FloatArray
    points: FloatArray
    known: FloatArray

    def __len__(self) -> int:
        return len(self.embedding)

    def __getitem__(self, part: slice) -> Features:
        return Features(self.embedding[part], self.points[part], self.known[part])

    @property
    def moving(self) -> bool:
        """Whether the posture changes; else it is one that is held."""
        half = self.points.shape[1] // 2
        low, high = np.percentile(self.points[:, :half], (5, 95), axis=0)
        seen = self.known[:, :half].mean(axis=0) > 0.95
        return bool((seen & (np.linalg.norm(high - low, axis=-1) > AWAY_M)).any())

    @classmethod
    def joined(cls, parts: Sequence[Features]) -> Features:
        """One behind the other."""
        return cls(*(np.concatenate([getattr(one, name) for one in parts]) for name in cls.__dataclass_fields__))

    def distances(self, other: Features) -> FloatArray:
        """``[T, T other]``: 0 where two instants are the same; joints that one of them lacks do not count."""
        apart = np.maximum(2 - 2 * self.embedding @ other.embedding.T, 0)
        both = self.known[:, None] * other.known[None]
        scale = _IN_THE_IMAGE if self.points.shape[-1] == 2 else 1.0
        squares = np.square(scale * (self.points[:, None] - other.points[None])).sum(axis=-1) * both
        share = both.shape[-1] / np.maximum(both.sum(axis=-1), 1)
        found: FloatArray = np.sqrt(apart + squares.sum(axis=-1) * share)
        return found


class FeatureStream:
    """Makes features of the evidence about one person.

    Args:
        layout: Layout of the bundle.
        rate_hz: Its rate.
    """

    def __init__(self, layout: SkeletonLayout, rate_hz: float) -> None:
        self._posture, self._scale = Posture(layout, rate_hz), rate_hz * _VELOCITY_S
        self.reset()

    def reset(self) -> None:
        """Forget the person."""
        self._posture.reset()
        self._before: tuple[FloatArray, FloatArray] | None = None

    def step(self, evidence: Evidence) -> Features:
        """The features of one instant; only of evidence that holds joints."""
        assert evidence.positions is not None
        assert evidence.confidence is not None
        points, known = self._posture.step(evidence.positions, evidence.confidence)
        before, known_before = self._before or (points, known * 0)
        self._before = points, known
        moved = known * known_before
        velocity = (points - before) * moved[:, None] * np.float32(self._scale)
        embedding = evidence.embedding / max(float(np.linalg.norm(evidence.embedding)), 1e-9)
        both = np.concatenate((points, velocity))
        return Features(embedding[None].astype(np.float32), both[None], np.concatenate((known, moved))[None])
