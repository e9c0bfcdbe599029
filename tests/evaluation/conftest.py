"""Streams of known and of random content."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from csre_ros.evaluation import Interval, JudgedStream, Report

LABELS = ("wave", "clap", "kick")


def stream(truth: list[tuple[str, float, float]], reports: list[tuple[object, ...]], seconds: float) -> JudgedStream:
    """A stream from 0; reports are label, start, end, and where they matter decision and score."""
    said = [Report(*one, *((one[1],) if len(one) == 3 else ())) for one in reports]  # type: ignore[arg-type,misc]
    return JudgedStream("by hand", 0.0, seconds, tuple(Interval(*one) for one in truth), tuple(said))


@pytest.fixture
def by_hand() -> JudgedStream:
    """Sixteen seconds, four actions, five reports of which two are right.

    ======  =====  ====================================================================
    report          about
    ======  =====  ====================================================================
    wave    1-3.2  the first wave, of which 2.2 of 4 seconds are covered: right
    wave    3-3.5  the same wave: too little of it, and it is taken
    clap    5.5-.. the clap, but 4.1 seconds long where 4 are allowed: wrong
    push    6-7    nobody pushes: wrong
    wave    10-13  the second wave, all of it and a second more: right
    ======  =====  ====================================================================
    """
    return stream(
        [("wave", 0, 4), ("clap", 5, 7), ("wave", 10, 12), ("kick", 13, 14)],
        [
            ("wave", 1, 3.2, 1.5, 0.9),
            ("wave", 3, 3.5, 3.2, 0.5),
            ("clap", 5.5, 9.6, 6.0, 0.8),
            ("push", 6, 7, 7.5, 0.7),
            ("wave", 10, 13, 10.4, 0.6),
        ],
        16,
    )


TICKS = 200
"""Random streams lie on a grid of eighths of a second, which floats hold exactly, and are so many ticks long."""


@pytest.fixture
def random_streams() -> Callable[[int], list[JudgedStream]]:
    """A function that makes three streams from a seed, with reports that are truths moved, cut, renamed or made up."""

    def make(seed: int) -> list[JudgedStream]:
        rng = np.random.default_rng(seed)
        return [_random(rng) for _ in range(3)]

    return make


def _random(rng: np.random.Generator) -> JudgedStream:
    borders = np.sort(rng.choice(np.arange(1, TICKS), 16, replace=False))
    truth = [(str(rng.choice(LABELS)), int(a), int(b)) for a, b in zip(borders[::2], borders[1::2], strict=True)]
    reports, newest = [], 0
    for label, start, end in truth:
        begin, until = max(newest, start + int(rng.integers(-4, 8))), end + int(rng.integers(-4, 8))
        if until > begin and until < TICKS and rng.random() < 0.85:
            said = label if rng.random() < 0.8 else str(rng.choice(LABELS))
            decided = begin + int(rng.integers(0, 5))
            reports.append(Report(said, begin / 8, until / 8, decided / 8, float(rng.random())))
            newest = until
    spans = tuple(Interval(label, a / 8, b / 8) for label, a, b in truth)
    return JudgedStream("random", 0.0, TICKS / 8, spans, tuple(reports))
