"""The shared data type refuses what no later stage could handle."""

from __future__ import annotations

import numpy as np
import pytest

from csre_ros.skeleton import Skeleton, get_layout

KINECT = get_layout("kinect20")
POSITIONS = np.zeros((20, 3), np.float32)
CONFIDENCE = np.ones(20, np.float32)


def changed(array: np.ndarray, at: tuple[int, ...], value: float) -> np.ndarray:
    copy = array.copy()
    copy[at] = value
    return copy


@pytest.mark.parametrize(
    ("positions", "confidence", "message"),
    [
        (np.zeros((19, 3)), CONFIDENCE, r"positions have shape \(19, 3\); layout 'kinect20' needs \(20, 3\)"),
        (np.zeros((20, 2)), CONFIDENCE, r"shape \(20, 2\)"),
        (np.zeros((1, 20, 3)), CONFIDENCE, r"shape \(1, 20, 3\)"),
        (POSITIONS, np.ones(25), r"confidence has shape \(25,\)"),
        (changed(POSITIONS, (6, 1), np.inf), CONFIDENCE, "joint 'left_wrist' has an infinite coordinate"),
        (changed(POSITIONS, (19, 2), -np.inf), CONFIDENCE, "joint 'right_foot' has an infinite coordinate"),
        (POSITIONS, changed(CONFIDENCE, (3,), 1.5), r"must lie in 0\.\.1"),
        (POSITIONS, changed(CONFIDENCE, (3,), -0.1), r"must lie in 0\.\.1"),
        (POSITIONS, changed(CONFIDENCE, (3,), np.nan), r"must lie in 0\.\.1"),
    ],
)
def test_bad_values_are_refused(positions: np.ndarray, confidence: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Skeleton(KINECT, positions, confidence)


def test_missing_is_nan_and_zero_together() -> None:
    """Whichever side says so, and one missing coordinate is enough."""
    positions = changed(POSITIONS, (4, 2), np.nan)
    confidence = changed(CONFIDENCE, (7,), 0)
    skeleton = Skeleton(KINECT, positions, confidence)
    missing = [i for i in range(20) if skeleton.confidence[i] == 0]
    assert missing == [4, 7]
    assert [i for i in range(20) if np.isnan(skeleton.positions[i]).all()] == [4, 7]
    assert np.isfinite(np.delete(skeleton.positions, missing, axis=0)).all()


def test_the_callers_arrays_are_left_alone() -> None:
    positions, confidence = POSITIONS.copy(), changed(CONFIDENCE, (7,), 0)
    skeleton = Skeleton(KINECT, positions, confidence)
    assert np.isfinite(positions).all()
    positions[:] = 9
    assert (skeleton.positions[0] == 0).all()
    assert skeleton.positions.dtype == skeleton.confidence.dtype == np.float32
