"""Continuous sets as recordings: truth and skeletons survive the way through the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from csre_ros.evaluation import NOTHING, Interval, intervals_of_runs
from csre_ros.sources import SourceFrame, open_source
from models.data.continuous import ContinuousRecording, read_continuous
from models.data.labels import read_labels
from models.data.stream_files import part_of, streams, write_recording
from tests.models.conftest import standing

ROOT = Path(__file__).parents[2]


def frames_of(path: Path) -> list[SourceFrame]:
    with open_source(str(path)) as source:
        return list(source)


def made_up(subject: int = 2, source: str = "utkinect") -> ContinuousRecording:
    """Six uneven frames; a joint of the second is not seen."""
    positions = standing(6)
    confidence = np.ones(positions.shape[:2], np.float32)
    confidence[1, 3], positions[1, 3] = 0, 0
    stamps = np.array([0.0, 0.1, 0.25, 0.3, 0.5, 0.6])
    truth = (Interval("walk", 0.1, 0.3), Interval("pull", 0.3, 0.5))
    return ContinuousRecording(stamps, positions, confidence, truth, subject, source, "s02_e01")


def test_a_recording_keeps_stamps_truth_and_skeletons(tmp_path: Path) -> None:
    one = made_up()
    write_recording(one, tmp_path / "one.mcap")
    frames = frames_of(tmp_path / "one.mcap")
    stamps = np.array([frame.stamp_ns for frame in frames]) / 1e9
    np.testing.assert_allclose(stamps - 1, one.stamps)
    assert [frame.label for frame in frames] == ["", "walk", "walk", "pull", "", ""]
    spans = intervals_of_runs(stamps, [frame.label or "" for frame in frames])
    assert spans == [Interval("walk", 1.1, 1.3), Interval("pull", 1.3, 1.5)]
    for frame, positions, confidence in zip(frames, one.positions, one.confidence, strict=True):
        (person,) = frame.skeletons or ()
        np.testing.assert_array_equal(person.confidence, confidence)
        np.testing.assert_array_equal(np.nan_to_num(person.positions), positions)


def test_even_subjects_are_for_the_test() -> None:
    parts = {subject: part_of(made_up(subject)) for subject in range(1, 11)}
    assert {subject for subject, part in parts.items() if part == "test"} == {2, 4, 6, 8, 10}
    assert [subject for subject, part in parts.items() if part == "val"] == [9]
    assert part_of(made_up(7, "precog")) == "val"


@pytest.mark.slow
def test_precog_is_written_whole_and_never_twice(shared_data: Path, tmp_path: Path) -> None:
    said = streams("precog", tmp_path, shared_data)
    assert said.startswith("48 recordings with 241 actions in 6.8 minutes")
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.mcap"))
    assert len(files) == 48
    assert "test/precog_s02_stream01.mcap" in files
    (one,) = (one for one in read_continuous("precog", shared_data) if one.name == "stream01")
    frames = frames_of(tmp_path / "test/precog_s02_stream01.mcap")
    spans = intervals_of_runs([frame.stamp_ns / 1e9 - 1 for frame in frames], [frame.label or "" for frame in frames])
    for ours, theirs in zip(spans, one.truth, strict=True):
        assert ours.label == theirs.label
        np.testing.assert_allclose(ours[1:], theirs[1:], atol=1e-6)
    with pytest.raises(FileExistsError, match="never overwritten"):
        streams("precog", tmp_path, shared_data)


@pytest.mark.parametrize("name", ["utkinect", "precog"])
def test_the_files_of_words_say_what_the_label_table_says(name: str) -> None:
    words = yaml.safe_load((ROOT / "config" / f"words_{name}.yaml").read_text())
    labels = read_labels(ROOT / "models/configs/labels_live.yaml")
    table = {action: labels.of(name, action) for action in labels.sources[name] if action not in NOTHING}
    assert words == {action: "none" if label in NOTHING else label for action, label in table.items()}
