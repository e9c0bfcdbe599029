"""Segmental F1 and edit score, by hand and against independent forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import pytest

from csre_ros.evaluation import Interval, JudgedStream, Report
from csre_ros.evaluation.segments import edit_score, segmental_f1

SEEDS = range(20)


def test_the_table_by_hand(by_hand: JudgedStream) -> None:
    """Intersections over unions with the truth of the same label.

    wave 1-3.2 with 0-4: 2.2/4 = 0.55; wave 3-3.5: 0.5/4 = 0.125; clap 5.5-9.6 with 5-7: 1.5/4.6 = 0.326; push: none;
    wave 10-13 with 10-12: 2/3. The second wave goes for a truth that is taken.
    """
    assert segmental_f1([by_hand], 0.10) == pytest.approx(2 * 3 / 9)
    assert segmental_f1([by_hand], 0.25) == pytest.approx(2 * 3 / 9)
    assert segmental_f1([by_hand], 0.50) == pytest.approx(2 * 2 / 9)
    assert segmental_f1([by_hand], 0.60) == pytest.approx(2 * 1 / 9)


def test_order_by_hand(by_hand: JudgedStream) -> None:
    # wave clap wave kick from wave wave clap push wave: drop one wave, drop push, add kick: 3 of 5.
    assert edit_score([by_hand]) == pytest.approx(1 - 3 / 5)
    silent = JudgedStream("silent", 0, 9, by_hand.truth, ())
    assert edit_score([silent]) == 0.0
    assert edit_score([by_hand, silent]) == pytest.approx(0.2)


def test_silence_about_nothing_is_not_scored() -> None:
    nothing = JudgedStream("nothing", 0, 9, (), ())
    assert math.isnan(edit_score([nothing]))
    assert math.isnan(segmental_f1([nothing], 0.5))
    assert segmental_f1([JudgedStream("false", 0, 9, (), (Report("wave", 1, 2, 1),))], 0.5) == 0.0


def test_the_best_overlap_wins_not_the_first() -> None:
    truth = (Interval("wave", 0, 2), Interval("wave", 2, 6))
    assert segmental_f1([JudgedStream("two", 0, 9, truth, (Report("wave", 1, 6, 1),))], 0.5) == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("percent", [10, 25, 50])
def test_f1_agrees_with_sets_of_instants(
    seed: int, percent: int, random_streams: Callable[[int], list[JudgedStream]]
) -> None:
    """True, false and missed segments counted one by one, as the field's scripts do, on sets of eighths of a second."""
    true = false = missed = 0
    streams = random_streams(seed)
    for stream in streams:
        done = [(one.label, set(range(round(one.start * 8), round(one.end * 8)))) for one in stream.truth]
        hit = [False] * len(done)
        for report in stream.reports:
            said = set(range(round(report.start * 8), round(report.end * 8)))
            unions = [len(said & ticks) / len(said | ticks) * (label == report.label) for label, ticks in done]
            best = max(range(len(done)), key=unions.__getitem__)
            if unions[best] * 100 >= percent and not hit[best]:
                true, hit[best] = true + 1, True
            else:
                false += 1
        missed += hit.count(False)
    precision, recall = true / (true + false), true / (true + missed)
    expected = 2 * precision * recall / (precision + recall) if true else 0.0
    assert segmental_f1(streams, percent / 100) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_edit_distance_agrees_with_its_definition(
    seed: int, random_streams: Callable[[int], list[JudgedStream]]
) -> None:
    def distance(one: tuple[str, ...], other: tuple[str, ...]) -> int:
        @lru_cache(None)
        def rest(i: int, j: int) -> int:
            if i == len(one) or j == len(other):
                return len(one) - i + len(other) - j
            if one[i] == other[j]:
                return rest(i + 1, j + 1)
            return 1 + min(rest(i + 1, j), rest(i, j + 1), rest(i + 1, j + 1))

        return rest(0, 0)

    scores = []
    streams = random_streams(seed)
    for stream in streams:
        done, said = (tuple(one.label for one in part) for part in (stream.truth, stream.reports))
        scores.append(1 - distance(done, said) / max(len(done), len(said)))
    assert edit_score(streams) == pytest.approx(sum(scores) / 3)
