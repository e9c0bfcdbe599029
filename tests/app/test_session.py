"""A run over a source: counted, limited, and interrupted between two frames only."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from csre_ros.app.session import Session, events_of, recognise
from csre_ros.pipeline import Pipeline
from csre_ros.recordings import SHIPPED
from csre_ros.sources import SourceFrame, open_source


@pytest.fixture(autouse=True)
def _signals_as_before():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Frames:
    """Ten frames a second, and a chance to interfere while the next one is waited for."""

    name, live, fps, dropped, layout = "frames", False, 10.0, 0, None

    def __init__(self, count: int = 10, begin_ns: int = 0, before=lambda i: None) -> None:
        self.count, self.begin_ns, self.before = count, begin_ns, before

    def __iter__(self) -> Iterator[SourceFrame]:
        for i in range(self.count):
            self.before(i)
            yield SourceFrame(self.begin_ns + i * 100_000_000, "camera", skeletons=())


@pytest.mark.parametrize("begin_ns", [0, 1_790_000_000_000_000_000])
@pytest.mark.parametrize(("seconds", "frames"), [(0.0, 10), (0.3, 4), (9.0, 10)])
def test_it_ends_with_the_source_or_after_some_seconds_of_it(begin_ns, seconds, frames):
    with Session(Frames(begin_ns=begin_ns), seconds) as session:
        taken = list(session)
    assert len(taken) == session.frames == frames
    assert session.covered_s == pytest.approx((frames - 1) / 10)
    assert not session.interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_work_waits_for_its_end(number):
    finished = []
    with Session(Frames()) as session:
        for _ in session:
            if session.frames == 3:
                os.kill(os.getpid(), number)
                os.kill(os.getpid(), number)
            finished.append(session.frames)
    assert finished == [1, 2, 3]
    assert session.interrupted


def test_a_signal_ends_the_wait_for_a_frame_that_never_comes():
    def hang(i: int) -> None:
        if i == 2:
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("the wait went on")

    with Session(Frames(before=hang)) as session:
        assert len(list(session)) == 2
    assert session.interrupted


def test_afterwards_signals_act_as_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Session(Frames()):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_who_asks_again_afterwards_has_been_heard(number):
    with Session(Frames()) as session:
        for _ in session:
            os.kill(os.getpid(), number)
    os.kill(os.getpid(), number)
    assert session.frames == 1


def test_further_signals_do_not_disturb_what_the_first_one_unwinds():
    closed = []

    def hang(i: int) -> None:
        if i == 2:
            try:
                os.kill(os.getpid(), signal.SIGINT)
            finally:
                os.kill(os.getpid(), signal.SIGINT)
                closed.append(i)

    with Session(Frames(before=hang)) as session:
        assert len(list(session)) == 2
    assert closed == [2]


def test_recognition_is_an_iterator_that_prints_nothing_and_times_all_but_the_first_frame(capfd):
    with Pipeline() as pipeline, open_source(str(SHIPPED)) as source, Session(source, 9.0) as session:
        seen = list(recognise(session, pipeline))
        seen_events = [event for now in seen for event in events_of(now.people)]
        last_events = list(events_of(pipeline.recognizer.finish()))
    assert [now.frame.stamp_ns for now in seen] == sorted(now.frame.stamp_ns for now in seen)
    assert len(seen) == session.frames
    assert all(now.latency_s > 0 for now in seen)
    assert {event.state.value for event in seen_events} >= {"started"}
    assert [event.state.value for event in last_events] == ["ended"]
    (total,) = session.timer.summary()
    assert (total.stage, total.count) == ("capture to result", session.frames - 1)
    assert capfd.readouterr() == ("", "")


def test_who_has_seen_enough_leaves_the_loop_and_still_hears_the_end():
    with Pipeline() as pipeline, open_source(str(SHIPPED)) as source, Session(source) as session:
        for now in recognise(session, pipeline):
            if any(event.state.value == "started" for event in events_of(now.people)):
                break
        (event,) = events_of(pipeline.recognizer.finish())
    assert event.state.value == "ended"
    assert session.frames < 171
