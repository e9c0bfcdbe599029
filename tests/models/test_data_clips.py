"""Reading the public data sets: joints, axes, cuts, what was not seen, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pytest

from csre_ros.skeleton import get_layout
from models.data.clips import DATA_SETS, Clip, read_clips, read_desk_clips

KINECT = get_layout("kinect20")
J = KINECT.index

Rewrite = Callable[..., Path]


@pytest.fixture
def rewrite(mini_root: Path, tmp_path: Path) -> Rewrite:
    """A function that writes the miniature UTD-MHAD again with some arrays changed, or left out where None."""

    def write(**changes: np.ndarray | None) -> Path:
        with np.load(mini_root / "utd_mhad.npz") as data:
            arrays = dict(data) | changes
        np.savez(tmp_path / "utd_mhad.npz", **{key: value for key, value in arrays.items() if value is not None})
        return tmp_path

    return write


def test_the_mini_set_reads_back(mini_root: Path, make_clip: Callable[..., Clip]) -> None:
    clips = read_clips("utd_mhad", mini_root)
    assert len(clips) == 64
    squat = next(clip for clip in clips if clip.name == "3_5_2")
    expected = make_clip("squat", 5, 2)
    np.testing.assert_array_equal(squat.positions, expected.positions)
    assert (squat.label, squat.subject, squat.split, squat.rate) == ("squat", 5, "train", 30.0)
    assert squat.seconds == len(expected) / 30


def test_joints_are_found_by_name(mini_root: Path, rewrite: Rewrite) -> None:
    with np.load(mini_root / "utd_mhad.npz") as data:
        shuffled = np.random.default_rng(0).permutation(20)
        root = rewrite(joint=data["joint"][shuffled], frames=data["frames"][:, shuffled])
    for found, expected in zip(read_clips("utd_mhad", root), read_clips("utd_mhad", mini_root), strict=True):
        np.testing.assert_array_equal(found.positions, expected.positions)


def test_without_names_the_order_is_the_sdk_s(mini_root: Path, rewrite: Rewrite) -> None:
    clips = read_clips("utd_mhad", rewrite(joint=None))
    np.testing.assert_array_equal(clips[0].positions, read_clips("utd_mhad", mini_root)[0].positions)


def test_what_was_not_seen(mini_root: Path, rewrite: Rewrite) -> None:
    """An all-zero frame, one joint at zero, one joint that is not finite, and a clip of zeros."""
    with np.load(mini_root / "utd_mhad.npz") as data:
        frames, offset, length = data["frames"].copy(), data["offset"], data["length"]
    frames[offset[0] + 3] = 0
    frames[offset[0] + 4, J["left_wrist"]] = 0
    frames[offset[0] + 5, J["head"], 1] = np.nan
    frames[offset[1] : offset[1] + length[1]] = 0
    clips = read_clips("utd_mhad", rewrite(frames=frames))
    assert len(clips) == 63
    assert clips[1].name == "0_2_1"
    first = clips[0]
    expected = np.ones_like(first.confidence)
    expected[3] = 0
    expected[4, J["left_wrist"]] = expected[5, J["head"]] = 0
    np.testing.assert_array_equal(first.confidence, expected)
    assert (first.positions[expected == 0] == 0).all()
    assert np.isfinite(first.positions).all()


def test_streams_are_cut_where_the_label_changes(tmp_path: Path) -> None:
    labels = np.array([0, 0, 1, 1, 1, 0, 2, 2], np.int8)  # two streams: 5 and 3 frames
    np.savez(
        tmp_path / "precog_streams.npz",
        frames=np.arange(1, 8 * 60 + 1, dtype=np.float32).reshape(8, 20, 3),
        frame_label=labels,
        offset=np.array([0, 5]),
        length=np.array([5, 3]),
        subject=np.array([1, 4]),
        class_name=np.array(["none", "right punch", "left punch"]),
    )
    clips = read_clips("precog", tmp_path)
    assert [(clip.label, len(clip), clip.subject, clip.split) for clip in clips] == [
        ("none", 2, 1, ""), ("right punch", 3, 1, ""), ("none", 1, 4, ""), ("left punch", 2, 4, "")
    ]  # fmt: skip
    assert len({clip.name for clip in clips}) == 4
    together = np.concatenate([clip.positions for clip in clips]) * (-1, -1, 1)
    np.testing.assert_array_equal(together.ravel(), np.arange(1, 8 * 60 + 1))


def test_unknown_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown data set 'ntu'.*utd_mhad"):
        read_clips("ntu", tmp_path)


@pytest.mark.parametrize("read", [lambda root: read_clips("nw_ucla", root), read_desk_clips])
def test_missing_file_names_the_option(read: Callable[[Path], list[Clip]], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"\.npz does not exist; point --data.root at the folder"):
        read(tmp_path)


def test_missing_joints_are_named(mini_root: Path, rewrite: Rewrite) -> None:
    with np.load(mini_root / "utd_mhad.npz") as data:
        keep = [i for i, joint in enumerate(data["joint"]) if joint != "ankle_left"]
        root = rewrite(joint=data["joint"][keep], frames=data["frames"][:, keep])
    with pytest.raises(ValueError, match=r"utd_mhad.npz lacks the joints \['left_ankle'\] of 'kinect20'"):
        read_clips("utd_mhad", root)


def changed(key: str, index: int, value: object) -> Callable[[dict[str, np.ndarray]], None]:
    """Damage that puts one value into an array."""

    def damage(arrays: dict[str, np.ndarray]) -> None:
        arrays[key] = arrays[key].copy()
        arrays[key][index] = value

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (changed("label", 5, 0), r"label\[5\] is 0, not 1 to 4; write"),
        (changed("label", 5, -3), r"label\[5\] is -3, not 1 to 4"),
        (changed("label", 5, 99), r"label\[5\] is 99, not 1 to 4"),
        (changed("split", 2, "trian"), r"split\[2\] is 'trian', not one of: train, test"),
        (changed("offset", 0, -1), r"offset\[0\] is -1, not 0 or more"),
        (changed("length", 3, 0), r"length\[3\] is 0, not 1 or more"),
        (lambda arrays: arrays.update(frames=arrays["frames"][:-20]), r"offset \+ length\[63\] is \d+, not within the"),
        (
            lambda arrays: arrays.update(frames=arrays["frames"][:, :19]),
            r"frames have shape .*19, 3\), not \[T, 20, 3 or",
        ),
        (lambda arrays: arrays.update(joint=arrays["joint"][:19]), r"20, 3\), not \[T, 19, 3 or 4\]"),
        (lambda arrays: arrays.update(frames=arrays["frames"][..., :2]), r"20, 2\), not"),
        (lambda arrays: arrays.update(subject=arrays["subject"][:-1]), r"subject has shape \(63,\) for 64 sequences"),
        (lambda arrays: arrays.update(label=arrays["label"] * 1.0), r"label holds float64, not integers"),
        (lambda arrays: arrays.pop("offset"), r"lacks the arrays \['offset'\]"),
        (lambda arrays: arrays.pop("label"), r"lacks the arrays \['label'\]"),
    ],
)
def test_damaged_arrays_are_refused(
    damage: Callable[[dict[str, np.ndarray]], object], message: str, mini_root: Path, tmp_path: Path
) -> None:
    with np.load(mini_root / "utd_mhad.npz") as data:
        arrays = dict(data)
    damage(arrays)
    np.savez(tmp_path / "utd_mhad.npz", **arrays)
    with pytest.raises(ValueError, match=rf"utd_mhad\.npz.* {message}"):
        read_clips("utd_mhad", tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame_label": np.array([0, 0, -1])}, r"frame_label\[2\] is -1, not 0 to 1"),
        ({"frame_label": np.array([0, 2, 0])}, r"frame_label\[1\] is 2, not 0 to 1"),
        ({"frame_label": np.array([0, 0])}, r"frame_label has shape \(2,\) for 3 frames"),
    ],
)
def test_damaged_streams_are_refused(changes: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    arrays = {
        "frames": np.ones((3, 20, 3), np.float32),
        "offset": np.array([0]),
        "length": np.array([3]),
        "subject": np.array([1]),
        "class_name": np.array(["none", "right punch"]),
    }
    np.savez(tmp_path / "precog_streams.npz", **arrays, **changes)
    with pytest.raises(ValueError, match=rf"precog_streams\.npz: {message}"):
        read_clips("precog", tmp_path)


@pytest.mark.parametrize("keep", [0, 100, 5000])
@pytest.mark.parametrize("file", ["utd_mhad.npz", "mediapipe_16words.npz"])
def test_cut_off_files_are_refused(file: str, keep: int, mini_root: Path, tmp_path: Path) -> None:
    (tmp_path / file).write_bytes((mini_root / file).read_bytes()[:keep])
    read = read_desk_clips if file.startswith("mediapipe") else partial(read_clips, "utd_mhad")
    with pytest.raises(ValueError, match=rf"{file} cannot be read \(.*; copy it again"):
        read(tmp_path)


def test_damaged_desk_clips_are_refused(mini_root: Path, tmp_path: Path) -> None:
    with np.load(mini_root / "mediapipe_16words.npz") as data:
        arrays = dict(data)
    np.savez(tmp_path / "mediapipe_16words.npz", **(arrays | {"frames": arrays["frames"][..., :3]}))
    with pytest.raises(ValueError, match=r"16words\.npz: frames have shape \(300, 33, 3\), not \[T, 33, 4\]"):
        read_desk_clips(tmp_path)


def test_desk_clips_are_scaled_to_an_adult(tmp_path: Path) -> None:
    layout = get_layout("mediapipe33")
    frames = np.random.default_rng(0).uniform(0, 1, (4, 33, 4)).astype(np.float32)
    left, right = layout.index["left_shoulder"], layout.index["right_shoulder"]
    frames[:, left, :2], frames[:, right, :2] = (0.6, 0.5), (0.3, 0.5)
    frames[0, 0, 3] = 1.02  # visibilities overshoot
    np.savez(
        tmp_path / "mediapipe_16words.npz",
        frames=frames, offset=np.array([0]), length=np.array([4]), label=np.array(["hello"]),
    )  # fmt: skip
    (clip,) = read_desk_clips(tmp_path)
    widths = np.linalg.norm(clip.positions[:, left, :2] - clip.positions[:, right, :2], axis=-1)
    np.testing.assert_allclose(widths, 0.36, atol=1e-6)
    # One pixel is as wide as high: 0.3 of a 4:3 picture's width is 0.4 of its height.
    np.testing.assert_allclose(clip.positions[..., 1], frames[..., 1] * 0.36 / 0.4, rtol=1e-5)
    np.testing.assert_allclose(clip.positions[..., 0], frames[..., 0] * 4 / 3 * 0.36 / 0.4, rtol=1e-5)
    assert clip.confidence.max() == 1.0


# --- the real recordings ---


@pytest.mark.parametrize("name", DATA_SETS)
def test_real_axes(name: str, shared_data: Path) -> None:
    """y points down, z forward, and the own left of people who face the camera is at larger x."""
    clips = read_clips(name, shared_data)
    positions = np.concatenate([clip.positions for clip in clips])[np.concatenate([c.confidence.all(1) for c in clips])]
    assert (positions[:, J["head"], 1] < positions[:, J["left_ankle"], 1] - 0.5).mean() > 0.98
    assert (positions[..., 2] > 0.5).all()
    assert (positions[:, J["left_shoulder"], 0] > positions[:, J["right_shoulder"], 0]).mean() > 0.95


def travel(clip: Clip, joint: str) -> float:
    """Metres that a joint moves against the chest."""
    path = clip.positions[clip.confidence.all(1)]
    path = path[:, J[joint]] - path[:, J["spine_shoulder"]]
    return float(np.linalg.norm(np.diff(path, axis=0), axis=-1).sum())


@pytest.mark.parametrize(
    ("name", "label", "side"),
    [
        ("utd_mhad", "wave", "right"),
        ("utd_mhad", "throw", "right"),
        ("msr_action3d", "high arm wave", "right"),
        ("utkinect", "push", "right"),
        ("precog", "right punch", "right"),
        ("precog", "left punch", "left"),
    ],
)
def test_real_one_handed_actions_move_that_hand(name: str, label: str, side: str, shared_data: Path) -> None:
    clips = [clip for clip in read_clips(name, shared_data) if clip.label == label]
    right = np.mean([travel(clip, "right_wrist") > travel(clip, "left_wrist") for clip in clips])
    assert len(clips) >= 20
    assert (right if side == "right" else 1 - right) > 0.8


def test_real_swipes_go_to_the_person_s_own_side(shared_data: Path) -> None:
    """The fastest half second of a swipe to the left goes to larger x."""
    share = {}
    for label in ("swipe_left", "swipe_right"):
        sweeps = []
        for clip in read_clips("utd_mhad", shared_data):
            if clip.label == label:
                x = clip.positions[:, J["right_wrist"], 0] - clip.positions[:, J["spine_shoulder"], 0]
                step = x[15:] - x[:-15]
                sweeps.append(step[np.abs(step).argmax()] > 0)
        share[label] = np.mean(sweeps)
    assert share["swipe_left"] > 0.8
    assert share["swipe_right"] < 0.2


@pytest.mark.slow
def test_real_counts(shared_data: Path) -> None:
    expected = {"utd_mhad": 861, "msr_action3d": 557, "nw_ucla": 1484, "utkinect": 199}
    assert {name: len(read_clips(name, shared_data)) for name in expected} == expected
    splits = [clip.split for clip in read_clips("msr_action3d", shared_data)]
    assert (splits.count("train"), splits.count("test")) == (284, 273)
    precog = read_clips("precog", shared_data)
    assert sum(map(len, precog)) == 12269
    neighbours = groupby(precog, key=lambda clip: clip.name[:8])
    assert all(before.label != after.label for _, stream in neighbours for before, after in pairwise(stream))


def test_real_zero_frames_are_not_seen(shared_data: Path) -> None:
    unseen = [~clip.confidence.any(1) for clip in read_clips("msr_action3d", shared_data)]
    assert sum(frames.any() for frames in unseen) >= 10
    assert not any(frames.all() for frames in unseen)


def test_real_desk_clips(shared_data: Path) -> None:
    """A seated person: shoulders below the head, hips and ankles that nobody saw."""
    clips = read_desk_clips(shared_data)
    joint = get_layout("mediapipe33").index
    positions, confidence = (np.concatenate([getattr(c, key) for c in clips]) for key in ("positions", "confidence"))
    assert len(clips) == 800
    assert (positions[:, joint["nose"], 1] < positions[:, joint["left_shoulder"], 1]).mean() > 0.98
    assert (positions[:, joint["left_shoulder"], 0] > positions[:, joint["right_shoulder"], 0]).mean() > 0.98
    assert np.median(confidence[:, joint["left_ankle"]]) < 0.1
