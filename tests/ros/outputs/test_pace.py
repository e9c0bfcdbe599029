"""When a record is due: nothing that is on time is held back, and no more is said than is allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from csre_ros.recognition import Bundle
from csre_ros.recognition.types import ActionEvent, Decision, EventState, PersonAction
from csre_ros.ros.outputs.pace import Pace
from csre_ros.ros.outputs.report import Report

INFO = Bundle.load("default", "cpu").info
SECOND = 1_000_000_000


def report(now_ns: int, *events: ActionEvent) -> Report:
    person = PersonAction(
        stamp_ns=now_ns, frame_id="camera", person=1, present=True, skeleton=None, decision=Decision.IDLE, action=None,
        score=0.0, best=None, probabilities=None, window_ns=(now_ns, now_ns), events=events,
    )  # fmt: skip
    return Report(now_ns, "camera", now_ns, (person,), INFO, INFO.labels)


def said(stamps_s: Sequence[float], max_rate_hz: float) -> list[float]:
    """The times at which a record was published, in seconds."""
    pace, found = Pace(lambda: max_rate_hz), []
    for time_s in stamps_s:
        now = report(round(time_s * SECOND))
        if pace.due(now):
            pace.said(now)
            found.append(time_s)
    return found


def jittered(rate_hz: float, seconds: float, spread: float) -> list[float]:
    """Times of a camera whose frames come early or late by up to ``spread`` of a period."""
    noise = np.random.default_rng(3).uniform(-spread, spread, round(rate_hz * seconds))
    return [float(1 + (i + late) / rate_hz) for i, late in enumerate(noise)]


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3, 0.49])
@pytest.mark.parametrize("rate_hz", [15.0, 29.97, 30.0])
def test_nothing_on_time_is_held_back(rate_hz: float, spread: float) -> None:
    stamps = jittered(rate_hz, 20.0, spread)
    assert said(stamps, 30.0) == stamps


@pytest.mark.parametrize("rate_hz", [31.0, 45.0, 60.0, 100.0])
def test_what_is_too_fast_is_said_at_the_allowed_rate(rate_hz: float) -> None:
    times = said(jittered(rate_hz, 20.0, 0.3), 30.0)
    assert 0.98 * 600 <= len(times) <= 602
    seconds = np.histogram(times, bins=np.arange(1, 22))[0]
    assert seconds.max() <= 32  # in none of them much more than allowed


def test_a_pause_earns_no_burst() -> None:
    times = said([1.0, *(6 + i / 300 for i in range(300))], 30.0)
    assert sum(6 <= time < 7 for time in times) <= 32


def test_a_late_frame_does_not_cost_the_next_one() -> None:
    stamps = [1 + i / 30 + (0.02 if i % 5 == 0 else 0) for i in range(60)]
    assert said(stamps, 30.0) == stamps


def test_a_clock_that_jumps_back_does_not_silence_the_topic() -> None:
    stamps = [*(1000 + i / 30 for i in range(30)), *(1 + i / 30 for i in range(30))]
    assert said(stamps, 30.0) == stamps


def test_events_are_never_held_back_and_do_not_silence_what_follows() -> None:
    pace, stamps = Pace(lambda: 2.0), [1 + i / 30 for i in range(90)]
    published = []
    for time_s in stamps:
        now_ns = round(time_s * SECOND)
        event = ActionEvent(now_ns, 1, "wave", EventState.ONGOING, 0.9, now_ns)
        now = report(now_ns, *([event] if time_s < 2 else []))
        if pace.due(now):
            assert list(pace.events) == list(now.events)
            pace.said(now)
            published.append(time_s)
    assert sum(time < 2 for time in published) == 30
    assert any(2 <= time <= 3.1 for time in published)
    assert sum(time >= 2 for time in published) <= 5


def test_events_of_what_was_held_back_wait_for_the_next_record() -> None:
    pace = Pace(lambda: 1.0)
    for number in range(3):
        now = report(SECOND + number * SECOND // 30)
        if pace.due(now):
            pace.said(now)
    event = ActionEvent(2 * SECOND, 1, "wave", EventState.STARTED, 0.9, SECOND)
    assert pace.due(report(SECOND + 4 * SECOND // 30, event))
    assert pace.events == [event]
