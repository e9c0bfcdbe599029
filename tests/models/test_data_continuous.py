"""Continuous recordings: real ones keep their time and their truth, damaged ones are refused."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from csre_ros.evaluation import Interval, merged
from csre_ros.skeleton import get_layout
from models.data.clips import read_clips
from models.data.continuous import read_continuous
from models.data.report import LoadReport

KINECT = get_layout("kinect20")


def test_utkinect_counts_sixtieths_of_a_second(shared_data: Path) -> None:
    report = LoadReport("utkinect")
    streams = read_continuous("utkinect", shared_data, report=report)
    assert len(streams) == 20
    assert set(report.remarks) == {"no range in the label file, left out"}
    first = streams[0]
    assert (first.name, first.subject, first.positions.shape[1:]) == ("s01_e01", 1, (20, 3))
    # The label file says "walk: 252 390", "push: 1686 1748", "pull: 1640 1686"; the recording begins with frame 190.
    assert first.truth[0] == Interval("walk", 62 / 60, 200 / 60)
    assert [interval.label for interval in first.truth[6:8]] == ["pull", "push"]
    assert sum(len(one.truth) for one in streams if one.subject % 2 == 0) == 99
    assert sum(one.seconds for one in streams if one.subject % 2 == 0) == pytest.approx(538.5, abs=0.1)
    for one in streams:
        assert (np.diff(one.stamps) > 0).all()
        assert one.stamps[0] == 0.0


def test_utkinect_streams_hold_the_frames_of_the_clips(shared_data: Path) -> None:
    streams = {one.name: one for one in read_continuous("utkinect", shared_data)}
    clips = read_clips("utkinect", shared_data)
    for clip in clips[::17]:
        stream = streams[clip.name[:7]]
        (truth,) = (one for one in stream.truth if one.label == clip.label)
        inside = (stream.stamps >= truth.start - 1e-9) & (stream.stamps <= truth.end + 1e-9)
        np.testing.assert_array_equal(stream.positions[inside], clip.positions)


def test_precog_keeps_its_frame_labels(shared_data: Path) -> None:
    streams = read_continuous("precog", shared_data)
    assert len(streams) == 48
    assert {one.subject for one in streams} == set(range(1, 9))
    first = streams[0]
    assert first.truth[0] == Interval("right punch", 37 / 30, 74 / 30)
    assert all(one.positions[:, KINECT.index["head"], 1].mean() < one.positions[:, 0, 1].mean() for one in streams)
    even = [one for one in streams if one.subject % 2 == 0]
    assert sum(len(one.truth) for one in even) == 120
    blows = [merged(t._replace(label="kick" if "kick" in t.label else "punch") for t in one.truth) for one in even]
    assert sum(map(len, blows)) == 104


def test_another_layout_may_be_asked_for(shared_data: Path) -> None:
    (one, *_) = read_continuous("precog", shared_data, get_layout("kinect20"))
    assert one.positions.shape[1] == len(KINECT)
    assert one.confidence.shape == one.positions.shape[:2]


def write_utkinect(root: Path, rows: list[list[float]], labels: str) -> None:
    """A folder ``joints`` with one recording."""
    folder = root / "joints"
    folder.mkdir()
    np.savetxt(folder / "joints_s01_e01.txt", rows)
    (folder / "actionLabel_modified.txt").write_text(labels)


def row(number: int, value: float = 1.0) -> list[float]:
    """A frame number and 60 coordinates."""
    return [number, *np.full(60, value)]


def test_repeated_frames_count_once_and_zero_frames_are_a_gap(tmp_path: Path) -> None:
    rows = [row(100), row(104), row(104), row(108, 0.0), row(112)]
    write_utkinect(tmp_path, rows, "s01_e01\nwalk: 104 112\ncarry: NaN NaN\n")
    report = LoadReport("utkinect")
    (one,) = read_continuous("utkinect", tmp_path, report=report)
    np.testing.assert_allclose(one.stamps, [0, 4 / 60, 12 / 60])
    assert one.truth == (Interval("walk", 4 / 60, 12 / 60),)
    assert report.remarks == {
        "no range in the label file, left out": ["s01_e01_carry"],
        "frames of zeros, taken as not seen": ["s01_e01"],
    }


def test_a_recording_of_zeros_is_left_out(tmp_path: Path) -> None:
    write_utkinect(tmp_path, [row(1, 0.0), row(5, 0.0)], "s01_e01\nwalk: 1 5\n")
    assert read_continuous("utkinect", tmp_path, report=LoadReport("utkinect")) == []


def test_missing_and_damaged_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no continuous data set 'utd_mhad'; choose one of: utkinect, precog"):
        read_continuous("utd_mhad", tmp_path)
    for name in ("utkinect", "precog"):
        with pytest.raises(FileNotFoundError, match="point --root at the folder"):
            read_continuous(name, tmp_path)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/utkinect.tar.xz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be read"):
        read_continuous("utkinect", tmp_path)
    with tarfile.open(tmp_path / "raw/utkinect.tar.xz", "w:xz"):
        pass
    with pytest.raises(FileNotFoundError, match="joints_s"):
        read_continuous("utkinect", tmp_path)
