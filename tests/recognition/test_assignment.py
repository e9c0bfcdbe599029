"""The least total cost, as SciPy finds it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from csre_ros.recognition.assignment import assign


def total(cost: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    return float(sum(cost[pair] for pair in pairs))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (5, 1), (4, 4), (3, 7), (9, 6), (12, 12), (40, 64)])
def test_the_pairs_are_those_of_scipy(rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows * 100 + columns)
    for _ in range(40):
        cost = rng.random((rows, columns))
        assert assign(cost) == list(zip(*map(np.ndarray.tolist, linear_sum_assignment(cost)), strict=True))


@pytest.mark.parametrize(("rows", "columns"), [(1, 3), (4, 4), (5, 8), (8, 5), (30, 30)])
def test_equal_costs_and_gates_cost_no_more_than_with_scipy(rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows * 100 + columns)
    for gate in (0.0, 0.1, 0.4, 2.0):
        for _ in range(10):
            cost = np.minimum(rng.integers(0, 4, (rows, columns)) / 4, gate + rng.random((rows, 1)) / 4)
            pairs = assign(cost)
            assert len(pairs) == min(rows, columns)
            assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
            assert total(cost, pairs) == pytest.approx(float(cost[linear_sum_assignment(cost)].sum()))


def test_everybody_may_want_the_same() -> None:
    """The hardest order: each row pushes all before it one column on."""
    cost = np.add.outer(np.arange(30.0) ** 2, np.zeros(30)) + np.multiply.outer(np.arange(30.0), np.arange(30.0))
    assert assign(cost) == [(row, 29 - row) for row in range(30)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_belongs_to_nobody(shape: tuple[int, int]) -> None:
    assert assign(np.zeros(shape)) == []


def test_small_problems_are_solved_as_by_trying_everything() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        cost = rng.normal(size=(4, 5))
        least = min(total(cost, list(enumerate(columns))) for columns in itertools.permutations(range(5), 4))
        assert total(cost, assign(cost)) == pytest.approx(least)
