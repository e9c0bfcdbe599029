"""Encoders that look at a sliding window as a whole: one answer for each window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from csre_ros.recognition.bundle import Bundle
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.window import PersonWindow
from csre_ros.skeleton import FloatArray, get_layout
from csre_ros.timing import StageTimer


class WindowEncoder:
    """An online encoder on a sliding window of each person, see :class:`csre_ros.recognition.encoder.OnlineEncoder`.

    Args:
        bundle: The network.
        min_fill_s: Seconds of a person that must be seen before the first answer.
        timer: Where the stages ``window`` and ``infer`` are timed.
    """

    paced = False

    def __init__(self, bundle: Bundle, min_fill_s: float, timer: StageTimer) -> None:
        self._bundle = bundle
        self._min_fill_s = min(min_fill_s, bundle.info.window_s)
        self._timer = timer

    def start(self) -> PersonWindow:
        """An empty window."""
        info = self._bundle.info
        return PersonWindow(len(get_layout(info.layout)), info.dims, info.window_s)

    def see(self, memory: PersonWindow, stamp_ns: int, positions: FloatArray, confidence: FloatArray) -> bool:
        """Add a frame to the window."""
        return memory.step(stamp_ns, positions, confidence)

    def span_ns(self, memory: PersonWindow) -> tuple[int, int] | None:
        """Stamps of the oldest and newest frame in the window."""
        return memory.stamps_ns if len(memory) else None

    def ready(self, memory: PersonWindow) -> bool:
        """Whether the window is filled far enough."""
        return memory.filled_s >= self._min_fill_s

    def decide(self, memories: Sequence[PersonWindow]) -> list[tuple[Evidence, ...]]:
        """Classify the windows."""
        with self._timer("window"):
            positions = np.full((len(memories), *self._bundle.input_shape), np.nan, dtype=np.float32)
            confidence = np.zeros(positions.shape[:-1], dtype=np.float32)
            for row, window in enumerate(memories):
                positions[row, 0], confidence[row, 0] = window.sample(self._bundle.info.time_steps)
        with self._timer("infer"):
            logits, embedding = self._bundle.run(positions, confidence)
        return [(self._evidence(window, *answer),) for window, *answer in zip(memories, logits, embedding, strict=True)]

    def _evidence(self, window: PersonWindow, logits: FloatArray, embedding: FloatArray) -> Evidence:
        """A window speaks of its middle: what fills more than half of it decides."""
        oldest, newest = window.stamps_ns
        middle = newest - round(self._bundle.info.window_s * 1e9) // 2
        return Evidence(logits, embedding, (oldest, newest), max(middle, oldest))
