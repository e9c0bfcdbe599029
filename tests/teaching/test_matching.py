"""What a matcher makes of distances: how well each taught label fits, and which is meant where several do."""

from __future__ import annotations

import numpy as np
import pytest

from csre_ros.recognition.stream_decoder import beside
from csre_ros.skeleton import get_layout
from csre_ros.teaching.features import Features
from csre_ros.teaching.matching import GalleryMatcher, fit

REACH = 0.75


def matcher(labels: int) -> GalleryMatcher:
    """A label for every example."""
    one = Features(np.ones((5, 4), np.float32) / 2, np.zeros((5, 2, 3), np.float32), np.ones((5, 2), np.float32))
    return GalleryMatcher([one] * labels, np.arange(labels), labels, REACH, get_layout("body13"), 15.0)


def told(*distances: float) -> list[float]:
    """Probabilities of taught labels, beside those of a bundle that says *other*."""
    found = matcher(len(distances)).match(np.array(distances), np.full(len(distances), 5))
    return beside(np.array([0.05, 0.95]), found.probabilities)[2:].tolist()


def test_at_the_reach_a_label_is_as_likely_meant_as_not() -> None:
    assert fit(np.array([REACH, 0.0, 2.0]), REACH).tolist() == pytest.approx([0.5, 1.0, 0.0], abs=1e-4)
    assert told(REACH) == pytest.approx([0.5])


@pytest.mark.parametrize("distances", [(0.3, 0.4), (0.4, 0.45, 0.62, 0.3), (0.3, 0.31)])
def test_of_labels_within_reach_the_nearest_is_told_and_no_other(distances: tuple[float, ...]) -> None:
    likely = np.array(told(*distances)) >= 0.5
    assert likely.tolist() == [one == min(distances) for one in distances]


def test_labels_that_fit_alike_are_not_told_apart() -> None:
    assert told(0.3, 0.3, 0.3) == pytest.approx([1 / 3] * 3, abs=0.01)


def test_what_is_beyond_reach_takes_nothing_from_the_bundle() -> None:
    assert max(told(2.0, 2.1)) < 1e-6
    assert max(told(float("inf"), float("inf"))) < 1e-6
