"""Files of labelled streams: read as they are, or refused in words that say what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from csre_ros.skeleton import get_layout
from csre_ros.skeleton.kinect import KINECT_JOINTS
from csre_ros.sources.stream_arrays import read_stream_arrays


def write(path: Path, **changes: object) -> Path:
    """Two streams of three and two frames; the second frame of the first is zero."""
    frames = np.arange(1, 301, dtype=np.float32).reshape(5, 20, 3)
    frames[1] = 0
    content = {
        "frames": frames,
        "offset": np.array([0, 3]),
        "length": np.array([3, 2]),
        "subject": np.array([4, 5]),
        "frame_label": np.array([0, 1, 1, 0, 0], np.int8),
        "class_name": np.array(["none", "kick"]),
        "joint": np.array(KINECT_JOINTS),
    } | changes
    np.savez(path, **{key: value for key, value in content.items() if value is not None})  # type: ignore[arg-type]
    return path


def test_streams_become_frames_of_skeletons(tmp_path: Path) -> None:
    first, second = read_stream_arrays(write(tmp_path / "two.npz"))
    assert [(one.name, one.subject, one.labels) for one in (first, second)] == [
        ("stream00", 4, ("none", "kick", "kick")),
        ("stream01", 5, ("none", "none")),
    ]
    frames = list(first.skeleton_frames())
    assert [frame.stamp_ns for frame in frames] == [1_000_000_000, 1_033_333_333, 1_066_666_667]
    assert [frame.label for frame in frames] == ["none", "kick", "kick"]
    assert [len(frame.skeletons or ()) for frame in frames] == [1, 0, 1]
    (person,) = frames[0].skeletons or ()
    layout = get_layout("kinect20")
    # hand_left is the eighth joint of the file, at 22, 23, 24; x and y turn round.
    np.testing.assert_array_equal(person.positions[layout.index["left_hand"]], [-22, -23, 24])


def test_without_names_the_order_of_the_sdk_counts(tmp_path: Path) -> None:
    (named, _), (plain, _) = (
        read_stream_arrays(write(tmp_path / f"{joint is None}.npz", joint=joint))
        for joint in (np.array(KINECT_JOINTS), None)
    )
    assert named.joints == plain.joints


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"frame_label": None}, r"holds no streams: it lacks \['frame_label'\]; it has"),
        ({"frame_label": np.array([0, 1, 2, 0, 0])}, r"frame_label\[2\] is 2, not 0 to 1"),
        ({"frame_label": np.array([0, 1])}, r"frame_label \(2,\)"),
        ({"frame_label": np.zeros(5)}, "frame_label holds float64"),
        ({"length": np.array([3, 3])}, r"offset \+ length\[1\] is 6, not at most 5"),
        ({"length": np.array([3, 0])}, r"length\[1\] is 0, not 1 or more"),
        ({"offset": np.array([-1, 3])}, r"offset\[0\] is -1, not 0 or more"),
        ({"subject": np.array([1])}, "give one of each per stream"),
        ({"joint": np.array(KINECT_JOINTS[:19])}, r"not \[T, 19, 3\]"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        read_stream_arrays(write(tmp_path / "wrong.npz", **changes))


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(ValueError, match=r"text\.npz cannot be read"):
        read_stream_arrays(tmp_path / "text.npz")
    with pytest.raises(FileNotFoundError):
        read_stream_arrays(tmp_path / "none.npz")


def test_a_missing_joint_is_named(tmp_path: Path) -> None:
    names = np.array(["tail", *KINECT_JOINTS[1:]])
    (one, _) = read_stream_arrays(write(tmp_path / "tail.npz", joint=names))
    with pytest.raises(ValueError, match=r"stream00 lacks the joints \['pelvis'\] of 'kinect20'"):
        next(one.skeleton_frames())
