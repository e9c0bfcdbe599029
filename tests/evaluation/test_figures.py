"""All measures in one record, and events as reports."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from csre_ros.evaluation import Interval, JudgedStream, Report, judge, reports_of
from csre_ros.recognition import ActionEvent, EventState


def test_the_record_by_hand(by_hand: JudgedStream) -> None:
    figures = judge([by_hand], free=["push", "wave"])
    assert (figures.streams, figures.truths, figures.reports) == (1, 4, 5)
    assert figures.minutes == pytest.approx(16 / 60)
    assert (figures.detection_rate, figures.wrong_per_truth) == (0.5, 0.75)
    # Half of the push lies inside the clap, and the second report of the wave inside the wave: both go on counting.
    assert figures.wrong_per_truth_without == {"push": 0.75, "wave": 0.75}
    assert figures.macro_detection_rate == pytest.approx(1 / 3)
    assert figures.macro_false_positive_rate == pytest.approx((0.5 + 1 + 0) / 3)
    assert figures.macro_jaccard == pytest.approx((2 / 3) / 3)
    assert figures.delay_s == pytest.approx(0.95)
    assert figures.delay_p90_s == pytest.approx(0.4 + 0.9 * 1.1)
    assert figures.start_error_s == pytest.approx(0.5)
    assert figures.first_right_label_s == pytest.approx(1.25)
    assert figures.heard_rate == 0.75
    assert list(figures.f1) == ["10", "25", "50"]
    assert list(figures.map) == ["0.1", "0.3", "0.5", "0.7"]
    assert figures.labels["wave"].right == 2


def test_a_perfect_answer_is_perfect() -> None:
    truth = (Interval("wave", 1, 3), Interval("clap", 5, 6))
    said = tuple(Report(*one, decided=one.start) for one in truth)
    figures = judge([JudgedStream("perfect", 0, 10, truth, said)]).to_record()
    ones = ("detection_rate", "jaccard", "macro_detection_rate", "macro_jaccard", "heard_rate", "frame_accuracy",
            "frame_macro_f1", "edit", "map_2d")  # fmt: skip
    zeros = ("wrong_per_truth", "macro_false_positive_rate", "unheard_per_minute", "false_activations_per_minute",
             "delay_s", "delay_p90_s", "start_error_s", "first_right_label_s")  # fmt: skip
    assert {figures[key] for key in ones} == {1.0}
    assert {figures[key] for key in zeros} == {0.0}
    assert {*figures["f1"].values(), *figures["map"].values()} == {1.0}


def test_silence_is_written_as_valid_json() -> None:
    record = judge([JudgedStream("silent", 0, 10, (Interval("wave", 1, 3),), ())]).to_record()
    text = json.dumps(record, allow_nan=False)
    assert json.loads(text)["delay_s"] is None
    assert json.loads(text)["first_right_label_s"] is None
    assert json.loads(text)["labels"] == {"wave": {"truths": 1, "right": 0, "wrong": 0}}
    assert json.dumps(judge([]).to_record(), allow_nan=False)


def event(seconds: float, person: int, action: str, state: str, score: float = 0.9, **more: float) -> dict[str, Any]:
    """An event as it is written to JSON."""
    return {"stamp": seconds, "person": person, "action": action, "state": state, "score": score} | more


def test_reports_of_several_people_by_their_events() -> None:
    events = [
        event(1.0, 1, "wave", "started", 0.6),
        event(1.5, 1, "wave", "ongoing", 0.7),
        event(2.0, 2, "wave", "started", 0.5),
        event(3.0, 2, "wave", "ended", 0.8),
        event(4.0, 1, "wave", "ended", 0.95),
        event(4.0, 1, "clap", "started"),
    ]
    assert reports_of(events) == (Report("wave", 1.0, 4.0, 1.0, 0.95), Report("wave", 2.0, 3.0, 2.0, 0.8))


def test_an_event_that_knows_when_it_began_and_ended_says_so() -> None:
    events = [event(2.0, 1, "wave", "started", since=1.5), event(4.0, 1, "wave", "ended", since=1.5, until=3.2)]
    assert reports_of(events) == (Report("wave", 1.5, 3.2, 2.0, 0.9),)
    only_first = [event(2.0, 1, "wave", "started", since=1.5), event(4.0, 1, "wave", "ended")]
    assert reports_of(only_first) == (Report("wave", 1.5, 4.0, 2.0, 0.9),)


def test_the_events_of_the_recogniser_are_such_records() -> None:
    states = ((1, EventState.STARTED), (3, EventState.ENDED))
    events = [ActionEvent(seconds * 10**9, 1, "wave", state, 0.75, 5 * 10**8) for seconds, state in states]
    events[1] = replace(events[1], until_ns=2 * 10**9)
    assert reports_of(one.to_record() for one in events) == (Report("wave", 0.5, 2.0, 1.0, 0.75),)
