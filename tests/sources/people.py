"""People made of random numbers, as recordings hold them."""

from __future__ import annotations

import numpy as np

from csre_ros.skeleton import Skeleton, get_layout

LAYOUT = get_layout("mediapipe33")
SECOND = 1_000_000_000


def person(seed: int, source_id: str | None = None) -> Skeleton:
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.01, 1, 33)
    confidence[rng.random(33) < 0.2] = 0
    return Skeleton(LAYOUT, rng.normal(size=(33, 3)), confidence, source_id)
