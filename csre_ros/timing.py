"""Latency of each stage: percentiles (p50, p95, p99) over the last minutes, and how often a budget was broken."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

SLOWEST_HZ = 8.0
"""Fewest frames per second by which actions are recognised; fewer are worth a warning."""
_RATE_WINDOW_NS = 3_000_000_000


class FrameRate:
    """Frames per second by their own stamps, over the last three seconds.

    >>> rate = FrameRate()
    >>> [rate.step(round(i * 1e9 / 5)) for i in range(17)][-1], rate.is_slow
    (5.0, True)
    """

    def __init__(self) -> None:
        self._stamps: deque[int] = deque(maxlen=1000)
        self._begin_ns = 0
        self.is_slow = False

    def step(self, stamp_ns: int) -> float:
        """Take a frame; the rate now, 0 before the second. What is slow is known after three seconds."""
        if not self._stamps or stamp_ns <= self._stamps[-1]:  # another beginning
            self._stamps.clear()
            self._begin_ns = stamp_ns
        self._stamps.append(stamp_ns)
        while stamp_ns - self._stamps[0] > _RATE_WINDOW_NS:
            self._stamps.popleft()
        span_ns = stamp_ns - self._stamps[0]
        rate = 1e9 * (len(self._stamps) - 1) / span_ns if span_ns else 0.0
        self.is_slow = 0 < rate < SLOWEST_HZ and stamp_ns - self._begin_ns >= _RATE_WINDOW_NS
        return rate


@dataclass(frozen=True)
class StageSummary:
    """Milliseconds of one stage over the kept samples, and counts over the whole run."""

    stage: str
    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    worst_ms: float
    over_budget: int


class StageTimer:
    """Collects durations by stage name. Safe to use from several threads.

    Args:
        keep: Samples kept per stage for the percentiles; older ones only count.
        budget_ms: A longer duration counts as over budget.

    >>> timer = StageTimer()
    >>> timer.add("infer", 0.002)
    >>> timer.summary()[0].p50_ms
    2.0
    """

    def __init__(self, keep: int = 4096, budget_ms: float = 33.0) -> None:
        self._keep = keep
        self._budget_s = budget_ms / 1e3
        self._samples: dict[str, deque[float]] = {}
        self._counts: dict[str, int] = {}
        self._over: dict[str, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the body of a ``with`` statement."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - start)

    def add(self, stage: str, seconds: float) -> None:
        """Record one duration."""
        with self._lock:
            self._samples.setdefault(stage, deque(maxlen=self._keep)).append(seconds)
            self._counts[stage] = self._counts.get(stage, 0) + 1
            self._over[stage] = self._over.get(stage, 0) + (seconds > self._budget_s)

    def reset(self) -> None:
        """Forget everything measured so far."""
        with self._lock:
            for store in (self._samples, self._counts, self._over):
                store.clear()

    def samples_ms(self) -> dict[str, list[float]]:
        """The kept durations of every stage in milliseconds."""
        with self._lock:
            return {stage: [1e3 * seconds for seconds in values] for stage, values in self._samples.items()}

    def summary(self) -> list[StageSummary]:
        """One line per stage, in the order in which they were first seen."""
        samples = self.samples_ms()
        with self._lock:
            counts, over = dict(self._counts), dict(self._over)
        found = []
        for stage, values in samples.items():
            p50, p95, p99, worst = (round(float(value), 3) for value in np.percentile(values, (50, 95, 99, 100)))
            found.append(StageSummary(stage, counts[stage], p50, p95, p99, worst, over[stage]))
        return found
