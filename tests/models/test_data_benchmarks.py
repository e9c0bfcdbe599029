"""The published protocols of NW-UCLA and NTU RGB+D: splits, slots, sampling, augmentation."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray
from models.data.batch import collate
from models.data.clips import Clip
from models.data.ntu import FILES, Crop, NTUData, resize, validation_rows
from models.data.ntu_arrays import map_array
from models.data.official.ntu import BENCHMARKS, split_names
from models.data.official.ntu_file import parse_name
from models.data.official.ucla import CLASSES
from models.data.protocol import ProtocolData
from models.data.ucla import FOLDS, UCLAData, unit_box, view

LENGTHS = (1, 30, 70)


@pytest.fixture(scope="module")
def ucla_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes, four subjects, two episodes, three views; joint values say where and when they are."""
    root = tmp_path_factory.mktemp("ucla")
    (root / "all_sqe").mkdir()
    for action in range(3):
        for subject in range(1, 5):
            for episode in range(2):
                for camera in (1, 2, 3):
                    # One length per class; view 3 of the second class repeats view 2, byte for byte.
                    seed = (action, subject, episode, 2 if action == 1 and camera == 3 else camera)
                    frames = np.random.default_rng(seed).normal(size=(LENGTHS[action], 20, 3)).round(4)
                    frames[:, 0, 0] = np.arange(1, LENGTHS[action] + 1)  # the pelvis tells the frame
                    name = f"a{action + 1:02d}_s{subject:02d}_e{episode:02d}_v{camera:02d}"
                    content = {"file_name": name, "skeletons": frames.tolist(), "label": action + 1}
                    (root / "all_sqe" / f"{name}.json").write_text(json.dumps(content))
    return root


def frame_numbers(positions: FloatArray, clip: Clip) -> list[int]:
    """Which frames of an unturned clip these are, told by the pelvis."""
    low, high = clip.positions[..., 0].min(), clip.positions[..., 0].max()
    return [round(-((x + 1) / 2 * (high - low) + low)) - 1 for x in positions[:, 0, 0].tolist()]


def published(clip: Clip, yaw_deg: int, pitch_deg: int, frames: list[int]) -> NDArray[np.float64]:
    """The published steps one by one, in double precision: centre, turn, scale at random, box the whole clip, choose.

    The random scale (0.7 here) and the centring cancel against the box, so the module does without.
    """
    data = clip.positions.astype(np.float64)
    data = data - data[0, 1]
    a, b = np.deg2rad((pitch_deg, yaw_deg))
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    data = 0.7 * np.einsum("ij,tvj->tvi", about_x @ about_y, data)
    flat = data.reshape(-1, 3)
    data = (data - flat.min(0)) / (flat.max(0) - flat.min(0)) * 2 - 1
    return data[frames]


def test_ucla_split(ucla_root: Path) -> None:
    data = UCLAData(ucla_root, workers=0)
    assert data.classes == CLASSES
    views = {part: {clip.name[-3:] for clip in data.parts[part].clips} for part in data.parts}
    assert views == {"train": {"v01", "v02"}, "val": {"v01", "v02"}, "test": {"v03"}}
    # 24 performances, of which the 1st, 12th and 23rd validate.
    assert sorted({clip.name[:-4] for clip in data.parts["val"].clips}) == ["a01_s01_e00", "a02_s02_e01", "a03_s04_e00"]
    assert len(data.parts["val"]) == 5  # the second one's view 2 is a test clip, byte for byte
    assert len(data.parts["train"]) == FOLDS * (48 - 6)
    everything = UCLAData(ucla_root, hold_out=False, workers=0)
    assert (len(everything.parts["train"]), len(everything.parts["val"])) == (FOLDS * 48, 5)
    assert everything.identity != data.identity


def test_ucla_clips_own_five_slots(ucla_root: Path) -> None:
    data = UCLAData(ucla_root, workers=0)
    count = len(data.parts["train"]) // FOLDS
    assert torch.equal(data.slot_labels, data.slot_labels[:count].repeat(FOLDS))
    (positions, _, _, _), (again, _, _, slot) = data.parts["train"][0, 20], data.parts["train"][0, 20 + count]
    assert slot == 20 + count
    assert not np.array_equal(positions, again)
    loader = data.train_dataloader()
    assert sorted(index for _, index in loader.sampler) == list(range(FOLDS * count))


def test_ucla_twins(ucla_root: Path) -> None:
    for hold_out in (True, False):
        data = UCLAData(ucla_root, hold_out=hold_out, workers=0)
        own = data.test_subsets["without twins"]
        assert [clip.label == CLASSES[1] for clip in data.parts["test"].clips] == (~own).tolist()


def test_ucla_frames(ucla_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random with repetition and near-uniform in training, evenly spaced and floored in the test; in order in both."""
    monkeypatch.setattr("models.data.ucla.VIEW_DEG", 0)
    data = UCLAData(ucla_root, workers=0)
    train, test = data.parts["train"], data.parts["test"]
    counts = np.zeros(30)
    index = next(i for i, label in enumerate(train.labels) if label == 1)
    for draw in range(200):
        positions, confidence, _, _ = train[draw, index]
        frames = frame_numbers(positions, train.clips[index])
        assert frames == sorted(frames)
        counts += np.bincount(frames, minlength=30)
        assert positions.shape == (52, 20, 3)
        assert (confidence == 1).all()
    expected = 200 * 52 / 30
    assert ((counts - expected) ** 2 / expected).sum() < 60  # chi-squared of 29 degrees: 0.1 % above 58
    for index, label in enumerate(test.labels):
        expected_frames = [i * (LENGTHS[label] - 1) // 51 for i in range(52)]
        assert frame_numbers(test[0, index][0], test.clips[index]) == expected_frames


def test_ucla_is_scaled_over_the_whole_turned_clip(ucla_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sample by sample what the published loader gives, at the same angles and frames."""
    data = UCLAData(ucla_root, steps=6, workers=0)  # so few frames seldom hold the corners of the box
    turns = []

    def noted(yaw_deg: int, pitch_deg: int) -> FloatArray:
        turns.append((yaw_deg, pitch_deg))
        return view(yaw_deg, pitch_deg)

    monkeypatch.setattr("models.data.ucla.view", noted)
    for part, draws in (("train", 40), ("test", 1)):
        dataset = data.parts[part]
        for draw, (index, clip) in product(range(draws), enumerate(dataset.clips[:24:7])):
            turns.clear()
            found = dataset[draw, 7 * index][0]
            yaw, pitch = turns[0] if turns else (0, 0)
            whole = published(clip, yaw, pitch, list(range(len(clip))))
            assert np.abs(whole).max() <= 1 + 1e-9
            distance = np.abs(found[:, None] - whole[None]).max(axis=(2, 3))  # of every sample frame to every frame
            assert distance.min(axis=1).max() < 1e-4
            frames = distance.argmin(axis=1).tolist()
            assert frames == sorted(frames)
            np.testing.assert_allclose(found, published(clip, yaw, pitch, frames), atol=1e-4)


def test_ucla_turns_about_x_and_y(ucla_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whole degrees of up to 60, both alike and independently; nothing is turned afterwards, nor in the test."""
    data = UCLAData(ucla_root, workers=0)
    angles = []
    monkeypatch.setattr("models.data.ucla.view", lambda *turn: angles.append(turn) or view(*turn))
    for draw in range(400):
        data.parts["train"][draw, 9]
    drawn = np.array(angles)
    assert drawn.shape == (400, 2)
    assert np.abs(drawn).max() == 60
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.2
    assert (np.abs(drawn.mean(axis=0)) < 7).all()  # four standard deviations
    angles.clear()
    batch = collate([data.parts["test"][i] for i in range(24)])
    assert not angles
    assert torch.equal(data.augment(batch).positions, batch.positions)


def test_a_box_keeps_what_was_not_seen_in_its_middle() -> None:
    rng = np.random.default_rng(0)
    positions, seen = rng.normal(size=(9, 4, 3)).astype(np.float32), np.ones((9, 4), bool)
    seen[2:5, 1] = False
    positions[~seen], positions[..., 2] = 1e6, 0.5
    boxed = unit_box(positions, seen)
    assert (boxed[~seen] == 0).all()
    assert boxed[seen][:, :2].min(axis=0).tolist() == [-1, -1]
    assert boxed[seen][:, :2].max(axis=0) == pytest.approx(1)
    assert (boxed[..., 2] == 0).all()
    assert (unit_box(positions, np.zeros_like(seen)) == 0).all()


def test_real_ucla(shared_data: Path) -> None:
    data = UCLAData(shared_data, hold_out=False, workers=0)
    assert (len(data.parts["train"]), len(data.parts["test"])) == (5100, 464)
    sizes = data.slot_labels.bincount()
    assert (int(sizes.min()), int(sizes.max())) == (480, 620)
    assert data.test_subsets["without twins"].sum() == 369
    with np.load(shared_data / "nw_ucla.npz") as arrays:
        twins = arrays["twin"][arrays["split"] == "test"]
    np.testing.assert_array_equal(twins == "", data.test_subsets["without twins"])
    held = UCLAData(shared_data, workers=0)
    assert 80 < len(held.parts["val"]) < 110
    assert set(held.parts["val"].labels) == set(range(10))


@pytest.mark.parametrize(("subset", "train", "test"), [("as1", 5, 8), ("as2", 5, 8), ("as3", 5, 8)])
def test_real_msr_subsets(subset: str, train: int, test: int, shared_data: Path) -> None:
    data = ProtocolData("msr_action3d", shared_data, subset=subset, hold_out=False, workers=0)
    assert len(data.classes) == test
    assert {clip.subject for clip in data.parts["train"].clips} == {1, 3, 5, 7, 9}
    assert set(data.parts["test"].labels) == set(range(8))


def test_unknown_subset_is_refused(mini_root: Path) -> None:
    with pytest.raises(ValueError, match="data set 'utd_mhad' has no subset 'as1'; msr_action3d has as1, as2, as3"):
        ProtocolData("utd_mhad", mini_root, subset="as1")


@pytest.mark.parametrize(("left_out", "validates"), [(3, 4), (8, 1)])
def test_one_subject_is_left_out(left_out: int, validates: int, mini_root: Path) -> None:
    data = ProtocolData(root=mini_root, leave_out=left_out, workers=0)
    people = {part: {clip.subject for clip in data.parts[part].clips} for part in data.parts}
    assert people["test"] == {left_out}
    assert people["val"] == {validates}
    assert people["train"] == set(range(1, 9)) - {left_out, validates}
    assert str(left_out) in data.identity
    with pytest.raises(ValueError, match="'utd_mhad' has no subject 9; choose one of: 1, 2, 3, 4, 5, 6, 7, 8"):
        ProtocolData(root=mini_root, leave_out=9)


def test_real_utkinect_without_one_subject(shared_data: Path) -> None:
    data = ProtocolData("utkinect", shared_data, leave_out=10, workers=0)
    assert (len(data.parts["test"]), len(data.classes)) == (19, 10)
    assert sum(map(len, data.parts.values())) == 199


def test_the_test_part_can_be_watched(mini_root: Path) -> None:
    watched = ProtocolData(root=mini_root, watch_test=True, workers=0).val_dataloader()
    assert isinstance(watched, list)
    assert [len(loader.dataset) for loader in watched] == [8, 32]


# --- NTU RGB+D ---

CLIPS = {"train": (40, 100, 300, 0, 1), "test": (40, 5)}


def write_ntu(path: Path, **changes: object) -> None:
    """Clips of the lengths above; the second body is there in the first half of each."""
    arrays = {}
    for part, lengths in CLIPS.items():
        frames = np.random.default_rng(len(lengths)).normal(size=(len(lengths), 300, 2, 25, 3)).astype(np.float32)
        for clip, length in zip(frames, lengths, strict=True):
            clip[length:] = 0
            clip[(length + 1) // 2 :, 1] = 0
        arrays[f"x_{part}"] = frames.reshape(len(lengths), 300, 150)
        arrays[f"y_{part}"] = np.eye(60, dtype=np.float32)[np.arange(len(lengths)) * 7]
    np.savez(path, **(arrays | changes))  # type: ignore[arg-type]


@pytest.fixture
def ntu_root(tmp_path: Path) -> Path:
    write_ntu(tmp_path / FILES["ntu60_xsub"])
    return tmp_path


def test_resize_equals_torch() -> None:
    frames = np.random.default_rng(0).normal(size=(37, 4)).astype(np.float32)
    for steps in (64, 20, 37):
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(frames.T.copy())[None], steps, mode="linear", align_corners=False
        )[0].T
        np.testing.assert_allclose(resize(frames, steps), expected, atol=1e-5)
    np.testing.assert_array_equal(resize(frames[:1], 8), np.repeat(frames[:1], 8, axis=0))


def test_crops() -> None:
    rng = np.random.default_rng(0)
    pieces = [Crop(0.5, 1.0, 64)(200, rng) for _ in range(300)]
    sizes = [piece.stop - piece.start for piece in pieces]
    assert min(sizes) >= 100
    assert max(sizes) <= 200
    assert np.ptp(sizes) > 90
    assert {(piece.start >= 0, piece.stop <= 200) for piece in pieces} == {(True, True)}
    assert len({piece.start for piece in pieces}) > 50
    for length in (1, 40, 64):
        assert Crop(0.5, 1.0, 64)(length, rng) == slice(0, length)  # shorter clips are used as a whole
    assert Crop(0.95, 0.95, 64)(100, rng) == slice(2, 98)
    assert Crop(0.95, 0.95, 64)(1, rng) == slice(0, 1)


def test_maps_are_the_arrays(ntu_root: Path) -> None:
    path = ntu_root / FILES["ntu60_xsub"]
    with np.load(path) as data:
        for key in data.files:
            mapped = map_array(path, key)
            assert isinstance(mapped, np.memmap)
            np.testing.assert_array_equal(mapped, data[key])


def test_ntu_samples(ntu_root: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = NTUData(root=ntu_root, hold_out=False, workers=0)
    assert "nothing but zeros, left out: 1 (train 3)" in caplog.text
    assert "one frame, kept: 1 (train 4)" in caplog.text
    assert data.slot_labels.tolist() == [0, 7, 14, 28]
    assert data.classes[59] == "A060"
    positions, confidence, label, slot = data.parts["test"][0]
    with np.load(ntu_root / FILES["ntu60_xsub"]) as arrays:
        clip = arrays["x_test"][0, 1:39].reshape(38, 2, 25, 3)  # 40 frames without the first and the last
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(clip.reshape(38, 150).T.copy())[None], 64, mode="linear", align_corners=False
    )[0].T.reshape(64, 2, 25, 3) * torch.tensor((-1.0, -1.0, 1.0))
    np.testing.assert_allclose(positions, expected.transpose(0, 1), atol=1e-6)
    assert (confidence[0] == 1).all()
    assert (confidence[1] == (positions[1] != 0).any(-1)).all()
    assert (label, slot) == (0, 0)
    batch = collate([data.parts["test"][0], data.parts["test"][1]])
    assert batch.positions.shape == (2, 2, 64, 25, 3)
    assert batch.confidence.shape == (2, 2, 64, 25)


def test_ntu_holds_out_a_part(ntu_root: Path) -> None:
    data = NTUData(root=ntu_root, workers=0)
    assert len(data.parts["val"]) == 1
    assert len(data.parts["train"]) == 3
    assert not set(data.parts["val"].labels) & set(data.parts["train"].labels)


@pytest.mark.parametrize(
    ("benchmark", "setups", "held", "shared"),
    [
        ("ntu60_xsub", range(1, 5), {35, 38}, {3}),  # the whole of 38; of 35 the last setup and a camera of the third
        ("ntu60_xview", range(1, 5), {2, 3}, set()),
        ("ntu120_xset", range(4, 33), {32}, set()),
    ],
)
def test_ntu_validates_on_other_performances(benchmark: str, setups: range, held: set[int], shared: set[int]) -> None:
    """Performers, cameras or setups that validate, and the setups of which a performance is in both parts."""
    names = [
        f"S{setup:03d}C{camera:03d}P{performer:03d}R{replication:03d}A{action:03d}"
        for setup, camera, performer in product(setups, (1, 2, 3), range(1, 41))
        for replication, action in product((1, 2), (1, 2, 3))
    ]
    spec = BENCHMARKS[benchmark]
    train = [parse_name(name) for name in split_names(names, spec)[0]]
    rows = set(validation_rows(np.arange(len(train)), benchmark).tolist())
    assert len(rows) == len(train) // 15
    parts = [[name for row, name in enumerate(train) if (row in rows) == inside] for inside in (True, False)]
    assert {spec.key(name) for name in parts[0]} == held
    seen = [{(name.setup, name.performer, name.replication, name.action) for name in part} for part in parts]
    assert {setup for setup, *_ in seen[0] & seen[1]} == shared


def test_ntu_turns_both_bodies_together(ntu_root: Path) -> None:
    data = NTUData(root=ntu_root, hold_out=False, workers=0)
    batch = collate([data.parts["train"][0, i] for i in (0, 1, 2)])
    torch.manual_seed(0)
    turned = data.augment(batch).positions
    torch.manual_seed(0)
    angles = torch.empty(3, 3).uniform_(-0.3, 0.3)
    for i in range(3):
        turn = torch.eye(3)
        for axis, angle in enumerate(angles[:, i]):  # about x first
            j, k = (axis + 1) % 3, (axis + 2) % 3
            one = torch.eye(3)
            one[j, j] = one[k, k] = angle.cos()
            one[j, k], one[k, j] = -angle.sin(), angle.sin()
            turn = one @ turn
        torch.testing.assert_close(turned[i], batch.positions[i] @ turn.T, atol=1e-5, rtol=0)


def test_joints_that_are_not_finite_are_not_seen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / FILES["ntu60_xsub"]
    write_ntu(path)
    with np.load(path) as data:
        frames = data["x_test"]
    frames[0, :40, 4 * 3 + 1] = np.nan
    write_ntu(path, x_test=frames)
    data = NTUData(root=tmp_path, workers=0)
    assert "joints that are not finite, taken as not seen: 1 (test 0)" in caplog.text
    positions, confidence, _, _ = data.parts["test"][0]
    assert np.isfinite(positions).all()
    assert (confidence[0, :, 4] == 0).all()
    assert (np.delete(confidence[0], 4, axis=1) == 1).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"y_test": np.eye(120, dtype=np.float32)[:2]},
            r"y_test has shape \(2, 120\), .* the 60 classes of ntu60_xsub",
        ),
        ({"y_test": np.ones((2, 60), np.float32)}, "is not one-hot over the 60"),
        ({"y_test": np.array([3, 60])}, "y_test holds labels outside 0 to 59"),
        ({"y_test": np.zeros((3, 60), np.float32)}, r"x_test has shape \(2, 300, 150\) and y_test \(3, 60\)"),
        ({"x_test": np.zeros((2, 300, 75), np.float32)}, r"not \[n, 300, 150\]"),
    ],
)
def test_wrong_ntu_arrays_are_refused(changes: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    write_ntu(tmp_path / FILES["ntu60_xsub"], **changes)
    with pytest.raises(ValueError, match=message):
        NTUData(root=tmp_path, workers=0)


def test_damaged_ntu_files_are_refused(ntu_root: Path) -> None:
    path = ntu_root / FILES["ntu60_xsub"]
    with pytest.raises(FileNotFoundError, match=r"NTU60_CV.npz does not exist; make it with `python -m models prep"):
        NTUData("ntu60_xview", ntu_root, workers=0)
    with pytest.raises(ValueError, match="unknown benchmark 'ntu'; choose one of: ntu60_xsub"):
        NTUData("ntu", ntu_root, workers=0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"NTU60_CS.npz is damaged .*; write it again"):
        NTUData(root=ntu_root, workers=0)
    np.savez_compressed(path, x_train=np.zeros(3))
    with pytest.raises(ValueError, match=r"NTU60_CS.npz is compressed; write it with numpy.savez"):
        NTUData(root=ntu_root, workers=0)
    np.savez(path, x_test=np.zeros(3))
    with pytest.raises(ValueError, match=r"NTU60_CS.npz holds no array 'x_train'"):
        NTUData(root=ntu_root, workers=0)
