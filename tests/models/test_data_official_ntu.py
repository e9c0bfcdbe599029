"""NTU RGB+D raw files in their true format, through every step of the published preprocessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from csre_ros.skeleton import FloatArray
from models.data.official.ntu import BENCHMARKS, FRAMES, convert, read_clip, split_names
from models.data.official.ntu_bodies import actors, denoise, translate
from models.data.official.ntu_file import Body, parse_name, read_bodies, variance

Frame = Mapping[int, FloatArray]


def write_skeleton(path: Path, frames: Sequence[Frame]) -> Path:
    """Write ``{body id: [25, 3]}`` frames as Kinect's recorder of NTU RGB+D does."""
    lines = [str(len(frames))]
    for frame in frames:
        lines.append(str(len(frame)))
        for body, joints in frame.items():
            lines += [f"{72057594037900000 + body} 0 1 1 1 1 0 0.02 -0.3 2", "25"]
            lines += [f"{x} {y} {z} 251.2 204.7 956.1 538.4 0.21 0.01 0.97 -0.04 2" for x, y, z in joints.tolist()]
    path.write_text("\n".join(lines) + "\n")
    return path


def person(frames: int, sway: float = 0.1, x: float = 0.0, seed: int = 0) -> FloatArray:
    """``[T, 25, 3]`` of somebody 1.6 m high and 0.5 m wide who sways by so much."""
    rng = np.random.default_rng(seed)
    pose = rng.uniform((-0.25, -0.8, 2.4), (0.25, 0.8, 2.6), (25, 3))
    pose[:4] = ((-0.25, -0.8, 2.5), (0, 0, 2.5), (0.1, 0.6, 2.5), (0.25, 0.8, 2.5))
    path = np.zeros((frames, 1, 3))
    path[:, 0, 0] = x + sway * np.sin(np.arange(frames) / 3)
    return (pose + path).round(4).astype(np.float32)


def chair(frames: int) -> FloatArray:
    """``[T, 25, 3]`` of something that is wider than high."""
    return person(frames, sway=1.0)[..., (1, 0, 2)]


def body(joints: FloatArray, start: int = 0) -> Body:
    return Body(joints, start, variance(joints))


def test_reading_deletes_frames_without_bodies(tmp_path: Path) -> None:
    one, two = person(4), person(2, x=1.0)
    frames: list[Frame] = [{}, {7: one[0]}, {7: one[1], 3: two[0]}, {}, {3: two[1]}, {7: one[2]}, {7: one[3]}]
    bodies, count = read_bodies(write_skeleton(tmp_path / "S001C001P001R001A001.skeleton", frames))
    assert count == 5
    assert [(b.start, b.end) for b in bodies] == [(0, 3), (1, 2)]  # the gap of body 7 is closed
    np.testing.assert_array_equal(bodies[0].joints, one)
    np.testing.assert_array_equal(bodies[1].joints, two)
    assert bodies[0].motion == pytest.approx(one.reshape(-1, 3).astype(float).var(0).sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2].rsplit("\n", 1)[0], "A001.skeleton is cut off; extract"),
        (lambda text: text.replace("\n25\n", "\n24\n"), "a body has 24 joints, not 25"),
        (lambda text: text.replace("0.97", "x.97"), "is not a skeleton file of NTU RGB"),
        (lambda text: "", "is cut off"),
        (lambda text: "2" + text[1:], r"A001.skeleton is not .* \(312 values behind the 2 frames that it announces\)"),
        (lambda text: "\N{DEGREE SIGN}" + text, r"A001.skeleton is not a skeleton file .*'ascii' codec can't decode"),
    ],
)
def test_damaged_files_are_refused(damage, message: str, tmp_path: Path) -> None:
    path = write_skeleton(tmp_path / "S001C001P001R001A001.skeleton", [{1: frame} for frame in person(3)])
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=message):
        read_bodies(path)


def test_bodies_seen_in_eleven_frames_are_dropped() -> None:
    long, short = body(person(12)), body(person(11, sway=9))
    assert denoise([long, short]) == [long]
    assert denoise([short]) == [short]  # a body that was alone from the start is not noise
    assert denoise([short, body(person(5))]) == []


def test_wide_bodies_are_dropped() -> None:
    still, wide, walking = body(person(30, 0.01)), body(chair(30)), body(person(30, 0.5))
    assert denoise([still, wide, walking]) == [walking, still]  # the most moving one first
    both = [body(chair(30)), body(chair(20))]
    assert denoise(both) == both[1:]  # in turn, and the last one stays


@pytest.mark.parametrize(("noisy", "dropped"), [(70, True), (69, False)])
def test_share_of_noisy_frames(noisy: int, dropped: bool) -> None:
    """0.69754 of the frames is the limit; a body that stays moves as much as in its other frames."""
    joints = person(100, 0.1)
    joints[:noisy] = chair(noisy)
    mixed, other = body(joints), body(person(100, 0.02))
    left = denoise([mixed, other])
    if dropped:
        assert left == [other]
    else:
        assert left == [mixed, other]
        assert mixed.motion == variance(joints[noisy:])


def test_noisy_frames_do_not_count_as_motion() -> None:
    joints = person(30, 0.01)
    joints[:5] = chair(5) * 3
    noisy, walking = body(joints), body(person(30, 0.5))
    assert noisy.motion > walking.motion
    assert denoise([noisy, walking]) == [walking, noisy]


def test_two_actors_share_the_clock_of_the_clip() -> None:
    first, second = body(person(20, 0.5)), body(person(13, x=1.0), start=7)
    clip = actors([first, second], 22)
    np.testing.assert_array_equal(clip[:20, 0], first.joints)
    np.testing.assert_array_equal(clip[7:20, 1], second.joints)
    assert (clip[20:, 0] == 0).all()
    assert (clip[:7, 1] == 0).all()


def test_a_body_found_again_goes_on_as_its_actor() -> None:
    lost = body(person(15, 0.5))
    again = body(person(12, 0.4, seed=1), start=15)
    partner = body(person(20, 0.3, x=1.0), start=3)
    third = body(person(20, 0.2, x=2.0), start=4)
    clip = actors([lost, again, partner, third], 27)
    np.testing.assert_array_equal(clip[:15, 0], lost.joints)
    np.testing.assert_array_equal(clip[15:, 0], again.joints)
    np.testing.assert_array_equal(clip[3:23, 1], partner.joints)  # the third overlaps both and is left out
    assert (clip[23:, 1] == 0).all()


def test_the_interval_of_an_actor_grows_to_the_hull() -> None:
    """After the second piece, the gap between two pieces of actor 1 counts as taken."""
    pieces = [body(person(12, 0.5)), body(person(12, 0.4), start=30), body(person(12, 0.3), start=15)]
    clip = actors(pieces, 42)
    np.testing.assert_array_equal(clip[15:27, 1], pieces[2].joints)
    assert (clip[15:27, 0] == 0).all()


def test_origin_is_the_first_mid_spine_of_actor_one() -> None:
    clip = np.stack((person(6), person(6, x=1.0)), axis=1)
    clip[:2, 0] = clip[4, 1] = 0
    moved = translate(clip)
    origin = clip[2, 0, 1]
    assert (moved[2, 0, 1] == 0).all()
    np.testing.assert_array_equal(moved[3], clip[3] - origin)
    np.testing.assert_array_equal(moved[:2, 1], clip[:2, 1] - origin)
    assert (moved[:2, 0] == 0).all()
    assert (moved[4, 1] == 0).all()


def test_read_clip_drops_empty_frames_of_several_bodies(tmp_path: Path) -> None:
    """What only the noise body was seen in goes when two actors remain."""
    one, two, noise = person(14, 0.5), person(14, 0.1, x=1.0), person(3)
    frames: list[Frame] = [{9: frame} for frame in noise]
    frames += [{1: a, 2: b} for a, b in zip(one, two, strict=True)]
    clip = read_clip(write_skeleton(tmp_path / "S001C001P001R001A050.skeleton", frames))
    assert clip is not None
    assert clip.shape == (14, 2, 25, 3)
    np.testing.assert_allclose(clip[:, 1], two - one[0, 1], atol=1e-6)
    assert read_clip(write_skeleton(tmp_path / "S001C001P001R001A051.skeleton", [{}, {}])) is None


def test_published_splits() -> None:
    sizes = {name: len(spec.train) for name, spec in BENCHMARKS.items()}
    assert sizes == {"ntu60_xsub": 20, "ntu60_xview": 2, "ntu120_xsub": 53, "ntu120_xset": 16}
    names = [f"S{s:03d}C{c:03d}P{p:03d}R001A{a:03d}" for s, c, p, a in [
        (1, 1, 3, 5), (1, 2, 1, 60), (2, 3, 2, 61), (3, 1, 103, 120), (2, 2, 104, 1), (17, 1, 1, 2)
    ]]  # fmt: skip
    picked = {
        name: [[(p.setup, p.camera, p.performer) for p in map(parse_name, part)] for part in split_names(names, spec)]
        for name, spec in BENCHMARKS.items()
    }
    assert picked == {
        "ntu60_xsub": [[(1, 2, 1), (17, 1, 1)], [(1, 1, 3), (2, 2, 104)]],
        "ntu60_xview": [[(1, 2, 1), (2, 2, 104)], [(1, 1, 3), (17, 1, 1)]],
        "ntu120_xsub": [[(1, 2, 1), (17, 1, 1), (2, 3, 2), (3, 1, 103)], [(1, 1, 3), (2, 2, 104)]],
        "ntu120_xset": [[(2, 2, 104), (2, 3, 2)], [(1, 1, 3), (1, 2, 1), (3, 1, 103), (17, 1, 1)]],
    }


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Six clips: one and two bodies, performers 1, 2 and 3, one file without bodies, and one of NTU 120."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, bodies in {
        "S001C001P002R001A001": 1, "S001C002P001R001A060": 2, "S002C003P003R001A002": 1,
        "S001C001P001R002A003": 0, "S001C001P001R001A004": 1, "S018C001P001R001A061": 1,
    }.items():  # fmt: skip
        people = [person(20 + i, 0.1 + i, x=float(i), seed=len(name)) for i in range(bodies)]
        frames = [{i: one[t] for i, one in enumerate(people) if t < len(one)} for t in range(21)]
        write_skeleton(folder / f"{name}.skeleton", frames)
    return folder


def test_convert(raw: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.txt"
    missing.write_text("S001C001P001R001A004\nS009C001P001R001A004\n")
    report = convert(raw, tmp_path / "xsub.npz", "ntu60_xsub", missing, processes=2)
    with np.load(tmp_path / "xsub.npz") as data:
        arrays = dict(data)
    assert {key: (value.shape, value.dtype) for key, value in arrays.items()} == {
        "x_train": ((2, FRAMES, 150), np.float32), "y_train": ((2, 60), np.float32),
        "x_test": ((1, FRAMES, 150), np.float32), "y_test": ((1, 60), np.float32),
    }  # fmt: skip
    assert arrays["y_train"].argmax(1).tolist() == [59, 0]  # performer 1 before performer 2
    train = arrays["x_train"].reshape(2, FRAMES, 2, 25, 3)
    expected = read_clip(raw / "S001C002P001R001A060.skeleton")
    assert expected is not None
    np.testing.assert_array_equal(train[0, :21], expected)
    assert (train[0, 21:] == 0).all()
    assert (train[1, :, 1] == 0).all()  # NTU 60: no second body
    assert report.remarks["on the list of missing skeletons, left out"] == ["S001C001P001R001A004"]
    assert report.remarks["no body that can be used, left out"] == ["S001C001P001R002A003"]
    assert len(report.remarks["clips found where 56578 were published"]) == 3


def test_convert_copies_single_bodies_for_120_classes(raw: Path, tmp_path: Path) -> None:
    convert(raw, tmp_path / "xset.npz", "ntu120_xset", processes=1)
    with np.load(tmp_path / "xset.npz") as data:
        train, labels = data["x_train"].reshape(-1, FRAMES, 2, 25, 3), data["y_train"]
    assert labels.shape == (2, 120)
    assert labels.argmax(1).tolist() == [1, 60]
    assert (train != 0).any(axis=(1, 2, 3, 4)).all()
    np.testing.assert_array_equal(train[:, :, 1], train[:, :, 0])


def test_convert_refuses(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown benchmark 'ntu60'; choose one of: ntu60_xsub"):
        convert(raw, tmp_path / "x.npz", "ntu60")
    with pytest.raises(FileNotFoundError, match=r"holds no S\*\.skeleton"):
        convert(tmp_path, tmp_path / "x.npz", "ntu60_xsub")
    (raw / "S1.skeleton").touch()
    with pytest.raises(ValueError, match="'S1' is no clip of NTU RGB"):
        convert(raw, tmp_path / "x.npz", "ntu60_xsub")
