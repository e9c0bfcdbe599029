"""The chain with a bundle that labels every frame, on synthetic people and the real ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from csre_ros.recognition import ActionEvent, Bundle, BundleError, BundleInfo, Decision, EventState, Recognizer
from csre_ros.recognition.bundle import Step
from csre_ros.recognition.bundle_info import append_metadata
from csre_ros.recognition.frame_decoder import FrameDecoder
from csre_ros.recognition.settings import DecoderConfig, RecognizerConfig
from csre_ros.recognition.stream_encoder import StreamEncoder
from csre_ros.recognition.window import resample
from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.timing import StageTimer

SECOND = 1_000_000_000
BODY13 = get_layout("body13")
CONFIG = RecognizerConfig(device="cpu")
RATE, DELAY = 15.0, 0.2


def body(height: float = 0.0, x: float = 0.0, side: str = "right") -> Skeleton:
    """Somebody three metres away; one wrist so many metres above its shoulder."""
    positions = np.zeros((len(BODY13), 3), np.float32)
    positions[:, 0] = x + np.linspace(-0.2, 0.2, len(BODY13))
    positions[:, 1] = 0.3
    positions[:, 2] = 3.0
    for one in ("left", "right"):
        positions[BODY13.index[f"{one}_shoulder"], 1] = 0.0
    positions[BODY13.index[f"{side}_wrist"], 1] = -height
    return Skeleton(BODY13, positions, np.full(len(BODY13), 0.9, np.float32))


def rising(seconds: float, x: float = 0.0) -> Skeleton:
    """The right hand hangs until 2 s, is up from 2.4 s to 4 s, and hangs again from 4.4 s on: straight lines."""
    return body(float(np.interp(seconds, (2.0, 2.4, 4.0, 4.4), (-0.3, 0.3, 0.3, -0.3))), x)


def frame(seconds: float, *people: Skeleton) -> Frame:
    return Frame(round(seconds * SECOND), "camera", people)


def events(steps: Sequence[Sequence], ongoing: bool = False) -> list[ActionEvent]:
    found = [event for people in steps for person in people for event in person.events]
    return [event for event in found if ongoing or event.state is not EventState.ONGOING]


def told(found: Sequence[ActionEvent]) -> list[tuple[int, str, str]]:
    return [(event.person, event.action, event.state.value) for event in found]


@pytest.fixture(scope="module")
def bundle(stream_bundle: Path) -> Bundle:
    return Bundle.load(stream_bundle, "cpu")


def test_a_gesture_from_its_onset_to_its_end(bundle: Bundle) -> None:
    """The wrist passes its shoulder at 2.2 s and 4.2 s; with what is said 0.2 s late, and a mean that lags."""
    recognizer = Recognizer(CONFIG, bundle)
    steps = [recognizer.step(frame(t, rising(t))) for t in np.arange(0, 6, 1 / 30)]
    started, *ongoing, ended = events(steps, ongoing=True)
    assert told([started, ended]) == [(1, "raise_right", "started"), (1, "raise_right", "ended")]
    assert [event.state.value for event in ongoing] == ["ongoing", "ongoing"]  # a second apart
    assert started.since_ns / SECOND == pytest.approx(2.2 - DELAY + 0.1, abs=0.12)
    assert 2.2 < started.stamp_ns / SECOND < 2.6
    assert {event.since_ns for event in (*ongoing, ended)} == {started.since_ns}
    assert ended.until_ns is not None
    assert ended.until_ns / SECOND == pytest.approx(4.2 - DELAY + 0.1, abs=0.12)
    assert ended.stamp_ns - ended.until_ns >= 0.3 * SECOND  # the time that a gap may last
    assert not recognizer.counts


def test_records_say_what_is_known(bundle: Bundle) -> None:
    recognizer = Recognizer(CONFIG, bundle)
    steps = [recognizer.step(frame(10 + t, rising(t))) for t in np.arange(0, 3, 1 / 30)]
    first = steps[4][0]  # confirmed, and nothing said about the time since the first frame yet
    assert (first.decision, first.best, first.probabilities) == (Decision.UNDECIDED, None, None)
    assert first.window_ns == (10 * SECOND, first.stamp_ns)
    assert steps[40][0].decision is Decision.IDLE
    last = steps[-1][0]
    assert (last.decision, last.action, last.best) == (Decision.ACTION, "raise_right", "raise_right")
    assert last.probabilities is not None
    assert last.score == pytest.approx(float(last.probabilities[1]))
    assert last.window_ns[1] - last.window_ns[0] == SECOND


def test_frame_by_frame_equals_the_whole_recording(bundle: Bundle) -> None:
    """The network by hand over the whole recording, resampled at once, gives what the stream gave, step by step."""
    rng = np.random.default_rng(0)
    stamps = np.sort(rng.choice(np.arange(0, 5 * SECOND, 10_000_000), 140, replace=False))
    positions = np.stack([rising(s / SECOND).positions for s in stamps]) + rng.normal(scale=0.01, size=(140, 13, 3))
    confidence = rng.uniform(0.2, 1, (140, 13)).astype(np.float32)
    confidence[rng.random((140, 13)) < 0.1] = 0
    positions = np.where(confidence[..., None] > 0, positions, 0).astype(np.float32)

    encoder = StreamEncoder(bundle, bundle.info.stream, StageTimer())
    memory, online = encoder.start(), []
    for i, stamp in enumerate(stamps):
        assert encoder.see(memory, int(stamp), positions[i], confidence[i])
        if encoder.ready(memory):
            online += encoder.decide([memory])[0]

    steps = int((stamps[-1] - stamps[0]) / SECOND * RATE) + 1
    instants = stamps[0] + np.round(np.arange(steps) * SECOND / RATE)
    joints, seen = resample(stamps, positions, confidence, instants)
    total, weight, offline = np.zeros((13, 3)), np.zeros((13, 1)), []
    for body_then, sure in zip(np.nan_to_num(joints), seen, strict=True):
        total, weight = total / 2 + body_then * sure[:, None], weight / 2 + sure[:, None]
        offline.append((total / np.maximum(weight, 1e-6)).reshape(-1))
    late = int(np.ceil(DELAY * RATE - 1e-9))  # steps that speak of the time before the first frame
    assert [one.instant_ns for one in online] == [int(at) - round(DELAY * SECOND) for at in instants[late:]]
    np.testing.assert_allclose(np.stack([one.embedding for one in online]), np.stack(offline[late:]), atol=1e-5)


def clocks() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    even = np.arange(0, 6, 1 / 30)
    jitter = np.sort(even + rng.uniform(0, 0.03, len(even)))
    jitter[0] = 0
    dropped = np.delete(even, rng.choice(np.arange(1, 180), 60, replace=False))
    return {"5 Hz": np.arange(0, 6, 0.2), "10 Hz": np.arange(0, 6, 0.1), "60 Hz": np.arange(0, 6, 1 / 60),
            "jitter": jitter, "a third dropped": dropped}  # fmt: skip


@pytest.mark.parametrize("clock", list(clocks()))
def test_the_frame_rate_does_not_matter(bundle: Bundle, clock: str) -> None:
    """What is said began and ended when it did at 30 Hz, to a step; only when it is said depends on the frames."""

    def run(times: np.ndarray) -> list[ActionEvent]:
        recognizer = Recognizer(CONFIG, bundle)
        return events([recognizer.step(frame(t, rising(t))) for t in times])

    expected, found = run(np.arange(0, 6, 1 / 30)), run(clocks()[clock])
    assert told(found) == told(expected)
    for one, other in zip(found, expected, strict=True):
        assert abs(one.since_ns - other.since_ns) <= SECOND / RATE
        assert abs((one.until_ns or 0) - (other.until_ns or 0)) <= SECOND / RATE
        assert abs(one.stamp_ns - other.stamp_ns) <= 0.25 * SECOND


def test_a_batch_of_many_equals_one_by_one(bundle: Bundle) -> None:
    """Twelve people who come and go at different times; everybody's scores are those of somebody alone."""
    spans = {i: (0.15 * i, 6 - 0.1 * i) for i in range(12)}
    together = Recognizer(CONFIG, bundle)
    scores: dict[float, dict[int, np.ndarray]] = {}
    for t in np.arange(0, 6, 1 / 30):
        here = [i for i, (start, end) in spans.items() if start <= t < end]
        people = [rising(t - spans[i][0], x=1.5 * i) for i in here]
        for record in together.step(frame(t, *people)):
            if record.skeleton is not None and record.probabilities is not None:
                who = here[[person is record.skeleton for person in people].index(True)]
                scores.setdefault(t, {})[who] = record.probabilities
    for i in (0, 5, 11):
        alone, compared = Recognizer(CONFIG, bundle), 0
        for t in np.arange(0, 6, 1 / 30):
            if spans[i][0] <= t < spans[i][1]:
                for record in alone.step(frame(t, rising(t - spans[i][0], x=1.5 * i))):
                    if record.probabilities is not None:
                        np.testing.assert_allclose(scores[t][i], record.probabilities, atol=1e-4)
                        compared += 1
        assert compared > 80


def test_one_run_of_the_network_serves_everybody(bundle: Bundle) -> None:
    timer = StageTimer()
    recognizer = Recognizer(CONFIG, bundle, timer)
    for k in range(61):
        recognizer.step(frame(k / 30, *(body(x=1.5 * i) for i in range(12))))
    # A step for every point of the grid; people are confirmed after a tenth of a second.
    assert next(line.count for line in timer.summary() if line.stage == "infer") == 31


def test_a_short_occlusion_is_bridged(bundle: Bundle) -> None:
    """Nothing moves while the person is hidden, so that nothing but the waiting differs."""
    recognizer = Recognizer(CONFIG, bundle)
    hidden = {k for k in range(180) if 90 <= k < 102}
    steps = [recognizer.step(frame(k / 30, *([] if k in hidden else [rising(k / 30)]))) for k in range(180)]
    whole = Recognizer(CONFIG, bundle)
    expected = events([whole.step(frame(k / 30, rising(k / 30))) for k in range(180)])
    found = events(steps)
    assert [(e.stamp_ns, e.since_ns, e.until_ns) for e in found] == [
        (e.stamp_ns, e.since_ns, e.until_ns) for e in expected
    ]


def test_after_a_long_gap_the_person_begins_anew(bundle: Bundle) -> None:
    """Between max_gap_s (0.5) and death_s (0.7) the person stays and everything else is forgotten."""
    recognizer = Recognizer(CONFIG, bundle)
    steps = [recognizer.step(frame(k / 30, *([] if 90 <= k < 108 else [body(0.3)]))) for k in range(180)]
    found = events(steps)
    assert told(found) == [(1, "raise_right", state) for state in ("started", "ended", "started")]
    assert found[1].until_ns is not None
    assert found[1].until_ns <= 90 / 30 * SECOND
    assert found[2].since_ns == round(108 / 30 * SECOND)  # nothing is said of the time before


def test_who_leaves_ends_what_they_did(bundle: Bundle) -> None:
    recognizer = Recognizer(CONFIG, bundle)
    steps = [recognizer.step(frame(k / 30, *([] if k >= 60 else [body(0.3)]))) for k in range(90)]
    assert told(events(steps)) == [(1, "raise_right", "started"), (1, "raise_right", "ended")]
    steps = [recognizer.step(frame(k / 30, body(0.3))) for k in range(90, 150)]
    steps.append(recognizer.finish())
    assert told(events(steps)) == [(2, "raise_right", "started"), (2, "raise_right", "ended")]


def test_the_threshold_scale_takes_effect_at_once(bundle: Bundle) -> None:
    recognizer = Recognizer(replace(CONFIG, decoder=DecoderConfig(threshold_scale=2.0)), bundle)
    assert events([recognizer.step(frame(k / 30, body(0.3))) for k in range(60)]) == []
    recognizer.reconfigure(CONFIG)
    assert told(events([recognizer.step(frame(2 + k / 30, body(0.3))) for k in range(30)])) == [
        (1, "raise_right", "started")
    ]


def test_while_the_network_fails_nothing_is_lost_and_memory_is_bounded(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*inputs: object) -> None:
        raise RuntimeError("device lost")

    whole, recognizer = Recognizer(CONFIG, bundle), Recognizer(CONFIG, bundle)
    expected = [whole.step(frame(k / 30, rising(k / 30))) for k in range(180)]
    steps = [recognizer.step(frame(k / 30, rising(k / 30))) for k in range(60)]
    monkeypatch.setattr(bundle, "step", fail)
    for k in range(60, 70):
        recognizer.observe(frame(k / 30, rising(k / 30)))
        with pytest.raises(RuntimeError, match="device lost"):
            recognizer.decide()
    monkeypatch.undo()
    steps += [recognizer.step(frame(k / 30, rising(k / 30))) for k in range(70, 180)]
    assert [(e.since_ns, e.until_ns) for e in events(steps)] == [(e.since_ns, e.until_ns) for e in events(expected)]
    for k in range(180, 900):  # nobody decides any more
        recognizer.observe(frame(k / 30, rising(k / 30)))
    assert recognizer.counts["too_dense"] > 5


def test_states_that_lead_to_nonsense_are_not_carried_on(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = Recognizer(CONFIG, bundle)
    for k in range(60):
        recognizer.step(frame(k / 30, body(0.3)))
    step = bundle.step

    def broken(positions: np.ndarray, confidence: np.ndarray, states: dict) -> Step:
        said = step(positions, confidence, states)
        return said._replace(logits=said.logits * np.nan, states={k: v * np.nan for k, v in said.states.items()})

    monkeypatch.setattr(bundle, "step", broken)
    recognizer.step(frame(60 / 30, body(0.3)))
    monkeypatch.undo()
    assert recognizer.counts == {"not_finite": 1}
    people = [recognizer.step(frame(k / 30, body(0.3))) for k in range(61, 90)][-1]
    assert (people[0].action, recognizer.counts["not_finite"]) == ("raise_right", 1)


def test_graph_and_description_must_agree(stream_info: BundleInfo, stream_graph_maker, graph_maker, tmp_path) -> None:
    path = tmp_path / "odd.onnx"
    extension = dict(stream_info.extensions["stream"])
    cases = [
        (graph_maker(), stream_info, "positions is"),
        (stream_graph_maker(lost_state=True), stream_info, "state_weight"),
        (stream_graph_maker(), replace(stream_info, extensions={}), "inputs and outputs"),
        (stream_graph_maker(masked=False), stream_info, "must mask them"),
        (stream_graph_maker(), replace(stream_info, extensions={"stream": extension, "decoder": {"leave": -1}}),
         "'leave' of the extension 'decoder' is -1"),
    ]  # fmt: skip
    for graph, info, message in cases:
        path.write_bytes(append_metadata(graph, info))
        with pytest.raises(BundleError, match=message):
            Bundle.load(path, "cpu").warm_up()
    with pytest.raises(BundleError, match="extension 'stream' lacks delay_s, receptive_s; export the bundle again"):
        replace(stream_info, extensions={"stream": {"rate_hz": 15.0}})
    with pytest.raises(BundleError, match=r"rate_hz of the extension 'stream' is 0; it must lie in 1\.\.240"):
        replace(stream_info, extensions={"stream": {**extension, "rate_hz": 0}})


def test_the_bundles_decoder_settings_count(stream_info: BundleInfo, stream_graph_maker, tmp_path) -> None:
    slow = {**stream_info.extensions, "decoder": {"min_duration_s": 1.0}}
    path = tmp_path / "slow.onnx"
    path.write_bytes(append_metadata(stream_graph_maker(), replace(stream_info, extensions=slow)))
    recognizer = Recognizer(CONFIG, Bundle.load(path, "cpu"))
    assert isinstance(recognizer.bundle.decoding.min_duration_s, float)
    (started, _) = events([recognizer.step(frame(t, rising(t))) for t in np.arange(0, 6, 1 / 30)])
    assert 3.2 < started.stamp_ns / SECOND < 3.6
    assert FrameDecoder(stream_info.labels, recognizer.bundle.decoding, RATE).active is None
