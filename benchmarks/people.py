"""People to measure with: as many as wanted side by side, who do what the shipped recording shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from csre_ros.recordings import SHIPPED
from csre_ros.skeleton import Frame, Skeleton
from csre_ros.sources import open_source

SPACING_M = 1.2


def frames_of(people: int, rate_hz: float = 30.0) -> Iterator[Frame]:
    """Frames without end, at a camera's rate, with so many people."""
    with open_source(str(SHIPPED)) as source:
        bodies = [frame.skeletons[0] for frame in source if frame.skeletons]
    for i, body in enumerate(itertools.cycle(bodies)):
        yield Frame(1_000_000_000 + round(i * 1e9 / rate_hz), "camera", tuple(side_by_side(body, people)))


def side_by_side(body: Skeleton, people: int) -> Iterator[Skeleton]:
    """The same person several times."""
    for place in range(people):
        aside = np.array((SPACING_M * (place % 8), 0, SPACING_M * (place // 8)), np.float32)
        yield replace(body, positions=body.positions + aside, source_id=str(place + 1), image_points=None)
