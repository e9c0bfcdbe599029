"""Stream bundles: the exported step is the network, and decoder settings come from validation streams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch

import csre_ros
from csre_ros.evaluation.intervals import Interval
from csre_ros.recognition.bundle_info import Label
from csre_ros.recognition.frame_decoder import FrameDecoding
from models.data.streams.warm_start import WarmStart
from models.export import stream as export
from models.export.decoding import THRESHOLDS, ScoredStream, fit_decoding, judge, reports_of
from models.export.stream import fit_settings, further_network, step_graph, take_settings
from tests.models.test_stream_encoders import make_frames, make_network

LABELS = [Label("idle", 0.0, True), Label("wave", 0.5), Label("kick", 0.5)]
HZ = 15.0
NEVER = np.zeros(200, np.float32)
BUNDLES = Path(csre_ros.__file__).parent / "bundles"


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "layout"), [("hcn", "body13"), ("ctrgcn", "body13_2d")])
def test_exported_steps_equal_the_whole_clip(encoder: str, layout: str) -> None:
    network = make_network(encoder, layout)
    network.bias[0] = -1.5
    positions, confidence = make_frames(layout, people=3, frames=25)
    with torch.no_grad():
        logits, embedding, begin, _ = (
            part if isinstance(part, dict) else part.numpy() for part in network(positions, confidence)
        )
    session = onnxruntime.InferenceSession(step_graph(network))
    states = {f"state_{name}_in": np.zeros((3, *shape), np.float32) for name, shape in network.state_shapes().items()}
    assert [one.name for one in session.get_inputs()] == ["positions", "confidence", *states]
    outputs = [one.name for one in session.get_outputs()]
    assert outputs == ["logits", "embedding", "begin", *(name.replace("_in", "_out") for name in states)]
    for frame in range(positions.shape[1]):
        given = {"positions": positions[:, frame].numpy(), "confidence": confidence[:, frame].numpy()}
        found = dict(zip(outputs, session.run(None, given | states), strict=True))
        np.testing.assert_allclose(found["logits"], logits[:, frame], atol=1e-5, rtol=1e-4)
        np.testing.assert_allclose(found["embedding"], embedding[:, frame], atol=1e-5, rtol=1e-4)
        np.testing.assert_allclose(found["begin"], begin[:, frame], atol=1e-5, rtol=1e-4)
        states = {name: found[name.removesuffix("_in") + "_out"] for name in states}


def scored(weight: float, wave: float, kick: float) -> ScoredStream:
    """A wave from 2 to 4 s that the network sees with one probability, and a false kick from 6 to 6.5 s."""
    frames = np.zeros((int(8 * HZ), 3), np.float32)
    frames[int(2 * HZ) : int(4 * HZ), 1] = wave
    frames[int(6 * HZ) : int(6.5 * HZ), 2] = kick
    frames[:, 0] = 1 - frames.sum(1)
    return ScoredStream(frames, NEVER, [Interval("wave", 2.0, 4.0)], weight)


def test_a_decoded_stream_tells_when_it_began_and_ended() -> None:
    (report, false) = reports_of(scored(1.0, 0.8, 0.7).probabilities, NEVER, LABELS, FrameDecoding(), HZ, 0.2)
    assert (report.label, false.label) == ("wave", "kick")
    assert report.start == pytest.approx(2.0, abs=0.01)
    assert report.end == pytest.approx(4.0, abs=0.1)
    assert 2.2 < report.decided < 2.5


def test_thresholds_keep_the_true_and_refuse_the_false() -> None:
    fitted = fit_decoding([scored(1.0, 0.52, 0.62)] * 3, LABELS, HZ, 0.2)
    limits = dict(zip(("idle", "wave", "kick"), fitted.thresholds, strict=True))
    assert limits["idle"] == 0
    assert limits["wave"] <= 0.5
    assert limits["kick"] >= 0.65
    assert [at for at, _, _ in fitted.curve] == list(THRESHOLDS)
    assert fitted.extension()["required"] is False


def test_what_goes_on_and_on_is_bridged_and_the_rest_is_not() -> None:
    """A wave that falters for 0.7 s is one; two kicks 0.7 s apart are two."""
    frames = np.zeros((int(8 * HZ), 3), np.float32)
    for label, (start, end) in [(1, (1.0, 2.0)), (1, (2.7, 3.7)), (2, (5.0, 5.6)), (2, (6.3, 6.9))]:
        frames[round(start * HZ) : round(end * HZ), label] = 0.97
    frames[:, 0] = 1 - frames.sum(1)
    truth = [Interval("wave", 1.0, 3.7), Interval("kick", 5.0, 5.6), Interval("kick", 6.3, 6.9)]
    settings = fit_decoding([ScoredStream(frames, NEVER, truth)] * 3, LABELS, HZ, 0.2).settings
    gap = {name: settings.bridges_s.get(name, settings.bridge_s) for name in ("wave", "kick")}
    assert gap["kick"] < 0.7 <= gap["wave"]


def test_a_family_has_one_threshold_and_goes_on_where_a_wave_turns() -> None:
    streams = [scored(1.0, 0.52, 0.62)] * 3
    fitted = fit_decoding(streams, LABELS, HZ, 0.2, families=(("wave", "kick"),))
    assert fitted.thresholds[1] == fitted.thresholds[2]
    assert min(fitted.settings.bridges_s[name] for name in ("wave", "kick")) >= 0.4
    assert all(fitted.settings.leaves.get(name, fitted.settings.leave) <= 0.4 for name in ("wave", "kick"))


def test_settings_are_fitted_on_what_several_networks_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A false kick that one network is hardly sure of, and another one is."""
    own, other = make_network("hcn", "body13"), make_network("hcn", "body13")
    own.bias, other.bias = torch.zeros(3), torch.zeros(3)
    said = {id(own): scored(1.0, 0.52, 0.32), id(other): scored(1.0, 0.52, 0.62)}
    monkeypatch.setattr(export, "idle_bias", lambda network, *_: -1.0)
    monkeypatch.setattr(export, "validation_streams", lambda network, *_: [said[id(network)]] * 12)
    table = SimpleNamespace(names=["idle", "wave", "kick"], families=())
    data = SimpleNamespace(labels=table, rate_hz=HZ, warm_start=None, keep_labels=False)
    alone = fit_settings(own, data, LABELS, 3)  # type: ignore[arg-type]
    together = fit_settings(own, data, LABELS, 3, [other])  # type: ignore[arg-type]
    assert alone.thresholds[2] < 0.62 < together.thresholds[2]
    assert other.bias.tolist() == [-1, 0, 0]
    once = fit_decoding([said[id(own)]] * 12, LABELS, HZ, 3 / HZ)
    assert fit_settings(own, data, LABELS, 3, [own]) == once  # type: ignore[arg-type]


def test_a_run_on_other_data_is_no_help(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def restored(run: Path, *_: object) -> tuple[object, ...]:
        data = SimpleNamespace(labels="table", layout=SimpleNamespace(name="body13"), identity=run.name)
        return SimpleNamespace(frame_loss=SimpleNamespace(delay_frames=4), network=run.name), data

    monkeypatch.setattr(export, "restore", restored)
    model, data = restored(tmp_path / "all odd subjects")
    assert further_network(tmp_path / "all odd subjects", "last", model, data) == "all odd subjects"  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="half of them has other labels, another layout, split or look-ahead"):
        further_network(tmp_path / "half of them", "last", model, data)  # type: ignore[arg-type]


def test_settings_travel_through_the_extension() -> None:
    fitted = fit_decoding([scored(1.0, 0.8, 0.0)], LABELS, HZ, 0.2)
    assert FrameDecoding.from_extension(fitted.extension()) == fitted.settings


def test_settings_are_taken_from_a_bundle_of_the_same_labels() -> None:
    network = make_network("hcn", "body13")
    bundle = WarmStart.read(BUNDLES / "default.onnx")
    names = [label.name for label in bundle.info.labels]
    network.bias = torch.zeros(len(names))
    fitted = take_settings(network, bundle, names)
    assert network.bias[names.index("idle")] == bundle.bias_of("idle")
    assert fitted.thresholds == tuple(label.threshold for label in bundle.info.labels)
    assert (fitted.settings, len(fitted.curve)) == (bundle.decoding, len(THRESHOLDS))
    with pytest.raises(ValueError, match="has the labels idle, other, wave"):
        take_settings(network, bundle, names[:-1])


def test_what_nobody_knows_is_not_wrong() -> None:
    """A report where the label is allowed costs nothing, so its threshold need not rise."""
    strict = scored(1.0, 0.52, 0.62)
    allowed = np.zeros((len(strict.probabilities), 3), bool)
    allowed[int(6 * HZ) : int(7 * HZ), 2] = True
    lenient = replace(strict, allowed=allowed)
    settings = FrameDecoding()
    assert judge([strict], LABELS, settings, HZ, 0.2).wrong == {"kick": 1.0}
    assert judge([lenient], LABELS, settings, HZ, 0.2).wrong == {}


def test_one_of_a_family_for_another_is_missed_and_not_wrong() -> None:
    frames = np.full((60, 3), (0.9, 0.05, 0.05), np.float32)
    frames[15:45] = (0.05, 0.05, 0.9)  # a kick where somebody waves
    stream = ScoredStream(frames, NEVER, [Interval("wave", 1.0, 3.0)])
    apart, kin = FrameDecoding(), FrameDecoding(families=(("wave", "kick"),))
    assert judge([stream], LABELS, apart, HZ, 0.2).wrong == {"kick": 1.0}
    outcome = judge([stream], LABELS, kin, HZ, 0.2)
    assert (outcome.wrong, outcome.detected) == ({}, {})
    elsewhere = replace(stream, truth=[Interval("wave", 2.8, 3.8)])
    assert judge([elsewhere], LABELS, kin, HZ, 0.2).wrong == {"kick": 1.0}


def test_a_beginning_ends_what_is_done_again_and_no_greeting() -> None:
    frames = np.full((90, 3), (0.05, 0.05, 0.9), np.float32)
    begins = np.zeros(90, np.float32)
    begins[[15, 45]] = 0.92
    frames[:15] = frames[75:] = (0.9, 0.05, 0.05)
    twice = ScoredStream(frames, begins, [Interval("kick", 1.0, 2.85), Interval("kick", 3.0, 5.0)])
    assert fit_decoding([twice] * 3, LABELS, HZ, 0.2).settings.repeats == {"kick": 0.9}
    assert fit_decoding([twice] * 3, LABELS, HZ, 0.2, families=(("wave", "kick"),)).settings.repeats == {}
    once = replace(twice, truth=[Interval("kick", 1.0, 5.0)])
    assert fit_decoding([once] * 3, LABELS, HZ, 0.2).settings.repeats == {}
