"""Who belongs to whom at the least total cost: the linear assignment problem, for the few people of a frame.

Shortest augmenting paths (Crouse 2016, "On implementing 2D rectangular assignment algorithms"), as SciPy solves it.
SciPy's own would be one line; but importing it takes a third of the node's start and a quarter of its memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray


def assign(cost: FloatArray) -> list[tuple[int, int]]:
    """Pairs of rows and columns, each at most once, as many as there are of the fewer, with the least sum of costs.

    Args:
        cost: ``[rows, columns]``, finite.

    >>> assign(np.array([[1.0, 2.0, 9.0], [1.0, 4.0, 9.0]]))
    [(0, 1), (1, 0)]
    """
    if cost.shape[0] > cost.shape[1]:
        return sorted((row, column) for column, row in assign(cost.T))
    if not cost.size:
        return []
    nearest = cost.argmin(axis=1).tolist()
    if len(set(nearest)) == len(nearest):  # nobody is in anybody's way, which is how it nearly always is
        return list(enumerate(nearest))
    return list(enumerate(_search(cost.astype(np.float64))))


def _search(cost: NDArray[np.float64]) -> list[int]:
    """The column of every row, of no more rows than columns."""
    least = cost.min(axis=1)  # dual variable of every row; those of columns are never above 0
    price = np.zeros(cost.shape[1])
    owner = np.full(cost.shape[1], -1)
    taken = np.full(cost.shape[0], -1)
    wanted = cost == least[:, None]
    for row in wanted.sum(axis=1).argsort(kind="stable").tolist():  # who does not care chooses last
        if (free := wanted[row] & (owner < 0)).any():
            taken[row] = free.argmax()
            owner[taken[row]] = row
    for row in np.flatnonzero(taken < 0).tolist():
        _augment(row, cost, least, price, owner, taken)
    found: list[int] = taken.tolist()
    return found


def _augment(
    row: int,
    cost: NDArray[np.float64],
    least: NDArray[np.float64],
    price: NDArray[np.float64],
    owner: NDArray[np.int64],
    taken: NDArray[np.int64],
) -> None:
    """Give a column to one more row; who had it takes another, along the path that costs least (Dijkstra)."""
    length = np.full(len(price), np.inf)
    via = np.full(len(price), -1)
    done = np.zeros(len(price), bool)
    visited, at, so_far = [], row, 0.0
    while True:
        visited.append(at)
        through = so_far + cost[at] - least[at] - price
        shorter = ~done & (through < length)
        length[shorter], via[shorter] = through[shorter], at
        open_length = np.where(done, np.inf, length)
        # Of several at the same distance one that is free, which ends the path.
        column = int(np.lexsort((owner >= 0, open_length))[0])
        so_far, done[column] = float(length[column]), True
        if owner[column] < 0:
            break
        at = int(owner[column])
    least[row] += so_far
    for other in visited[1:]:
        least[other] += so_far - length[taken[other]]
    price[done] -= so_far - length[done]
    while True:
        at = int(via[column])
        owner[column] = at
        taken[at], column = column, int(taken[at])
        if at == row:
            return
