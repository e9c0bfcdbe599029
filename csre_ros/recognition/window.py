"""The sliding window of one person, by source stamps: whatever the frame rate, encoders see the same instants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray

Stamps = NDArray[np.int64]

# More than any sensor delivers; stamps that hardly advance would otherwise fill the memory.
_MOST_HZ = 1000
_MARGIN = 3  # the frames at both ends of a window, and rounding


def resample(
    stamps_ns: Stamps, positions: FloatArray, confidence: FloatArray, instants_ns: NDArray[np.float64]
) -> tuple[FloatArray, FloatArray]:
    """Joints at given instants, interpolated linearly over stamps and weighted by confidence.

    A joint seen on one side of an instant only stays where it was seen, with the confidence that is left. Before the
    first frame the first one counts, after the last frame the last one.

    Args:
        stamps_ns: ``[N]`` increasing.
        positions: ``[N, V, dims]``, finite: anything where the confidence is 0.
        confidence: ``[N, V]``.
        instants_ns: ``[T]``, on the same clock.

    Returns:
        ``[T, V, dims]``, NaN where nothing was seen, and ``[T, V]``.
    """
    before = np.clip(np.searchsorted(stamps_ns, instants_ns, side="right") - 1, 0, max(len(stamps_ns) - 2, 0))
    after = np.minimum(before + 1, len(stamps_ns) - 1)
    gap = np.maximum(stamps_ns[after] - stamps_ns[before], 1)
    share = np.clip((instants_ns - stamps_ns[before]) / gap, 0.0, 1.0).astype(np.float32)
    return mix((positions[before], confidence[before]), (positions[after], confidence[after]), share)


def mix(
    before: tuple[FloatArray, FloatArray], after: tuple[FloatArray, FloatArray], share: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Joints between two frames each, see :func:`resample`.

    Args:
        before: Positions ``[N, V, dims]`` and confidence ``[N, V]`` of the frames before.
        after: Those of the frames behind.
        share: Of the way from one to the other ``[N]``.

    Returns:
        ``[N, V, dims]``, NaN where nothing was seen, and ``[N, V]``.
    """
    weight_before = (1 - share)[:, None] * before[1]
    weight_after = share[:, None] * after[1]
    total = weight_before + weight_after
    mixed = weight_before[..., None] * before[0] + weight_after[..., None] * after[0]
    mixed /= np.where(total > 0, total, np.nan)[..., None]
    return mixed, total


class PersonWindow:
    """Ring buffer of the frames in which one person was seen.

    It holds at most a thousand frames per second, whatever the stamps are.

    Args:
        joints: Joints of the layout.
        dims: Coordinates per joint.
        window_s: Length in seconds.
    """

    def __init__(self, joints: int, dims: int, window_s: float) -> None:
        self._length_ns = round(window_s * 1e9)
        # Twice the frames of a 30 Hz source: the live part moves to the front once per window, not once per frame.
        capacity = max(int(60 * window_s), 16)
        self._most = round(_MOST_HZ * window_s) + _MARGIN
        self._stamps: Stamps = np.empty(capacity, dtype=np.int64)
        self._positions: FloatArray = np.empty((capacity, joints, dims), dtype=np.float32)
        self._confidence: FloatArray = np.empty((capacity, joints), dtype=np.float32)
        self._first = self._end = 0

    def __len__(self) -> int:
        return self._end - self._first

    @property
    def stamps_ns(self) -> tuple[int, int]:
        """Stamps of the oldest and the newest frame; only of a window that is not empty."""
        return int(self._stamps[self._first]), int(self._stamps[self._end - 1])

    @property
    def filled_s(self) -> float:
        """Seconds between the oldest and the newest frame, at most the length of the window."""
        if not len(self):
            return 0.0
        oldest, newest = self.stamps_ns
        return min(newest - oldest, self._length_ns) / 1e9

    def step(self, stamp_ns: int, positions: FloatArray, confidence: FloatArray) -> bool:
        """Add a frame; a full window gives up the newest one for it.

        Args:
            stamp_ns: Later than the stamp of every frame before.
            positions: ``[V, dims]``, finite: anything where the confidence is 0.
            confidence: ``[V]``.

        Returns:
            False where a frame was given up.
        """
        full = len(self) == self._most
        if full:
            self._end -= 1
        elif self._end == len(self._stamps):
            self._make_room()
        end = self._end
        self._stamps[end] = stamp_ns
        self._positions[end] = positions
        self._confidence[end] = confidence
        self._end = end + 1
        # The newest frame before the window's start stays: the first instants are interpolated from it.
        start = stamp_ns - self._length_ns
        while self._first < end and self._stamps[self._first + 1] <= start:
            self._first += 1
        return not full

    def sample(self, time_steps: int) -> tuple[FloatArray, FloatArray]:
        """The window at evenly spaced instants, the newest frame last; only of a window that is not empty.

        Returns:
            ``[time_steps, V, dims]``, NaN where nothing was seen, and ``[time_steps, V]``.
        """
        live = slice(self._first, self._end)
        newest = self._stamps[self._end - 1]
        instants = newest - self._length_ns * np.linspace(1.0, 0.0, time_steps)
        return resample(self._stamps[live], self._positions[live], self._confidence[live], instants)

    def _make_room(self) -> None:
        """Move the live part to the front of a buffer at least twice its size."""
        count = len(self)
        capacity = max(len(self._stamps), 2 * count)
        for name in ("_stamps", "_positions", "_confidence"):
            old = getattr(self, name)
            new = np.empty((capacity, *old.shape[1:]), dtype=old.dtype)
            new[:count] = old[self._first : self._end]
            setattr(self, name, new)
        self._first, self._end = 0, count
