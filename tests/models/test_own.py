"""Own recordings: read, checked, split, and trained on from a shipped bundle."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from csre_ros.recognition.bundle_info import split_metadata
from models.__main__ import main
from models.data.streams.labels import ANYTHING, REST
from models.data.streams.own import OwnData, one_sided, other_side, own_labels
from models.data.streams.own_folder import read_folder, split
from models.data.streams.own_recordings import RecordingsError, completed, read_own
from models.data.streams.resemblance import KeyPoses
from models.data.streams.stream import RATE_HZ, Stream
from models.data.streams.warm_start import WarmStart
from models.data.synthesis import BODY
from models.training.command_line import forget
from tests.models.own_gestures import GESTURES, gesture, standing, write, write_folder

BUNDLE = Path("csre_ros/bundles/default.onnx")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("own"), examples=4)


class TestRead:
    def test_a_recording_that_is_labelled_all_over_is_trimmed_to_its_motion(self, tmp_path: Path) -> None:
        positions, first, behind = gesture("opening", 0)
        found = read_own(write(tmp_path / "a.mcap", positions, ["opening"] * len(positions)))
        ((label, start, end),) = found.actions
        assert label == "opening"
        assert found.trimmed
        assert first - 3 <= start <= first + 12
        assert behind - 12 <= end <= behind + 3

    def test_labelled_intervals_are_taken_as_they_are(self, tmp_path: Path) -> None:
        positions, first, behind = gesture("swinging", 0)
        labels = ["swinging" if first <= frame < behind else "" for frame in range(len(positions))]
        found = read_own(write(tmp_path / "a.mcap", positions, labels))
        assert not found.trimmed
        assert found.actions == (("swinging", first, behind),)
        (piece,) = found.pieces()
        assert (piece.start, piece.end) == (first, behind)

    def test_the_folder_names_what_the_label_topic_does_not(self, tmp_path: Path) -> None:
        positions, _, _ = gesture("clapping", 0)
        nothing = [None] * len(positions)
        assert read_own(write(tmp_path / "a.mcap", positions, nothing), "clapping").labels == {"clapping"}
        assert not read_own(write(tmp_path / "b.mcap", positions, nothing)).actions
        assert not read_own(write(tmp_path / "c.mcap", positions, ["none"] * len(positions)), "clapping").actions

    def test_a_posture_that_is_held_throughout_is_not_cut(self, tmp_path: Path) -> None:
        held = np.repeat(standing().positions(), 40, 0) + np.random.default_rng(0).normal(0, 0.005, (40, 13, 3))
        found = read_own(write(tmp_path / "a.mcap", held.astype(np.float32), ["halt"] * 40))
        assert found.actions[0][2] - found.actions[0][1] >= 38

    @pytest.mark.parametrize(
        ("frames", "people", "label", "said"),
        [(8, 1, "halt", "at least 1 s"), (40, 2, "halt", "two people or more in 40 of 40"), (40, 1, "a b", "letters")],
    )
    def test_what_cannot_be_used_is_refused_by_name(
        self, tmp_path: Path, frames: int, people: int, label: str, said: str
    ) -> None:
        positions = np.repeat(standing().positions(), frames, 0)
        path = write(tmp_path / "bad.mcap", positions, [label] * frames, people)
        with pytest.raises(RecordingsError, match=rf"bad\.mcap.*{said}"):
            read_own(path)

    def test_points_in_the_image_are_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path / "flat.mcap", np.zeros((40, 13, 2), np.float32), ["halt"] * 40, layout="body13_2d")
        with pytest.raises(RecordingsError, match=r"flat\.mcap holds points in the image"):
            read_own(path)

    def test_a_damaged_recording_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "cut.mcap").write_bytes(b"\x89MCAP0\r\n and nothing more")
        with pytest.raises(RecordingsError, match=r"cut\.mcap.*record it again"):
            read_own(tmp_path / "cut.mcap")

    def test_legs_that_are_never_seen_stand(self) -> None:
        positions = np.repeat(standing().positions(), 30, 0)
        seen = np.ones((30, 13), np.float32)
        legs = [BODY.index[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")]
        seen[:, legs] = 0
        body, confidence = completed(np.where(seen[..., None] > 0, positions, 0), seen, Path("a.mcap"))
        assert np.abs(body - positions)[:, legs].max() < 0.25
        assert not confidence[:, legs].any()
        seen[:, BODY.index["left_shoulder"]] = 0
        with pytest.raises(RecordingsError, match="shows no arms"):
            completed(positions, seen, Path("a.mcap"))


class TestSplit:
    def test_a_fifth_of_each_label_is_held_out(self, folder: Path) -> None:
        kept, held = split(read_folder(folder))
        assert len(kept) == 9
        assert {label for one in held for label in one.labels} == set(GESTURES)

    def test_one_of_two_people_is_held_out(self, folder: Path, tmp_path: Path) -> None:
        lines = [f"{path.relative_to(folder).as_posix()},{'ab'[int(path.stem) % 2]}" for path in folder.rglob("*.mcap")]
        table = tmp_path / "who.csv"
        table.write_text("\n".join(["file,subject", *lines]), encoding="utf-8")
        kept, held = split(read_folder(folder, table))
        assert {one.subject for one in held} == {"b"}
        assert {one.subject for one in kept} == {"a"}
        with pytest.raises(RecordingsError, match="held_out is 'c'; the subjects are: a, b"):
            split([*kept, *held], "c")

    def test_too_few_recordings_are_refused_with_what_is_needed(self, folder: Path) -> None:
        few = [one for one in read_folder(folder) if one.path.stem in "01"]
        with pytest.raises(RecordingsError, match="label 'clapping' has 2 recordings; at least 3"):
            split(few)

    def test_an_empty_folder_says_how_to_fill_it(self, tmp_path: Path) -> None:
        with pytest.raises(RecordingsError, match=r"csre record .* --label NAME"):
            read_folder(tmp_path)

    def test_a_subject_is_also_a_folder_or_the_beginning_of_a_name(self, folder: Path, tmp_path: Path) -> None:
        one = next(folder.rglob("*.mcap")).read_bytes()
        for name in ("anna/halt/1.mcap", "halt/ben_1.mcap", "halt/halt_1.mcap"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(one)
        assert [found.subject for found in read_folder(tmp_path)] == ["anna", "ben", ""]


class TestLabels:
    def test_what_the_bundle_tells_becomes_background_unless_it_is_kept(self, folder: Path) -> None:
        start = WarmStart.read(BUNDLE)
        pieces = [piece for one in read_folder(folder) for piece in one.pieces()]
        pieces.append(replace(pieces[0], label="wave"))
        merged = own_labels(pieces, start, keep=False)
        assert merged.names == ("idle", "other", *sorted(GESTURES), "wave")
        assert len(merged.classes) == len(start.classes) + len(GESTURES)
        assert "other/kick" in merged.classes
        assert start.row_of("other/kick") == start.row_of("kick")
        assert start.row_of("clapping") is None
        kept = own_labels(pieces, start, keep=True)
        assert kept.names[: len(start.info.labels)] == tuple(label.name for label in start.info.labels)
        assert own_labels(pieces, None, keep=False).classes == merged.names

    def test_sides_change_in_the_mirror(self) -> None:
        assert other_side("turn_left_now") == "turn_right_now"
        assert one_sided(["turn_left", "halt"])
        assert not one_sided(["turn_left", "turn_right", "halt"])

    def test_background_that_looks_like_an_own_action_says_nothing(self, folder: Path) -> None:
        recordings = read_folder(folder)
        pieces = [piece for one in recordings if one.labels == {"opening"} for piece in one.pieces()]
        labels = own_labels(pieces, None, keep=False)
        poses = KeyPoses(pieces, mirrored=False)
        body = next(one for one in recordings if one.labels == {"opening"}).positions
        stream = Stream(body, np.ones(body.shape[:2], np.float32), np.full(len(body), labels.target(REST)), (), "")
        target = poses.doubt(stream, labels).target
        assert (target == labels.target(ANYTHING)).mean() > 0.3
        assert (target[:5] == labels.target(REST)).all()  # stands


def test_a_folder_with_nothing_but_a_beginning_is_forgotten(tmp_path: Path) -> None:
    for name, further in (("failed", "metrics.csv"), ("trained", "checkpoints/last.ckpt")):
        for file in ("config.yaml", further):
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).touch()
        forget(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["trained"]


def fit(monkeypatch: pytest.MonkeyPatch, folder: Path, runs: Path, *options: str) -> None:
    arguments = ["--config", "models/configs/own.yaml", "--data.recordings", str(folder), *options]
    arguments += ["--trainer.logger.init_args.save_dir", str(runs), "--trainer.accelerator", "cpu"]
    monkeypatch.setattr(sys, "argv", ["models", "fit", *arguments, "--trainer.enable_progress_bar", "false"])
    main()


def test_a_run_that_fails_says_why_in_a_line_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        fit(monkeypatch, tmp_path, tmp_path / "runs")
    assert end.value.code == 2
    assert f"models fit: {tmp_path} holds no recordings" in capsys.readouterr().err
    assert not list((tmp_path / "runs" / "own").iterdir())


@pytest.mark.slow
def test_from_recordings_to_a_bundle_that_knows_more_than_before(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = ["--trainer.max_epochs=1", "--data.epoch_windows=24", "--data.batch_size=8", "--data.composed=8"]
    fit(monkeypatch, folder, tmp_path / "runs", *tiny, "--data.keep_labels=true")
    output = tmp_path / "mine.onnx"
    run = tmp_path / "runs" / "own" / "version_0"
    command = ["export-stream", "--run", str(run), "--output", str(output), "--name", "mine"]
    monkeypatch.setattr(sys, "argv", ["models", *command])
    main()
    graph, info = split_metadata(output.read_bytes())
    shipped_graph, shipped = split_metadata(BUNDLE.read_bytes())
    known = len(shipped.labels)
    assert info.labels[:known] == shipped.labels  # with their thresholds
    assert [label.name for label in info.labels[known:]] == sorted(GESTURES)
    assert info.data[0].name == "12 own recordings"
    assert info.data[1:] == shipped.data
    # What the bundle said before, it says now: training changed the new rows and nothing else.
    positions, _, _ = gesture("clapping", 9)
    answers = [_logits(blob, positions) for blob in (graph, shipped_graph)]
    np.testing.assert_allclose(answers[0][:, :known], answers[1], atol=2e-3)
    assert np.ptp(answers[0][:, known:]) > 0.1


def _logits(graph: bytes, positions: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """``[T, labels]`` of a stream bundle, step by step."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    states = {
        one.name: np.zeros((1, *one.shape[1:]), np.float32) for one in session.get_inputs() if "state_" in one.name
    }
    names = [one.name for one in session.get_outputs()]
    found = []
    for body in positions:
        given = {"positions": body[None], "confidence": np.ones((1, len(body)), np.float32), **states}
        said = dict(zip(names, session.run(names, given), strict=True))
        states = {name: said[name.removesuffix("_in") + "_out"] for name in states}
        found.append(said["logits"][0])
    return np.stack(found)


def test_batches_of_own_data_hold_the_gestures_and_rest(folder: Path) -> None:
    data = OwnData(folder, bundle=None, composed=6, epoch_windows=16, batch_size=8)
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch.positions.shape == (8, 80, 13, 3)
    assert torch.isfinite(batch.positions).all()
    told = {data.labels.targets[number] for number in batch.target.unique().tolist()}
    assert told & set(GESTURES)
    assert REST in told
    assert data.clips("val")[0].positions.shape[0] > RATE_HZ
