"""Average precision, by hand and against its definition at every threshold of the score."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from csre_ros.evaluation import Interval, JudgedStream, Report
from csre_ros.evaluation.average_precision import average_precision, mean_average_precision, mean_over_overlaps
from csre_ros.evaluation.intervals import iou

SEEDS = range(20)


def test_the_table_by_hand() -> None:
    """Three waves are done; sorted by score the reports are right, wrong, right.

    Precision is 1, 1/2, 2/3 at recalls 1/3, 1/3, 2/3; so the area is 1/3 * 1 + 1/3 * 2/3.
    """
    first = JudgedStream(
        "first", 0, 20, (Interval("wave", 0, 2), Interval("wave", 5, 7)),
        (Report("wave", 0, 2, 0, 0.4), Report("wave", 10, 12, 10, 0.6)),
    )  # fmt: skip
    second = JudgedStream("second", 0, 20, (Interval("wave", 0, 2),), (Report("wave", 0, 2, 0, 0.9),))
    assert average_precision([first, second], "wave", 0.5) == pytest.approx(1 / 3 + 2 / 9)
    assert math.isnan(average_precision([first, second], "clap", 0.5))


def test_means_by_hand(by_hand: JudgedStream) -> None:
    """Of wave, by falling score: 0.55, 0.67 and 0.125 over the union; of clap: 0.326; no kick is told of."""
    assert average_precision([by_hand], "wave", 0.5) == 1.0
    assert average_precision([by_hand], "wave", 0.6) == pytest.approx(1 / 2 * 1 / 2)
    assert average_precision([by_hand], "wave", 0.7) == 0.0
    assert average_precision([by_hand], "clap", 0.3) == 1.0
    assert average_precision([by_hand], "clap", 0.4) == 0.0
    assert mean_average_precision([by_hand], 0.3) == pytest.approx(2 / 3)
    assert mean_average_precision([by_hand], 0.5) == pytest.approx(1 / 3)
    thirds = [2 / 3] * 3 + [1 / 3] * 2 + [1 / 12, 0]
    assert mean_over_overlaps([by_hand]) == pytest.approx(sum(thirds) / 7)
    assert math.isnan(mean_average_precision([JudgedStream("nothing", 0, 1, (), ())], 0.5))


@pytest.mark.parametrize("seed", SEEDS)
def test_it_agrees_with_its_definition(seed: int, random_streams: Callable[[int], list[JudgedStream]]) -> None:
    """Precision and recall at every threshold of the score, then the best precision at no less recall, integrated."""
    streams = random_streams(seed)
    scores = {report.score for stream in streams for report in stream.reports if report.label == "wave"}
    points = []
    for least in scores:
        right = said = done = 0
        for stream in streams:
            free = [one for one in stream.truth if one.label == "wave"]
            done += len(free)
            for report in sorted(stream.reports, key=lambda one: one.score, reverse=True):
                if report.label == "wave" and report.score >= least:
                    said += 1
                    overlaps = [(iou(one, report.interval), one) for one in free]
                    if overlaps and max(overlaps)[0] >= 0.3:
                        right += 1
                        free.remove(max(overlaps)[1])
        points.append((right / done, right / said))
    area = before = 0.0
    for recall in sorted({recall for recall, _ in points}):
        area += (recall - before) * max(precision for other, precision in points if other >= recall)
        before = recall
    assert average_precision(streams, "wave", 0.3) == pytest.approx(area)
