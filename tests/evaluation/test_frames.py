"""Labels instant by instant, by hand and against loops over instants."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from csre_ros.evaluation import Interval, JudgedStream, Report
from csre_ros.evaluation.frames import frame_labels, frame_scores

SEEDS = range(20)


def test_the_interval_that_began_last_names_an_instant() -> None:
    intervals = [Interval("clap", 1.0, 2.0), Interval("wave", 0.0, 3.0)]
    instants = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    assert frame_labels(intervals, instants).tolist() == ["wave", "wave", "clap", "clap", "wave", "wave", ""]


def test_the_table_by_hand() -> None:
    """Ten instants, one a second.

    ======  =  =  =  =  =  =  =  =  =  =
    done    .  w  w  w  w  .  c  c  .  .
    said    .  .  w  w  w  w  w  c  .  k
    ======  =  =  =  =  =  =  =  =  =  =

    Right: 0, 2, 3, 4, 7, 8, so 6 of 10. F1 of wave: 2 * 3 / (4 + 5); of clap: 2 * 1 / (2 + 1); a kick is not done.
    """
    truth = (Interval("wave", 1, 5), Interval("clap", 6, 8))
    said = (Report("wave", 2, 7, 2), Report("clap", 7, 8, 7), Report("kick", 9, 10, 9))
    scores = frame_scores([JudgedStream("by hand", 0.0, 10.0, truth, said)], rate=1.0)
    assert scores.accuracy == pytest.approx(0.6)
    assert scores.macro_f1 == pytest.approx((6 / 9 + 2 / 3) / 2)


def test_without_instants_nothing_is_known() -> None:
    assert all(math.isnan(score) for score in frame_scores([JudgedStream("empty", 0.0, 0.0, (), ())]))


@pytest.mark.parametrize("seed", SEEDS)
def test_it_agrees_with_loops_over_instants(seed: int, random_streams: Callable[[int], list[JudgedStream]]) -> None:
    streams = random_streams(seed)
    right = 0
    instants = 0
    counts = {label: [0, 0, 0] for stream in streams for label, _, _ in stream.truth}  # both, done only, said only
    for stream in streams:
        for tick in range(200):
            middle = tick / 8 + 1 / 16
            (done, *_) = *(one.label for one in stream.truth if one.start < middle < one.end), None
            (said, *_) = *(one.label for one in stream.reports if one.start < middle < one.end), None
            instants += 1
            right += done == said
            for label, count in counts.items():
                count[0] += done == label == said
                count[1] += done == label != said
                count[2] += said == label != done
    f1 = [both / (both + (missed + false) / 2) for both, missed, false in counts.values()]
    # The same instants: the middles of the ticks.
    moved = [JudgedStream(one.name, one.start + 1 / 16, one.end + 1 / 16, one.truth, one.reports) for one in streams]
    scores = frame_scores(moved, rate=8.0)
    assert scores.accuracy == pytest.approx(right / instants)
    assert scores.macro_f1 == pytest.approx(sum(f1) / len(f1))
