"""NTU RGB+D as its benchmark has it: samples, splits, crops, and what is refused."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from models.data.batch import collate
from models.data.ntu import FILES, Crop, NTUData, resize, validation_rows
from models.data.ntu_arrays import map_array
from models.data.official.ntu import BENCHMARKS, split_names
from models.data.official.ntu_file import parse_name

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
