"""Detection by the rules of SHREC'22, by hand and against sets of instants."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from csre_ros.evaluation import Detection, Interval, JudgedStream, Report, detections, match, pooled
from csre_ros.evaluation.detection import hears, is_right, without

SEEDS = range(20)


def test_the_table_by_hand(by_hand: JudgedStream) -> None:
    found = match(by_hand.truth, by_hand.reports)
    assert [(truth.start, report.start) for truth, report in found.right] == [(0, 1), (10, 10)]
    assert [truth.label for truth in found.missed] == ["clap", "kick"]
    assert [report.label for report in found.wrong] == ["wave", "clap", "push"]
    counts = detections([found])
    assert counts == {
        "clap": Detection(truths=1, right=0, wrong=1),
        "kick": Detection(truths=1, right=0, wrong=0),
        "push": Detection(truths=0, right=0, wrong=1),
        "wave": Detection(truths=2, right=2, wrong=1),
    }
    every = pooled(counts)
    assert (every.detection_rate, every.false_positive_rate) == (2 / 4, 3 / 4)
    assert every.jaccard == pytest.approx(2 / 7)
    assert counts["wave"].jaccard == pytest.approx(2 / 3)
    assert math.isnan(counts["push"].detection_rate)
    assert counts["push"].jaccard == 0.0


@pytest.mark.parametrize(
    ("report", "right"),
    [
        (("wave", 10.0, 14.0), True),
        (("clap", 10.0, 14.0), False),
        (("wave", 12.0, 14.0), True),  # exactly half of it
        (("wave", 12.01, 14.0), False),
        (("wave", 10.0, 18.0), True),  # exactly twice as long
        (("wave", 9.99, 18.0), False),
        (("wave", 14.0, 18.0), False),
    ],
)
def test_the_borders_of_the_rule(report: tuple[str, float, float], right: bool) -> None:
    assert is_right(Interval("wave", 10.0, 14.0), Report(*report, decided=11.0)) is right


def test_two_reports_in_one_truth_count_once() -> None:
    said = [Report("wave", 0, 2, 0), Report("wave", 2, 4, 2)]
    found = match([Interval("wave", 0, 4)], said)
    assert (len(found.right), len(found.missed), found.wrong) == (1, 0, (said[1],))


def test_a_report_up_to_a_second_late_is_heard() -> None:
    truth = Interval("wave", 0, 2)
    assert hears(truth, Report("wave", 2.9, 9, 2.9))
    assert not hears(truth, Report("wave", 3.0, 9, 3.0))
    assert not hears(truth, Report("clap", 0, 2, 0))


def test_wrong_walking_counts_where_something_is_annotated() -> None:
    stream = JudgedStream(
        "walks",
        0.0,
        20.0,
        (Interval("clap", 5, 7), Interval("walk", 10, 12)),
        (
            Report("walk", 0, 6, 0),  # five of six seconds where nothing is annotated
            Report("walk", 6, 7.8, 6),  # more than half of it while somebody claps
            Report("walk", 10, 12, 10),  # right
            Report("push", 14, 15, 14),
        ),
    )
    matchings = [match(stream.truth, stream.reports)]
    assert [one.start for one in matchings[0].wrong] == [0, 6, 14]
    assert [one.start for one in without(matchings, [stream], "walk")[0].wrong] == [6, 14]
    assert without(matchings, [stream], "push")[0].wrong == matchings[0].wrong[:2]
    assert pooled(detections(without(matchings, [stream], "walk"))) == Detection(2, 1, 2)


def ticks(label: str, start: float, end: float) -> tuple[str, frozenset[int]]:
    """Label and the eighths of a second that an interval holds."""
    return label, frozenset(range(round(start * 8), round(end * 8)))


@pytest.mark.parametrize("seed", SEEDS)
def test_it_agrees_with_sets_of_instants(seed: int, random_streams: Callable[[int], list[JudgedStream]]) -> None:
    """The rules once more, on sets of instants instead of borders."""
    streams = random_streams(seed)
    right = wrong = truths = 0
    for stream in streams:
        done = [ticks(*one) for one in stream.truth]
        truths += len(done)
        for report in stream.reports:
            label, instants = ticks(report.label, report.start, report.end)
            takes = [
                k
                for k, (name, true) in enumerate(done)
                if name == label and 2 * len(true & instants) >= len(true) and len(instants) <= 2 * len(true)
            ]
            if takes:
                right += 1
                del done[takes[0]]
            else:
                wrong += 1
    assert truths > right > 0
    found = pooled(detections([match(stream.truth, stream.reports) for stream in streams]))
    assert found == Detection(truths, right, wrong)
