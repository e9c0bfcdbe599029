"""Validation: the border that the people of every reader must pass, whatever message they come from."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import ArrayLike

from csre_ros.foreign_text import is_printable
from csre_ros.skeleton import Skeleton, SkeletonLayout
from csre_ros.skeleton.cloud import fault

MAX_PEOPLE = 64
"""Most people that one message may carry; a larger one is refused as a mistake."""
_LONGEST_ID = 64


class Crowd:
    """Collects the people of one message and counts whom it must leave out.

    Reasons, beside those an adapter adds itself: ``"infinite coordinate"``, ``"confidence outside 0..1"``,
    ``"no joint seen"``, ``"id too long"``, ``"id is no text"`` (it holds what cannot be shown, or said in UTF-8),
    ``"duplicate id"`` (the later person loses).

    Attributes:
        rejected: How many were left out, by reason.
    """

    def __init__(self) -> None:
        self.rejected: Counter[str] = Counter()
        self._people: list[Skeleton] = []
        self._ids: set[str] = set()

    @property
    def people(self) -> tuple[Skeleton, ...]:
        """Those who passed, in the order of the message."""
        return tuple(self._people)

    def add(
        self, layout: SkeletonLayout, positions: ArrayLike, confidence: ArrayLike, source_id: str | None = None
    ) -> None:
        """Take a person in, or count the reason why not.

        Args:
            layout: Joint convention.
            positions: ``[V, dims]`` as :class:`~csre_ros.skeleton.Skeleton` has them; NaN for joints not seen.
            confidence: ``[V]`` in 0..1; NaN or 0 for joints not seen.
            source_id: The source's own name for the person.
        """
        # A float64 beyond the range of float32 becomes infinite, which is rejected below; some NaN signal when copied.
        with np.errstate(over="ignore", invalid="ignore"):
            points = np.array(positions, np.float32)
            scores = np.array(confidence, np.float32)
        missing = np.isnan(points).any(axis=1) | np.isnan(scores)
        scores[missing] = 0
        if reason := fault(points, scores) or self._id_fault(source_id):
            self.rejected[reason] += 1
            return
        if source_id is not None:
            self._ids.add(source_id)
        self._people.append(Skeleton(layout, points, scores, source_id))

    def _id_fault(self, source_id: str | None) -> str:
        if source_id is not None and len(source_id) > _LONGEST_ID:
            return "id too long"
        if source_id is not None and not is_printable(source_id):
            return "id is no text"
        return "duplicate id" if source_id in self._ids else ""


def check_number(people: int) -> None:
    """Refuse messages with more people than any camera sees.

    Raises:
        ValueError: There are more than :data:`MAX_PEOPLE`.
    """
    if people > MAX_PEOPLE:
        raise ValueError(f"the message has {people} people; at most {MAX_PEOPLE} are accepted")
