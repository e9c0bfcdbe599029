"""The decoder by hand-made scores: what starts, what holds, what ends, and when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from csre_ros.recognition import Decision, EventState, Label
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.settings import DecoderConfig
from csre_ros.recognition.types import ActionEvent
from csre_ros.recognition.window_decoder import WindowDecoder

LABELS = (
    Label("idle", 0.5, background=True),
    Label("wave", 0.6),
    Label("clap", 0.4),
    Label("other", 0.5, background=True),
)
# No smoothing and no delay: every step answers for itself.
PLAIN = DecoderConfig(smoothing_s=0, min_duration_s=0, leave_ratio=0.5, ongoing_s=60)
MS = 1_000_000


def logits(*probabilities: float) -> np.ndarray:
    return np.log(np.array(probabilities, np.float32))


IDLE = logits(0.97, 0.01, 0.01, 0.01)
WAVE = logits(0.01, 0.97, 0.01, 0.01)
CLAP = logits(0.01, 0.01, 0.97, 0.01)


def at(ms: int, scores: np.ndarray) -> Evidence:
    """What a window that ends at ``ms`` says."""
    return Evidence(scores, np.zeros(2, np.float32), ((ms - 2000) * MS, ms * MS), (ms - 1000) * MS)


def changes(events: list[ActionEvent]) -> list[tuple[str, str]]:
    return [(event.action, event.state.value) for event in events]


def run(decoder: WindowDecoder, steps: list[tuple[int, np.ndarray]]) -> list[ActionEvent]:
    """Steps are milliseconds and logits."""
    return [event for ms, scores in steps for event in decoder.step(at(ms, scores), person=7)]


@pytest.mark.parametrize(
    ("scores", "decision", "action", "best"),
    [
        (logits(0.97, 0.01, 0.01, 0.01), Decision.IDLE, None, "idle"),  # background is never an action
        (logits(0.01, 0.01, 0.01, 0.97), Decision.UNKNOWN, None, "other"),
        (logits(0.20, 0.59, 0.11, 0.10), Decision.UNKNOWN, None, "wave"),  # the best label misses its threshold
        (logits(0.20, 0.61, 0.09, 0.10), Decision.ACTION, "wave", "wave"),
        (logits(0.30, 0.15, 0.41, 0.14), Decision.ACTION, "clap", "clap"),  # every label has its own threshold
        (logits(0.45, 0.05, 0.42, 0.08), Decision.IDLE, None, "idle"),  # above its threshold, but background leads
    ],
)
def test_one_answer(scores: np.ndarray, decision: Decision, action: str | None, best: str) -> None:
    decoder = WindowDecoder(LABELS, PLAIN)
    decoder.step(at(0, scores), 1)
    assert (decoder.decision, decoder.action, decoder.best) == (decision, action, best)
    assert decoder.score == pytest.approx(float(np.exp(scores).max()), abs=1e-5)


def test_nothing_is_known_before_the_first_step() -> None:
    decoder = WindowDecoder(LABELS, PLAIN)
    assert (decoder.action, decoder.best, decoder.probabilities, decoder.score) == (None, None, None, 0.0)
    assert decoder.decision is Decision.UNDECIDED


def test_an_action_that_has_not_lasted_yet_is_undecided() -> None:
    decoder = WindowDecoder(LABELS, replace(PLAIN, min_duration_s=0.2))
    run(decoder, [(0, IDLE), (100, WAVE)])
    assert (decoder.decision, decoder.action, decoder.best) == (Decision.UNDECIDED, None, "wave")
    run(decoder, [(300, WAVE)])
    assert (decoder.decision, decoder.action) == (Decision.ACTION, "wave")


def test_hysteresis() -> None:
    """Enter at 0.6, leave below 0.3; in between the action holds but would not start."""
    decoder = WindowDecoder(LABELS, PLAIN)
    between = logits(0.5, 0.35, 0.1, 0.05)
    below = logits(0.6, 0.25, 0.1, 0.05)
    events = run(decoder, [(0, between), (100, WAVE), (200, between), (300, below), (400, between)])
    assert [(e.stamp_ns // MS, e.action, e.state) for e in events] == [
        (100, "wave", EventState.STARTED),
        (300, "wave", EventState.ENDED),
    ]
    assert events[0].score == events[1].score == pytest.approx(0.97, abs=1e-5)
    assert {event.person for event in events} == {7}


def test_events_say_when_the_action_began_and_ended() -> None:
    """What the windows speak of is a second older than their newest frame; a candidate counts from its first."""
    decoder = WindowDecoder(LABELS, replace(PLAIN, min_duration_s=0.2))
    started, ended = run(decoder, [(0, IDLE), (100, WAVE), (200, WAVE), (300, WAVE), (400, IDLE)])
    assert (started.stamp_ns // MS, started.since_ns // MS, started.until_ns) == (300, -900, None)
    assert (ended.stamp_ns // MS, ended.since_ns // MS, ended.until_ns) == (400, -900, -600 * MS)
    assert started.to_record() == {"stamp": 0.3, "person": 7, "action": "wave", "state": "started", "score": 0.97,
                                   "since": -0.9}  # fmt: skip
    assert ended.to_record()["until"] == -0.6
    for event in (started, ended):
        assert ActionEvent.from_record(event.to_record()) == replace(event, score=0.97)


def test_an_action_that_is_lost_ended_when_it_was_last_seen() -> None:
    decoder = WindowDecoder(LABELS, PLAIN)
    run(decoder, [(0, WAVE), (100, WAVE)])
    (ended,) = decoder.end(800 * MS, 7)
    assert (ended.stamp_ns // MS, ended.since_ns // MS, ended.until_ns) == (800, -1000, 100 * MS)


def test_an_action_replaces_another_in_one_step() -> None:
    events = run(WindowDecoder(LABELS, PLAIN), [(0, WAVE), (100, CLAP), (200, IDLE)])
    assert changes(events) == [("wave", "started"), ("wave", "ended"), ("clap", "started"), ("clap", "ended")]
    assert [event.stamp_ns // MS for event in events] == [0, 100, 100, 200]


def test_min_duration_counts_without_interruption() -> None:
    decoder = WindowDecoder(LABELS, replace(PLAIN, min_duration_s=0.2))
    steps = [(0, WAVE), (100, WAVE), (150, IDLE), (200, WAVE), (300, WAVE), (400, WAVE), (500, WAVE)]
    events = run(decoder, steps)
    assert [(event.stamp_ns // MS, event.state.value) for event in events] == [(400, "started")]


def test_a_rival_must_last_before_it_replaces_the_action() -> None:
    decoder = WindowDecoder(LABELS, replace(PLAIN, min_duration_s=0.2, leave_ratio=0.0))
    events = run(decoder, [(0, WAVE), (200, WAVE), (300, CLAP), (400, WAVE), (500, CLAP), (700, CLAP)])
    assert [(event.stamp_ns // MS, *change) for event, change in zip(events, changes(events), strict=True)] == [
        (200, "wave", "started"),
        (700, "wave", "ended"),
        (700, "clap", "started"),
    ]


def test_ongoing_events_come_by_the_clock() -> None:
    decoder = WindowDecoder(LABELS, replace(PLAIN, ongoing_s=1.0))
    events = run(decoder, [(100 * k, WAVE) for k in range(36)])
    assert [(event.stamp_ns // MS, event.state.value) for event in events] == [
        (0, "started"),
        (1000, "ongoing"),
        (2000, "ongoing"),
        (3000, "ongoing"),
    ]


def test_smoothing_by_hand() -> None:
    """After one time constant 1 - 1/e of a step has arrived."""
    decoder = WindowDecoder(LABELS, replace(PLAIN, smoothing_s=0.25))
    run(decoder, [(0, IDLE), (250, WAVE)])
    assert decoder.probabilities is not None
    assert decoder.probabilities[1] == pytest.approx(0.97 - 0.96 / np.e, abs=1e-5)


@pytest.mark.parametrize("period_ms", [5, 10, 20, 40, 100])
def test_the_rate_of_decisions_does_not_matter(period_ms: int) -> None:
    """Scores change at 1 s and 3 s; events come at the same time whatever the rate, to one period."""
    decoder = WindowDecoder(LABELS, DecoderConfig())
    steps = [(ms, WAVE if 1000 < ms <= 3000 else IDLE) for ms in range(0, 4001, period_ms)]
    events = [event for event in run(decoder, steps) if event.state is not EventState.ONGOING]
    assert changes(events) == [("wave", "started"), ("wave", "ended")]
    # 0.25 s * ln(0.96 / 0.37) = 238 ms to reach 0.6, then 200 ms of lasting; 0.25 s * ln(0.96 / 0.41) = 213 ms to 0.42
    assert 0 <= events[0].stamp_ns // MS - 1438 <= 2 * period_ms
    assert 0 <= events[1].stamp_ns // MS - 3213 <= period_ms


def test_threshold_scale_can_change_while_running() -> None:
    decoder = WindowDecoder(LABELS, PLAIN)
    weak = logits(0.2, 0.55, 0.15, 0.1)
    assert run(decoder, [(0, weak)]) == []
    decoder.config = replace(PLAIN, threshold_scale=0.9)
    assert changes(run(decoder, [(100, weak)])) == [("wave", "started")]
    decoder.config = replace(PLAIN, threshold_scale=2.0)  # leaves below 0.6 now
    assert changes(run(decoder, [(200, weak)])) == [("wave", "ended")]


def test_end_and_reset() -> None:
    decoder = WindowDecoder(LABELS, PLAIN)
    assert decoder.end(0, 7) == []
    run(decoder, [(0, WAVE)])
    assert changes(decoder.end(50 * MS, 7)) == [("wave", "ended")]
    assert decoder.end(60 * MS, 7) == []
    assert changes(run(decoder, [(100, WAVE)])) == [("wave", "started")]
    decoder.reset()
    assert (decoder.action, decoder.probabilities) == (None, None)


def test_large_logits_do_not_overflow() -> None:
    decoder = WindowDecoder(LABELS, PLAIN)
    decoder.step(at(0, np.array([-3e4, 3e4, 0, 0], np.float32)), 1)
    assert decoder.action == "wave"
    assert decoder.score == 1.0
