"""How figures of several runs are written: mean and standard deviation over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def spread(scores: Sequence[Any], *, digits: int = 2, signed: bool = False) -> str:
    """Mean and standard deviation over runs, of one figure or of several.

    Args:
        scores: What each run has: a number, or one number for each figure.
        digits: Behind the point.
        signed: Whether a gain has a plus before it.

    >>> spread([[93.0, 91.0], [94.0, 92.0]])
    '93.50 ± 0.71 / 91.50 ± 0.71'
    >>> spread([0.5], digits=1, signed=True)
    '+0.5'
    >>> spread([])
    '-'
    """
    if not scores:
        return "-"
    cells, sign = [], "+" if signed else ""
    for values in np.transpose(np.reshape(scores, (len(scores), -1))):
        deviation = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
        cells.append(f"{values.mean():{sign}.{digits}f}{deviation}")
    return " / ".join(cells)
