"""The networks of bundles alone: one call for so many people, on the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.names import is_stream
from benchmarks.report import Row, timed
from csre_ros.recognition import Bundle, shipped_bundles

_SHIPPED = ("default", "flat", "window")


def measure(
    bundles: tuple[str, ...] = _SHIPPED, people: tuple[int, ...] = (1, 12, 64), repeats: int = 200
) -> Iterator[Row]:
    """Time calls of every bundle.

    Args:
        bundles: Names or paths.
        people: Sizes of the batch.
        repeats: Calls that are timed.
    """
    rng = np.random.default_rng(0)
    shipped = shipped_bundles()
    for name in bundles:
        if name in _SHIPPED and name not in shipped:
            continue  # an older commit
        bundle = Bundle.load(name, device="cpu")
        shape = bundle.input_shape[-2:] if is_stream(bundle) else bundle.input_shape
        for batch in people:
            positions = rng.normal(0, 0.3, (batch, *shape)).astype(np.float32)
            confidence = np.ones(positions.shape[:-1], np.float32)
            if not is_stream(bundle):
                found = timed(lambda: bundle.run(positions, confidence), repeats)  # noqa: B023
            else:
                states = bundle.beginning(batch)
                found = timed(lambda: bundle.step(positions, confidence, states), repeats)  # noqa: B023
            yield Row(f"{name}, {batch}", found)
