"""How taught labels are measured: the nearest of the drawn examples says which label a clip has."""

from __future__ import annotations

import numpy as np
import pytest

from models.export.teach import shares, teach

LABELS = np.array([0, 0, 1, 1])
DISTANCES = np.array([[1.0, 5.0, 3.0, 4.0], [9.0, 9.0, 2.0, 1.0]])  # a clip of each label


def test_with_all_examples_both_clips_are_told() -> None:
    assert shares(DISTANCES, LABELS, np.array([0, 1]), 2, 5, 0).tolist() == [1.0] * 5


def test_with_one_example_the_first_clip_is_told_where_its_near_example_was_drawn() -> None:
    found = shares(DISTANCES, LABELS, np.array([0, 1]), 1, 400, 0)
    assert set(found.tolist()) == {0.5, 1.0}
    assert found.mean() == pytest.approx(0.75, abs=0.05)
    assert found.tolist() == shares(DISTANCES, LABELS, np.array([0, 1]), 1, 400, 0).tolist()


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(
        ValueError, match="unknown set 'utd_z'; choose among: others, utd_a, utd_b, utd_c, utd_d, utd_e, robot_view"
    ):
        teach("default", ["others", "utd_z"])
