"""Durations in, percentiles out."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from csre_ros.timing import StageTimer


def test_percentiles_by_hand() -> None:
    timer = StageTimer(budget_ms=95.0)
    for milliseconds in np.random.default_rng(0).permutation(np.arange(1, 101)):
        timer.add("infer", milliseconds / 1e3)
    (line,) = timer.summary()
    assert (line.stage, line.count, line.worst_ms) == ("infer", 100, 100.0)
    assert (line.p50_ms, line.p95_ms, line.p99_ms) == pytest.approx((50.5, 95.05, 99.01), abs=1e-3)
    assert line.over_budget == 5


def test_stages_come_in_order_of_appearance() -> None:
    timer = StageTimer()
    for stage in ("capture", "pose", "infer", "pose"):
        timer.add(stage, 0.001)
    assert [(line.stage, line.count) for line in timer.summary()] == [("capture", 1), ("pose", 2), ("infer", 1)]


def test_nothing_measured_nothing_said() -> None:
    assert StageTimer().summary() == []


def test_only_the_newest_samples_count_for_percentiles() -> None:
    timer = StageTimer(keep=10, budget_ms=50)
    for milliseconds in [100] * 20 + [1] * 10:
        timer.add("pose", milliseconds / 1e3)
    (line,) = timer.summary()
    assert (line.worst_ms, line.count, line.over_budget) == (1.0, 30, 20)


def test_the_body_of_a_with_statement_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((1.0, 1.002, 5.0, 5.5))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    timer = StageTimer()
    with timer("window"):
        pass
    with pytest.raises(KeyError), timer("window"):
        raise KeyError("the duration counts even so")
    (line,) = timer.summary()
    assert (line.count, line.p50_ms, line.worst_ms, line.over_budget) == (2, 251.0, 500.0, 1)


def test_several_threads_lose_nothing() -> None:
    timer = StageTimer()
    threads = [threading.Thread(target=lambda: [timer.add("pose", 0.001) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert timer.summary()[0].count == 2000
