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
