"""The recording that ships with the package, and the command that makes such recordings."""

from __future__ import annotations

import numpy as np
import pytest

from csre_ros.recordings import SHIPPED
from csre_ros.skeleton import Skeleton, get_layout
from csre_ros.sources import SourceFrame, open_source

JOINT = get_layout("mediapipe33").index
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def shipped() -> list[SourceFrame]:
    with open_source(str(SHIPPED)) as source:
        return list(source)


def raised(skeleton: Skeleton, side: str) -> bool:
    return bool(skeleton.positions[JOINT[f"{side}_wrist"], 1] < skeleton.positions[JOINT[f"{side}_shoulder"], 1])


def test_it_is_small_and_carries_no_images(shipped):
    assert SHIPPED.stat().st_size < 400_000
    assert all(frame.image is None for frame in shipped)


def test_it_shows_one_person_then_nobody_then_one_person(shipped):
    assert [frame.label for frame in shipped] == ["wave"] * 101 + [None] * 19 + ["squat"] * 51
    assert [len(frame.skeletons) for frame in shipped] == [1] * 101 + [0] * 19 + [1] * 51
    seconds = np.array([frame.stamp_ns for frame in shipped]) / SECOND
    np.testing.assert_allclose(np.diff(seconds[:120]), 0.1, atol=1e-6)
    np.testing.assert_allclose(np.diff(seconds[120:]), 0.2, atol=1e-6)
    assert seconds[120] - seconds[100] == pytest.approx(2.0)


def test_the_people_do_what_the_labels_say(shipped):
    waving = [frame.skeletons[0] for frame in shipped[:101]]
    assert np.mean([raised(skeleton, "right") for skeleton in waving]) > 0.95
    assert not any(raised(skeleton, "left") for skeleton in waving[:40])
    hips = np.array([frame.skeletons[0].positions[JOINT["left_hip"], 1] for frame in shipped[120:]])
    assert np.ptp(hips) > 0.3


@pytest.mark.slow
def test_it_is_what_the_pose_stage_finds_in_the_clips(shared_data, shipped, tmp_path):
    pytest.importorskip("mediapipe", reason="needs mediapipe (extra 'mediapipe')")
    from csre_ros.recordings.make import main

    clips = (("wave.mp4", "wave"), ("pose_squats.mp4", "squat"))
    pairs_given = [f"{shared_data / 'video' / clip}={label}" for clip, label in clips]
    main([str(tmp_path / "again.mcap"), *pairs_given, "--seconds", "10"])
    with open_source(str(tmp_path / "again.mcap")) as source:
        again = list(source)
    assert [(f.stamp_ns, f.label, len(f.skeletons)) for f in again] == [
        (f.stamp_ns, f.label, len(f.skeletons)) for f in shipped
    ]
    pairs = [(a.skeletons[0], b.skeletons[0]) for a, b in zip(again, shipped, strict=True) if a.skeletons]
    apart = [np.linalg.norm(a.positions - b.positions, axis=1).mean() for a, b in pairs]
    assert np.mean(apart) < 0.01  # other processors round differently


@pytest.mark.slow
def test_the_command_refuses_what_is_no_clip(tmp_path, capsys):
    pytest.importorskip("mediapipe", reason="needs mediapipe (extra 'mediapipe')")
    from csre_ros.recordings.make import main

    with pytest.raises(SystemExit):
        main([str(tmp_path / "out.mcap"), "clip.mp4"])
    assert "'clip.mp4' is not of the form CLIP=LABEL" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match=r"'clip\.mp4' does not exist"):
        main([str(tmp_path / "out.mcap"), "clip.mp4=wave"])
    with pytest.raises(ValueError, match="has no images"):
        main([str(tmp_path / "out.mcap"), f"{SHIPPED}=wave"])
    assert list(tmp_path.iterdir()) == []
