"""The official files of the Kinect sets give the same clips as the shared form; damaged ones are refused."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from models.data.clips import DATA_SETS, Clip, read_clips
from models.data.official.msr import UNUSED
from models.data.report import LoadReport

ARCHIVES = {
    "nw_ucla": "nw-ucla-all_sqe.tar.xz",
    "utd_mhad": "utd-mhad-skeleton.tar.xz",
    "msr_action3d": "msr-action3d.tar.xz",
    "utkinect": "utkinect.tar.xz",
}


def read(name: str, root: Path) -> tuple[list[Clip], LoadReport]:
    """Clips and report of a data set."""
    report = LoadReport(name)
    return read_clips(name, root, report=report), report


def folder(name: str, root: Path) -> Path:
    """The empty folder of the official form."""
    path = root / DATA_SETS[name].official
    path.mkdir()
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHIVES)
def test_real_files_equal_the_shared_form(name: str, shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "raw" / ARCHIVES[name]) as files:
        files.extractall(tmp_path, filter="data")
    official, report = read(name, tmp_path)
    shared = read_clips(name, shared_data)
    assert len(official) == len(shared)
    for ours, theirs in zip(official, shared, strict=True):
        assert [getattr(ours, key) for key in ("name", "label", "subject", "split", "rate")] == [
            getattr(theirs, key) for key in ("name", "label", "subject", "split", "rate")
        ]
        np.testing.assert_array_equal(ours.positions, theirs.positions)
        np.testing.assert_array_equal(ours.confidence, theirs.confidence)
    counts = {remark: len(clips) for remark, clips in report.remarks.items()}
    assert (
        counts
        == {
            "nw_ucla": {"one frame, kept": 2},
            "utd_mhad": {},
            "msr_action3d": {"not in the protocol, left out": 10, "frames of zeros, taken as not seen": 13},
            "utkinect": {"no range in the label file, left out": 1},
        }[name]
    )


def write_ucla(folder: Path, name: str = "a01_s01_e00_v01", **changes: object) -> Path:
    """One file of ``all_sqe``, two frames long."""
    frames = np.arange(1, 121, dtype=float).reshape(2, 20, 3)
    content = {"file_name": name, "skeletons": frames.tolist(), "label": 1} | changes
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return path


def test_ucla_splits_by_view_and_sorts_by_number(tmp_path: Path) -> None:
    sequences = folder("nw_ucla", tmp_path)
    for name in ("a08_s10_e00_v03", "a08_s02_e00_v01", "a08_s02_e00_v02"):
        write_ucla(sequences, name, label=7)
    clips, report = read("nw_ucla", tmp_path)
    assert [(clip.name, clip.split, clip.subject, clip.label) for clip in clips] == [
        ("a08_s02_e00_v01", "train", 2, "donning"),
        ("a08_s02_e00_v02", "train", 2, "donning"),
        ("a08_s10_e00_v03", "test", 10, "donning"),
    ]
    np.testing.assert_array_equal(clips[0].positions[0, 0], (-1, -2, 3))
    assert "nw_ucla: clips found where 1484 were published: 3 (a08_s02_e00_v01, " in str(report)


def test_what_is_counted(tmp_path: Path) -> None:
    sequences = folder("nw_ucla", tmp_path)
    ones = np.ones((3, 20, 3))
    nan, zero_frame = ones.copy(), ones.copy()
    nan[1, 4] = np.nan
    zero_frame[0] = 0
    for episode, frames in enumerate((ones[:1], ones * 0, nan, zero_frame)):
        write_ucla(sequences, f"a01_s01_e0{episode}_v01", skeletons=frames.tolist())
    clips, report = read("nw_ucla", tmp_path)
    assert [clip.name[8:11] for clip in clips] == ["e00", "e02", "e03"]
    del report.remarks["clips found where 1484 were published"]
    assert report.remarks == {
        "one frame, kept": ["a01_s01_e00_v01"],
        "nothing but zeros, left out": ["a01_s01_e01_v01"],
        "joints that are not finite, taken as not seen": ["a01_s01_e02_v01"],
        "frames of zeros, taken as not seen": ["a01_s01_e03_v01"],
    }
    assert clips[1].confidence.sum() == 59
    assert clips[1].confidence[1, 4] == 0
    assert (clips[1].positions[1, 4] == 0).all()
    assert clips[2].confidence.sum() == 40


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_text(path.read_text()[:200]), r"a01_s01_e00_v01.json is not complete JSON.*again"),
        (lambda path: path.write_text("{}"), r"a01_s01_e00_v01.json is not a clip of NW-UCLA \(KeyError\('skel"),
        (lambda path: write_ucla(path.parent, label=11), r"v01.json has label 11, but the classes .* 1 to 10; take"),
        (lambda path: write_ucla(path.parent, label=0), r"v01.json has label 0, but"),
        (lambda path: write_ucla(path.parent, label=7), r"v01.json is action 1 by its name and 8 by its label 7; extr"),
        (lambda path: path.rename(path.with_name("a07_s1_e1_v1.json")), r"action 7 by its name and 1 by its label 1"),
        (lambda path: write_ucla(path.parent, skeletons=[[[1, 2]] * 20]), r"shape \(1, 20, 2\), not \[T, 20, 3\]"),
        (lambda path: write_ucla(path.parent, skeletons=[]), r"shape \(0,\), not"),
        (lambda path: path.rename(path.with_name("a_s1_e1_v1.json")), r"a_s1_e1_v1.json is not named like"),
    ],
)
def test_damaged_ucla_is_refused(damage, message: str, tmp_path: Path) -> None:
    damage(write_ucla(folder("nw_ucla", tmp_path)))
    with pytest.raises(ValueError, match=message):
        read("nw_ucla", tmp_path)


def test_utd(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).normal(size=(20, 3, 5))
    savemat(folder("utd_mhad", tmp_path) / "a23_s2_t1_skeleton.mat", {"d_skel": frames})
    (clip,), _ = read("utd_mhad", tmp_path)
    assert (clip.name, clip.label, clip.subject, clip.split, len(clip)) == ("a23_s2_t1", "walk", 2, "test", 5)
    # hip_center is the fourth joint of the file and the first of ours.
    np.testing.assert_allclose(clip.positions[:, 0], frames[3].T * (-1, -1, 1), rtol=1e-6)


def test_damaged_utd_is_refused(tmp_path: Path) -> None:
    path = folder("utd_mhad", tmp_path) / "a23_s2_t1_skeleton.mat"
    savemat(path, {"d_skel": np.ones((20, 3, 5))})
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(ValueError, match=r"a23_s2_t1_skeleton.mat cannot be read .*; extract the archive again"):
        read("utd_mhad", tmp_path)
    savemat(path, {"d_skel": np.ones((25, 3, 5))})
    with pytest.raises(ValueError, match=r"d_skel of shape \(25, 3, 5\), not \[20, 3, T\]"):
        read("utd_mhad", tmp_path)
    savemat(path, {"d_skel": np.ones((20, 3, 5))})
    path.rename(path.with_name("a28_s2_t1_skeleton.mat"))
    with pytest.raises(ValueError, match=r"a28_s2_t1_skeleton.mat has label 28, but the classes are numbered 1 to 27"):
        read("utd_mhad", tmp_path)


def test_msr(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).normal(size=(4 * 20, 4)).round(3)
    coordinates = folder("msr_action3d", tmp_path)
    for name in ("a16_s03_e02", min(UNUSED)):
        np.savetxt(coordinates / f"{name}_skeleton3D.txt", frames, fmt="%.3f")
    (clip,), report = read("msr_action3d", tmp_path)
    assert (clip.name, clip.label, clip.subject, clip.split, len(clip)) == ("a16_s03_e02", "jogging", 3, "train", 4)
    np.testing.assert_allclose(clip.positions[1, 3], frames[20 + 19, :3] * (-1, -1, 1), rtol=1e-6)  # the head is last
    assert report.remarks["not in the protocol, left out"] == [min(UNUSED)]


@pytest.mark.parametrize(("text", "message"), [("1 2 3\n" * 26, "78 numbers, which is no"), ("1 x", "than numbers")])
def test_damaged_msr_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (folder("msr_action3d", tmp_path) / "a16_s03_e02_skeleton3D.txt").write_text(text)
    with pytest.raises(ValueError, match=rf"a16_s03_e02_skeleton3D.txt holds .*{message}"):
        read("msr_action3d", tmp_path)


LABELS = "s01_e01\nwalk: 10 14\ncarry:  NaN NaN\ns09_e01\npush: 1 2\n"


@pytest.fixture
def utkinect(tmp_path: Path) -> Path:
    """A recording of frames 8, 10, 12, 12, 14, 16 and the label file."""
    index = np.array([8, 10, 12, 12, 14, 16])
    rows = np.column_stack((index, np.random.default_rng(0).normal(size=(6, 60))))
    joints = folder("utkinect", tmp_path)
    np.savetxt(joints / "joints_s01_e01.txt", rows)
    (joints / "actionLabel_modified.txt").write_text(LABELS)
    return joints


def test_utkinect_is_cut_by_frame_number(utkinect: Path) -> None:
    (clip,), report = read("utkinect", utkinect.parent)
    rows = np.loadtxt(utkinect / "joints_s01_e01.txt")
    assert (clip.name, clip.label, clip.subject, clip.split) == ("s01_e01_walk", "walk", 1, "")
    expected = rows[[1, 2, 4], 1:].reshape(3, 20, 3) * (-1, -1, 1)  # frame 12 counts once
    np.testing.assert_allclose(clip.positions, expected, rtol=1e-6)
    assert report.remarks["no range in the label file, left out"] == ["s01_e01_carry"]
    assert report.remarks["recording not there, left out"] == ["s09_e01_push"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("actionLabel_modified.txt", "s01_e01\nwalk: 900 950", r"joints_s01_e01.txt has no frame 900 to 950"),
        ("actionLabel_modified.txt", "s01_e01\ndance: 1 5", r"line 2: 'dance: 1 5' is no 'action: first last'"),
        ("actionLabel_modified.txt", "walk: 1 5", r"line 1: 'walk: 1 5'"),
        ("joints_s01_e01.txt", "8 1 2 3\n", r"joints_s01_e01.txt has 4 numbers per row"),
        ("joints_s01_e01.txt", "8 1 2 3\n9 1", r"joints_s01_e01.txt is cut off"),
    ],
)
def test_damaged_utkinect_is_refused(file: str, text: str, message: str, utkinect: Path) -> None:
    (utkinect / file).write_text(text)
    with pytest.raises(ValueError, match=message):
        read("utkinect", utkinect.parent)


@pytest.mark.parametrize("name", ARCHIVES)
def test_missing_files_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"\.npz does not exist; point --data.root at the folder that holds"):
        read(name, tmp_path)
    folder(name, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"holds no .*; give the folder of the extracted"):
        read(name, tmp_path)


def test_the_shared_form_comes_first(mini_root: Path, tmp_path: Path) -> None:
    folder("utd_mhad", tmp_path)
    (tmp_path / "utd_mhad.npz").symlink_to(mini_root / "utd_mhad.npz")
    assert len(read_clips("utd_mhad", tmp_path)) == 64


def test_remarks_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_ucla(folder("nw_ucla", tmp_path))
    read_clips("nw_ucla", tmp_path)
    assert caplog.messages == ["nw_ucla: clips found where 1484 were published: 1 (a01_s01_e00_v01)"]
