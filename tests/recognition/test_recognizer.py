"""The whole chain on synthetic people, with a real (tiny) bundle on the real ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from csre_ros.recognition import Bundle, BundleError, EventState, PersonAction, Recognizer
from csre_ros.recognition import bundle as bundle_module
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.settings import DecoderConfig, RecognizerConfig, TrackerConfig, WindowConfig
from csre_ros.recognition.window import resample
from csre_ros.recognition.window_decoder import WindowDecoder
from csre_ros.skeleton import Frame, Skeleton
from csre_ros.timing import StageTimer
from tests.recognition.raised_arms import (
    BODY13,
    CONFIG,
    SECOND,
    body,
    events,
    frame,
    gesture,
    raising,
    run,
)


def test_a_gesture_from_start_to_end(recognizer: Recognizer) -> None:
    steps = run(recognizer, [frame(t, gesture(t)) for t in np.arange(0, 8, 1 / 30)])
    assert events(steps, ongoing=True) == [
        (1, "raise_right", "started"),
        (1, "raise_right", "ongoing"),
        (1, "raise_right", "ongoing"),
        (1, "raise_right", "ended"),
    ]
    started, *_, ended = [event for people in steps for person in people for event in person.events]
    assert 2.2 < started.stamp_ns / SECOND < 3.2  # the window must fill with the gesture, then it must last
    assert 5.2 < ended.stamp_ns / SECOND < 6.2
    assert ended.score >= started.score >= 0.6
    assert not recognizer.counts


def test_records_say_what_is_known(recognizer: Recognizer) -> None:
    steps = run(recognizer, [frame(10 + k / 30, gesture(k / 30)) for k in range(120)])
    assert [len(people) for people in steps[:3]] == [0, 0, 0]  # not confirmed yet
    undecided, (final,) = steps[15][0], steps[-1]
    assert (undecided.action, undecided.best, undecided.probabilities) == (None, None, None)
    assert (undecided.present, undecided.frame_id, undecided.person) == (True, "camera", 1)
    assert undecided.window_ns == (10 * SECOND, undecided.stamp_ns)
    assert (final.action, final.best) == ("raise_right", "raise_right")
    assert final.probabilities is not None
    assert final.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert final.score == pytest.approx(float(final.probabilities[1]))
    assert final.stamp_ns == round((10 + 119 / 30) * SECOND)
    assert 1.0 <= (final.window_ns[1] - final.window_ns[0]) / SECOND < 1.05
    assert final.skeleton is not None
    assert final.skeleton.layout == BODY13


def test_the_same_frames_give_the_same_answers(bundle: Bundle) -> None:
    """Deterministic: another recognizer, the same one after reset, and a clock that is shifted by years."""
    rng = np.random.default_rng(0)
    clip = [(k / 30, rng.normal(scale=0.01, size=(13, 3))) for k in range(150)]

    def frames(offset: float) -> list[Frame]:
        bodies = ((t, gesture(t).positions + noise) for t, noise in clip)
        return [frame(t + offset, Skeleton(BODY13, p, np.full(13, 0.9))) for t, p in bodies]

    def answers(recognizer: Recognizer, offset: float) -> list[tuple[object, ...]]:
        steps = run(recognizer, frames(offset))
        return [(p.person, p.action, p.best, round(p.score, 4), len(p.events)) for people in steps for p in people]

    recognizer = Recognizer(CONFIG, bundle)
    first = answers(recognizer, 0)
    recognizer.reset()
    assert answers(recognizer, 0) == first
    assert answers(Recognizer(CONFIG, bundle), 1_790_000_000) == first


def test_frame_by_frame_equals_the_whole_clip(bundle: Bundle) -> None:
    """All windows cut from the whole clip and run as one batch give what the stream gave, decision by decision."""
    rng = np.random.default_rng(2)
    stamps = np.sort(rng.integers(0, 6 * SECOND, 150))
    people = [Skeleton(BODY13, gesture(s / SECOND).positions + rng.normal(scale=0.02, size=(13, 3)),
                       rng.uniform(0.2, 1, 13)) for s in stamps]  # fmt: skip
    recognizer = Recognizer(CONFIG, bundle)
    online = {}
    for stamp, person in zip(stamps, people, strict=True):
        for record in recognizer.step(Frame(int(stamp), "camera", (person,))):
            if record.probabilities is not None and record.window_ns[1] == record.stamp_ns:
                online[record.stamp_ns] = (record.probabilities, record.events)
    positions, confidence = np.stack([p.positions for p in people]), np.stack([p.confidence for p in people])
    grid = np.linspace(1, 0, bundle.info.time_steps) * bundle.info.window_s * SECOND
    windows = [resample(stamps, positions, confidence, decided - grid) for decided in online]
    answers = bundle.run(np.stack([w[0] for w in windows])[:, None], np.stack([w[1] for w in windows])[:, None])
    decoder = WindowDecoder(bundle.info.labels, CONFIG.decoder)
    for (stamp, (probabilities, changes)), logits, embedding in zip(online.items(), *answers, strict=True):
        offline = decoder.step(Evidence(logits, embedding, (stamp - SECOND, stamp), stamp - SECOND // 2), 1)
        assert [(e.action, e.state) for e in offline] == [(e.action, e.state) for e in changes]
        np.testing.assert_allclose(decoder.probabilities, probabilities, atol=1e-5)
    assert len(online) > 40


def test_observe_and_decide_equal_step(bundle: Bundle) -> None:
    """A driver that decides later sees the same decisions; between two frames there is nothing to decide."""
    whole, split = Recognizer(CONFIG, bundle), Recognizer(CONFIG, bundle)
    for k in range(120):
        item = frame(k / 30, gesture(k / 30))
        expected = whole.step(item)
        split.observe(item)
        found = split.decide()
        assert [(p.person, p.action, p.score, p.events) for p in found] == [
            (p.person, p.action, p.score, p.events) for p in expected
        ]
        assert split.decide() == []


def test_skipped_decisions_lose_no_event(bundle: Bundle) -> None:
    """Every frame reaches the window, decisions come at a quarter of the rate: the same events."""
    recognizer = Recognizer(CONFIG, bundle)
    steps = []
    for k in range(240):
        recognizer.observe(frame(k / 30, gesture(k / 30)))
        if k % 4 == 3:
            steps.append(recognizer.decide())
    assert events(steps) == [(1, "raise_right", "started"), (1, "raise_right", "ended")]


def clocks() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    jitter = np.sort(np.arange(0, 8, 1 / 30) + rng.uniform(-0.015, 0.015, 240))
    dropped = np.delete(np.arange(0, 8, 1 / 30), rng.choice(240, 80, replace=False))
    return {"15 Hz": np.arange(0, 8, 1 / 15), "60 Hz": np.arange(0, 8, 1 / 60), "jitter": jitter, "dropped": dropped}


@pytest.mark.parametrize("clock", list(clocks()))
def test_rate_jitter_and_drops_do_not_change_the_labels(bundle: Bundle, clock: str) -> None:
    """The label at any instant is that at 30 Hz, but for a tenth of a second around a change."""
    recognizer = Recognizer(CONFIG, bundle)
    reference = run(recognizer, [frame(t, gesture(t)) for t in np.arange(0, 8, 1 / 30)])
    steps = run(Recognizer(CONFIG, bundle), [frame(t, gesture(t)) for t in clocks()[clock]])
    assert events(steps) == events(reference)
    for found, expected in zip(_changes(steps), _changes(reference), strict=True):
        assert abs(found - expected) <= 0.15


def _changes(steps: Sequence[Sequence[PersonAction]]) -> list[float]:
    found = [event for people in steps for person in people for event in person.events]
    return [event.stamp_ns / SECOND for event in found if event.state is not EventState.ONGOING]


def test_the_encoder_runs_on_a_grid_of_stamps(bundle: Bundle) -> None:
    """30 Hz for 3 s, a decision every 0.1 s from 0.8 s on."""
    timer = StageTimer()
    run(Recognizer(CONFIG, bundle, timer), [frame(k / 30, body()) for k in range(91)])
    counts = {line.stage: line.count for line in timer.summary()}
    assert counts == {"track": 91, "window": 23, "infer": 23, "decode": 23}


def test_all_people_share_one_batch(bundle: Bundle) -> None:
    """Twelve people, every third raises a hand; one encoder call per decision."""
    timer = StageTimer()
    recognizer = Recognizer(CONFIG, bundle, timer)
    sides = [None, "left", "right"] * 4
    steps = run(recognizer, [frame(k / 30, *(body(s, 1.2 * i) for i, s in enumerate(sides))) for k in range(60)])
    expected = {None: None, "left": "raise_left", "right": "raise_right"}
    assert [(p.person, p.action) for p in steps[-1]] == [(i + 1, expected[side]) for i, side in enumerate(sides)]
    assert next(line.count for line in timer.summary() if line.stage == "infer") == 12
    recognizer.step(frame(2.0, *(body(None, 1.2 * i) for i in range(14))))
    assert recognizer.counts == {"too_many_people": 2}


def test_two_people_who_cross_keep_their_actions(bundle: Bundle) -> None:
    """One walks left with the right hand up, one walks right with the left hand up, one behind the other."""
    recognizer = Recognizer(CONFIG, bundle)
    frames = []
    for k in range(150):
        near, far = body("right", -1.5 + 0.6 * k / 30), body("left", 1.5 - 0.6 * k / 30)
        hidden = abs(k - 75) < 7
        frames.append(frame(k / 30, near) if hidden else frame(k / 30, far, near))
    steps = run(recognizer, frames)
    assert sorted(events(steps)) == [(1, "raise_left", "started"), (2, "raise_right", "started")]
    assert [(p.person, p.action) for p in steps[-1]] == [(1, "raise_left"), (2, "raise_right")]


def test_occlusion_of_half_a_second_keeps_person_and_action(recognizer: Recognizer) -> None:
    times = [k / 30 for k in range(150) if not 90 <= k < 104]
    steps = run(recognizer, [frame(t, body("right")) if t in times else frame(t) for t in (k / 30 for k in range(150))])
    assert events(steps) == [(1, "raise_right", "started")]
    hidden = steps[100][0]
    assert (hidden.present, hidden.skeleton, hidden.action) == (True, None, "raise_right")
    assert steps[-1][0].action == "raise_right"


def test_a_longer_gap_ends_the_action_but_not_the_person(recognizer: Recognizer) -> None:
    """Between max_gap_s (0.5) and death_s (0.7) the person stays, what they did is no longer known."""
    steps = run(recognizer, [frame(k / 30, *([] if 90 <= k < 108 else [body("right")])) for k in range(180)])
    assert events(steps) == [(1, "raise_right", "started"), (1, "raise_right", "ended"), (1, "raise_right", "started")]
    assert steps[106][0].action is None
    assert steps[110][0].window_ns[0] >= round(108 / 30 * SECOND)


def test_leaving_and_returning(recognizer: Recognizer) -> None:
    """Who leaves is reported once, with the end of the action; who returns is somebody new."""
    steps = run(recognizer, [frame(k / 30, *([] if 60 <= k < 120 else [body("right")])) for k in range(180)])
    gone = [(k, p) for k, people in enumerate(steps) for p in people if not p.present]
    assert [(k, p.person, p.skeleton) for k, p in gone] == [(81, 1, None)]  # last seen in frame 59, 0.7 s before
    assert events(steps) == [(1, "raise_right", "started"), (1, "raise_right", "ended"), (2, "raise_right", "started")]
    assert [people for people in steps[82:120] if people] == []
    assert steps[-1][0].person == 2


def test_an_action_ends_with_the_person_where_gaps_are_allowed(bundle: Bundle) -> None:
    config = replace(CONFIG, window=WindowConfig(max_gap_s=5.0), tracker=TrackerConfig(death_s=0.3))
    steps = run(Recognizer(config, bundle), [frame(k / 30, *([] if k >= 60 else [body("left")])) for k in range(90)])
    (last,) = [person for people in steps for person in people if not person.present]
    assert [(e.action, e.state.value) for e in last.events] == [("raise_left", "ended")]
    assert last.action is None


def test_empty_frames(recognizer: Recognizer) -> None:
    assert run(recognizer, [frame(k / 30) for k in range(60)]) == [[]] * 60


def test_dynamic_settings_change_while_running(recognizer: Recognizer) -> None:
    strict = replace(CONFIG, decoder=DecoderConfig(threshold_scale=2.0))  # 0.6 * 2: out of reach
    recognizer.reconfigure(strict)
    assert events(run(recognizer, raising(0, 3))) == []
    with pytest.raises(ValueError, match=r"tracker\.gate_m cannot change from 0\.6 to 2\.0 while running"):
        recognizer.reconfigure(replace(CONFIG, tracker=TrackerConfig(gate_m=2.0)))
    assert recognizer.config == strict
    recognizer.reconfigure(CONFIG)
    assert events(run(recognizer, raising(3, 1))) == [(1, "raise_right", "started")]


def test_the_configured_bundle_is_loaded(tiny_bundle: Path) -> None:
    recognizer = Recognizer(RecognizerConfig(bundle=str(tiny_bundle), device="cpu"))
    assert recognizer.info.name == "tiny"
    assert recognizer.bundle.path == tiny_bundle


def test_without_a_name_the_dimensions_choose_the_bundle(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_module, "BUNDLE_FOLDER", tmp_path)
    (tmp_path / "default.onnx").write_bytes(tiny_bundle.read_bytes())
    assert Recognizer(CONFIG).bundle.path == tmp_path / "default.onnx"
    with pytest.raises(BundleError, match="no bundle 'flat'"):
        Recognizer(CONFIG, dims=2)
    (tmp_path / "flat.onnx").write_bytes(tiny_bundle.read_bytes())
    assert Recognizer(CONFIG, dims=2).bundle.path == tmp_path / "flat.onnx"


def test_finish_ends_what_is_open_and_everybody_leaves(recognizer: Recognizer) -> None:
    steps = run(recognizer, [frame(t, gesture(t)) for t in np.arange(0, 4, 1 / 30)])
    last = recognizer.finish()
    assert events([*steps, last]) == [(1, "raise_right", "started"), (1, "raise_right", "ended")]
    assert [(record.person, record.present) for record in last] == [(1, False)]
    assert recognizer.finish() == []


def test_after_finish_ids_go_on_counting_and_after_reset_they_do_not(recognizer: Recognizer) -> None:
    run(recognizer, [frame(k / 30, body()) for k in range(10)])
    recognizer.finish()
    assert recognizer.step(frame(0.2, body())) == []  # stamps are remembered
    assert run(recognizer, [frame(k / 30, body()) for k in range(10, 20)])[-1][0].person == 2
    recognizer.finish()
    recognizer.reset()
    assert run(recognizer, [frame(k / 30, body()) for k in range(10)])[-1][0].person == 1


def test_a_failing_encoder_loses_no_end_of_an_action(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*inputs: object) -> None:
        raise RuntimeError("device lost")

    recognizer = Recognizer(replace(CONFIG, window=WindowConfig(stride_s=0.01)), bundle)  # it runs at every frame
    other = [body("right"), body(x=3.0)]
    steps = run(recognizer, [frame(k / 30, *other) for k in range(60)])
    monkeypatch.setattr(bundle, "run", fail)
    failures = 0
    for k in range(60, 100):
        recognizer.observe(frame(k / 30, other[1]))
        try:
            steps.append(recognizer.decide())
        except RuntimeError:
            failures += 1
    monkeypatch.undo()
    steps += run(recognizer, [frame(100 / 30, other[1])])
    assert failures > 10
    assert events(steps) == [(1, "raise_right", "started"), (1, "raise_right", "ended")]


def test_while_the_encoder_fails_no_frame_goes_through(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor those between two decisions, which would pass old actions off as news."""

    def fail(*inputs: object) -> None:
        raise RuntimeError("device lost")

    recognizer = Recognizer(CONFIG, bundle)
    run(recognizer, [frame(k / 30, body("right")) for k in range(60)])
    monkeypatch.setattr(bundle, "run", fail)
    raised = []
    for k in range(60, 80):
        recognizer.observe(frame(k / 30, body("right")))
        try:
            recognizer.decide()
        except RuntimeError:
            raised.append(k)
    assert raised == list(range(raised[0], 80))
    monkeypatch.undo()
    assert recognizer.step(frame(80 / 30, body("right")))[0].action == "raise_right"
