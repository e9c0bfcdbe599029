"""Windows are measured in seconds, never in frames."""

from __future__ import annotations

import numpy as np
import pytest

from csre_ros.recognition.window import PersonWindow, resample

SECOND = 1_000_000_000
JOINTS = 4


def straight(seconds: np.ndarray) -> np.ndarray:
    """Joints on straight lines: linear interpolation must be exact. ``[N, V, 3]``"""
    speed = np.arange(JOINTS * 3).reshape(JOINTS, 3) / 10
    return (speed * seconds[:, None, None] + 1).astype(np.float32)


def fill(window: PersonWindow, seconds: np.ndarray, positions: np.ndarray, confidence: np.ndarray) -> None:
    for stamp, frame, seen in zip(stamps(seconds), positions, confidence, strict=True):
        window.step(int(stamp), frame, seen)


def stamps(seconds: np.ndarray) -> np.ndarray:
    return np.round(seconds * SECOND).astype(np.int64)


def clocks() -> dict[str, np.ndarray]:
    """Three seconds of stamps, all ending at the same instant."""
    rng = np.random.default_rng(0)
    jitter = np.sort(np.concatenate((rng.uniform(0.0, 3.0, 60), [0.0, 3.0])))
    dropped = np.delete(np.linspace(0, 3, 91), rng.choice(np.arange(1, 90), 40, replace=False))
    return {"15 Hz": np.linspace(0, 3, 46), "30 Hz": np.linspace(0, 3, 91), "200 Hz": np.linspace(0, 3, 601),
            "jitter": jitter, "dropped": dropped}  # fmt: skip


@pytest.mark.parametrize("clock", list(clocks()))
def test_every_clock_gives_the_same_instants(clock: str) -> None:
    seconds = clocks()[clock]
    window = PersonWindow(JOINTS, 3, window_s=2.0)
    fill(window, seconds, straight(seconds), np.full((len(seconds), JOINTS), 0.8, np.float32))
    positions, confidence = window.sample(32)
    np.testing.assert_allclose(positions, straight(np.linspace(1, 3, 32)), atol=1e-5)
    np.testing.assert_allclose(confidence, 0.8, atol=1e-6)
    assert window.filled_s == 2.0


@pytest.mark.parametrize("clock", list(clocks()))
def test_frame_by_frame_equals_the_whole_clip(clock: str) -> None:
    """Random confidences and positions; at every frame the buffer answers like the clip so far."""
    seconds = clocks()[clock]
    rng = np.random.default_rng(1)
    confidence = (rng.random((len(seconds), JOINTS)) * (rng.random((len(seconds), JOINTS)) > 0.3)).astype(np.float32)
    positions = rng.normal(size=(len(seconds), JOINTS, 3)).astype(np.float32)
    window = PersonWindow(JOINTS, 3, window_s=1.0)
    for i, stamp in enumerate(stamps(seconds)):
        window.step(int(stamp), positions[i], confidence[i])
        so_far = slice(0, i + 1)
        instants = stamp - SECOND * np.linspace(1, 0, 16)
        whole = resample(stamps(seconds)[so_far], positions[so_far], confidence[so_far], instants)
        for found, expected in zip(window.sample(16), whole, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_stamps_of_a_wall_clock_keep_their_nanoseconds() -> None:
    """Epoch stamps need more digits than a double has for absolute seconds."""
    epoch = 1_790_000_000 * SECOND
    seconds = np.linspace(0, 1, 31)
    near, far = PersonWindow(JOINTS, 3, 1.0), PersonWindow(JOINTS, 3, 1.0)
    for second, frame in zip(stamps(seconds), straight(seconds), strict=True):
        near.step(int(second), frame, np.ones(JOINTS, np.float32))
        far.step(int(second) + epoch, frame, np.ones(JOINTS, np.float32))
    np.testing.assert_allclose(far.sample(16)[0], near.sample(16)[0], atol=1e-5)


def test_before_the_first_frame_the_first_one_is_held() -> None:
    window = PersonWindow(JOINTS, 3, window_s=2.0)
    seconds = np.array([1.0, 1.5])
    fill(window, seconds, straight(seconds), np.ones((2, JOINTS), np.float32))
    positions, _ = window.sample(5)  # instants -0.5, 0, 0.5, 1, 1.5
    np.testing.assert_allclose(positions[:4], straight(np.array([1.0] * 4)), atol=1e-6)
    np.testing.assert_allclose(positions[4], straight(np.array([1.5]))[0], atol=1e-6)
    assert window.filled_s == 0.5


def test_one_frame_fills_the_window() -> None:
    window = PersonWindow(JOINTS, 3, window_s=2.0)
    window.step(5, straight(np.array([1.0]))[0], np.ones(JOINTS, np.float32))
    positions, confidence = window.sample(4)
    np.testing.assert_array_equal(positions, np.repeat(straight(np.array([1.0])), 4, axis=0))
    assert (confidence == 1).all()
    assert (window.filled_s, len(window), window.stamps_ns) == (0.0, 1, (5, 5))


def test_weights_by_hand() -> None:
    """A quarter of the way: w0 = 0.75 * 0.8 = 0.6, w1 = 0.25 * 0.4 = 0.1; 0.6 * 1 + 0.1 * 8 over 0.7 = 2."""
    positions = np.array([[[1.0], [5.0], [0.0], [0.0]], [[8.0], [0.0], [3.0], [0.0]]], np.float32)
    confidence = np.array([[0.8, 0.8, 0.0, 0.0], [0.4, 0.0, 0.8, 0.0]], np.float32)
    mixed, total = resample(np.array([0, 4]), positions, confidence, np.array([1.0]))
    np.testing.assert_allclose(mixed[0, :, 0], [2.0, 5.0, 3.0, np.nan], rtol=1e-6)
    np.testing.assert_allclose(total[0], [0.7, 0.6, 0.2, 0.0], rtol=1e-6)


def test_stamps_that_hardly_advance_do_not_fill_the_memory() -> None:
    """A thousand frames per second fit; of more, the newest takes the place of the one before."""
    window = PersonWindow(JOINTS, 3, window_s=0.1)
    frame, seen = np.zeros((JOINTS, 3), np.float32), np.ones(JOINTS, np.float32)
    assert all(window.step(i * SECOND // 1000, frame, seen) for i in range(300))
    window = PersonWindow(JOINTS, 3, window_s=0.1)
    taken = [window.step(i * 10_000, frame + i, seen) for i in range(5000)]  # 10 us apart
    assert taken == [True] * 103 + [False] * 4897
    assert len(window) == 103
    assert len(window._stamps) <= 2 * 103
    assert window.stamps_ns == (0, 4999 * 10_000)
    assert (window.sample(2)[0][-1] == 4999).all()
    assert window.step(2 * SECOND, frame, seen) is False
    assert window.step(2 * SECOND + 1, frame, seen)  # what was dense has left
