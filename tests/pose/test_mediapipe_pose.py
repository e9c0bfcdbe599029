"""The real MediaPipe on real clips and stills."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mediapipe", reason="needs mediapipe (extra 'mediapipe')")
import cv2

from csre_ros.pose.mediapipe_pose import MediaPipePose
from csre_ros.pose.placement import viewing_rays
from csre_ros.pose.settings import PoseConfig
from csre_ros.skeleton import Frame, get_layout

SECOND = 1_000_000_000
JOINT = get_layout("mediapipe33").index


def images(path: Path) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    while True:
        more, image = capture.read()
        if not more:
            return
        yield image


def poses(path: Path, fps: float, **settings) -> list[Frame]:
    pose = MediaPipePose(PoseConfig(**settings))
    frames = [pose.step(image, round(i / fps * 1e9), "camera") for i, image in enumerate(images(path))]
    pose.close()
    return frames


@pytest.fixture(scope="module")
def pose() -> Iterator[MediaPipePose]:
    made = MediaPipePose(PoseConfig(max_people=1))
    yield made
    made.close()


@pytest.fixture(scope="module")
def still(shared_data) -> np.ndarray:
    return cv2.imread(str(shared_data / "video" / "pose.jpg"))


@pytest.fixture(scope="module")
def wave(shared_data) -> list[Frame]:
    return poses(shared_data / "video" / "wave.mp4", 10.0)


@pytest.mark.slow
@pytest.mark.parametrize("max_people", [1, 2])
def test_squats_agree_with_the_reference_landmarks(shared_data, max_people, record_property):
    reference = np.array(json.loads((shared_data / "video" / "pose_squats_3d.full.json").read_text()))
    frames = poses(shared_data / "video" / "pose_squats.mp4", 5.0, max_people=max_people)
    assert [len(frame.skeletons) for frame in frames] == [1] * len(reference)
    found = np.stack([frame.skeletons[0].positions for frame in frames])
    hips = [JOINT["left_hip"], JOINT["right_hip"]]
    error = (found - found[:, hips].mean(1, keepdims=True)) - (reference - reference[:, hips].mean(1, keepdims=True))
    mean_cm = 100 * np.linalg.norm(error, axis=2).mean()
    record_property("mean_error_cm", float(mean_cm))
    print(f"mean 3-D error with max_people={max_people}: {mean_cm:.2f} cm")  # noqa: T201
    assert mean_cm <= 6.0


@pytest.mark.slow
def test_squats_lower_the_body_in_camera_coordinates(shared_data):
    frames = poses(shared_data / "video" / "pose_squats.mp4", 5.0, max_people=1)
    hip_y = np.array([frame.skeletons[0].positions[JOINT["left_hip"], 1] for frame in frames])
    foot_y = np.array([frame.skeletons[0].positions[JOINT["left_ankle"], 1] for frame in frames])
    assert np.percentile(hip_y, 90) - np.percentile(hip_y, 10) > 0.3
    assert np.std(foot_y) < np.std(hip_y) / 2


@pytest.mark.slow
def test_waving_moves_the_right_arm_first_and_then_both(wave):
    """Seen in the clip: facing the camera, the person waves the own right hand, from about frame 48 on both."""
    assert all(len(frame.skeletons) == 1 for frame in wave)
    found = np.stack([frame.skeletons[0].positions for frame in wave])
    wrist = {side: found[:, JOINT[f"{side}_wrist"]] - found[:, JOINT[f"{side}_shoulder"]] for side in ("left", "right")}
    raised = {side: offset[:, 1] < 0 for side, offset in wrist.items()}
    assert raised["right"].mean() > 0.95
    assert not raised["left"][:40].any()
    assert raised["left"][50:].mean() > 0.95
    assert np.ptp(wrist["right"][5:40, 0]) > 2 * np.ptp(wrist["left"][5:40, 0])


def test_axes_are_camera_optical(wave):
    found = np.median([frame.skeletons[0].positions for frame in wave], axis=0)
    points = np.median([frame.skeletons[0].image_points for frame in wave], axis=0)
    for seen in (found, points):
        assert seen[JOINT["right_shoulder"], 0] < seen[JOINT["left_shoulder"], 0]
        assert seen[JOINT["nose"], 1] < seen[JOINT["left_hip"], 1] < seen[JOINT["left_ankle"], 1]
    assert found[JOINT["nose"], 2] < found[[JOINT["left_ear"], JOINT["right_ear"]], 2].mean()
    assert 1 < found[JOINT["left_hip"], 2] < 4


def test_skeletons_project_on_what_was_seen(wave):
    for frame in wave[::10]:
        (skeleton,) = frame.skeletons
        rays = viewing_rays(skeleton.image_points, (420, 420), 60.0)
        projected = skeleton.positions[:, :2] / skeleton.positions[:, 2:]
        assert np.abs(projected - rays)[skeleton.confidence > 0.5].mean() < 0.03


def test_the_pose_itself_is_mediapipes_world_landmarks(still, pose):
    pose.reset()
    seen = []
    landmarker = pose._landmarkers[1]
    original = landmarker.detect_for_video
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landmarker, "detect_for_video", lambda *args: seen.append(original(*args)) or seen[-1])
        (skeleton,) = pose.step(still, 0, "camera").skeletons
    world = np.array([(joint.x, joint.y, joint.z) for joint in seen[0].pose_world_landmarks[0]])
    np.testing.assert_allclose(skeleton.positions - skeleton.positions[0], world - world[0], atol=1e-6)
    visibility = [joint.visibility for joint in seen[0].pose_world_landmarks[0]]
    np.testing.assert_allclose(skeleton.confidence, visibility, atol=1e-6)


def two_clips(shared_data: Path, count: int) -> list[np.ndarray]:
    """Two people side by side: two real clips in one image."""
    pairs = zip(images(shared_data / "video" / "wave.mp4"), images(shared_data / "video" / "stand.mp4"), strict=False)
    return [np.hstack(pair) for _, pair in zip(range(count), pairs, strict=False)]


@pytest.mark.slow
def test_two_people_are_found_and_stand_apart(shared_data):
    """A person who is missed in a frame now and then is MediaPipe's limit."""
    pose = MediaPipePose(PoseConfig(max_people=2))
    both = two_clips(shared_data, 40)
    frames = [pose.step(image, i * SECOND // 10, "camera") for i, image in enumerate(both)]
    pose.close()
    complete = [frame for frame in frames if len(frame.skeletons) == 2]
    assert len(complete) >= 0.8 * len(frames)
    for frame in complete:
        across = sorted(skeleton.positions[JOINT["nose"], 0] for skeleton in frame.skeletons)
        assert np.diff(across) > 0.5


@pytest.mark.slow
def test_company_is_noticed_and_its_leaving_too(shared_data):
    pose = MediaPipePose(PoseConfig(max_people=2))
    both = two_clips(shared_data, 20)
    alone = [np.hstack((image[:, :420], np.zeros_like(image[:, :420]))) for image in both]
    clip = [*alone, *both, *alone]
    counts = [len(pose.step(image, i * SECOND // 10, "camera").skeletons) for i, image in enumerate(clip)]
    pose.close()
    assert set(counts[:20]) == {1}
    assert max(counts[20:31]) == 2  # found at the first or second look
    assert counts[42:].count(1) >= 17


@pytest.mark.slow
def test_somebody_alone_gets_the_same_pose_however_many_are_looked_for(shared_data):
    clip = shared_data / "video" / "stand.mp4"
    one, several = (poses(clip, 10.0, max_people=people) for people in (1, 4))
    for frame, other in zip(one, several, strict=True):
        np.testing.assert_array_equal(frame.skeletons[0].positions, other.skeletons[0].positions)


@pytest.mark.parametrize("max_people", [3, 5])
def test_three_people_close_together_are_found(shared_data, max_people):
    """One of them, in front, is cut off at the waist: MediaPipe loses and finds her again."""
    image = cv2.imread(str(shared_data / "video" / "three_people.jpg"))
    several = MediaPipePose(PoseConfig(max_people=max_people))
    frames = [several.step(image, i * SECOND // 30, "camera") for i in range(18)]
    several.close()
    counts = [len(frame.skeletons) for frame in frames]
    assert counts[0] == 3
    assert counts.count(3) >= 12
    assert set(counts) <= {2, 3}
    across = sorted(skeleton.positions[JOINT["nose"], 0] for skeleton in frames[0].skeletons)
    assert min(np.diff(across)) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("entry", [8, 14])
def test_who_enters_is_found_within_a_second_of_stamps(shared_data, entry):
    """Whether somebody alone is joined just after a search or just before one."""
    clip = two_clips(shared_data, 30)
    alone = [np.hstack((image[:, :420], np.full_like(image[:, :420], 90))) for image in clip]
    pose = MediaPipePose(PoseConfig(max_people=4))
    frames = [*alone[:entry], *clip[entry : entry + 11]]
    counts = [len(pose.step(image, i * SECOND // 10, "camera").skeletons) for i, image in enumerate(frames)]
    pose.close()
    assert set(counts[:entry]) == {1}
    assert 2 in counts[entry:]  # the last of them is a second later


def test_landmarkers_are_made_for_those_who_are_there_only(shared_data, still):
    """One person: one landmarker, and the detector that looks for more."""
    pose = MediaPipePose(PoseConfig(max_people=12))
    for i in range(3):
        pose.step(still, i * SECOND, "camera")
    assert list(pose._landmarkers) == [1]
    pose.close()


def test_max_people_is_kept(shared_data, pose):
    pose.reset()
    for i, image in enumerate(two_clips(shared_data, 5)):
        assert len(pose.step(image, i * SECOND // 10, "camera").skeletons) == 1


def test_nobody_is_an_empty_frame(pose):
    pose.reset()
    frame = pose.step(np.full((240, 320, 3), 90, np.uint8), 5, "camera")
    assert (frame.stamp_ns, frame.frame_id, frame.skeletons) == (5, "camera", ())


@pytest.mark.parametrize(
    "stamps",
    [
        [0, 0, 0, 0],
        [100, 99, 98, 97],
        [SECOND, SECOND - 1, SECOND + 1, SECOND // 2, SECOND * 2],
        [3600 * SECOND, 0, 33_000_000, 3600 * SECOND, 0],
        [1_790_000_000 * SECOND, 1_790_000_000 * SECOND, 5],
        [-SECOND, -2 * SECOND, 0],
    ],
    ids=["repeat", "same millisecond, backwards", "jitter", "jumps by an hour", "wall clock, then zero", "negative"],
)
def test_stamps_that_repeat_or_go_back_are_harmless(pose, still, stamps):
    pose.reset()
    for stamp in stamps:
        frame = pose.step(still, stamp, "camera")
        assert frame.stamp_ns == stamp
        assert len(frame.skeletons) == 1


@pytest.mark.slow
def test_a_stamp_that_never_changes_keeps_the_person(pose, still):
    pose.reset()
    started = pose._landmarkers[1]
    for _ in range(40):
        assert len(pose.step(still, 7 * SECOND, "camera").skeletons) == 1
    assert pose._landmarkers[1] is started


def test_a_large_step_back_forgets_the_people(pose, still):
    pose.reset()
    pose.step(still, 10 * SECOND, "camera")
    started = pose._landmarkers[1]
    pose.step(still, 9 * SECOND + 1, "camera")
    assert pose._landmarkers[1] is started
    pose.step(still, 2 * SECOND, "camera")
    assert pose._landmarkers[1] is not started


@pytest.mark.slow
def test_a_clip_played_twice_gives_the_same_poses(shared_data):
    clip = list(images(shared_data / "video" / "pose_squats.mp4"))[:8]
    pose = MediaPipePose(PoseConfig(max_people=1))
    runs = [
        [
            pose.step(image, 2 * SECOND + i * SECOND // 5, "camera").skeletons[0].positions
            for i, image in enumerate(clip)
        ]
        for _ in range(2)
    ]
    pose.close()
    np.testing.assert_array_equal(runs[0], runs[1])


def test_it_runs_again_after_close(still):
    pose = MediaPipePose(PoseConfig(max_people=1))
    pose.close()
    pose.close()
    assert len(pose.step(still, 0, "camera").skeletons) == 1
    pose.close()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((480, 0, 3), np.uint8),
        np.zeros((480, 640), np.uint8),
        np.zeros((480, 640, 1), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640, 3), np.uint16),
        np.zeros((480, 640, 3), np.float32),
    ],
    ids=lambda image: f"{image.shape} {image.dtype}",
)
def test_images_it_cannot_read_are_refused_and_the_stream_goes_on(pose, still, image):
    pose.reset()
    with pytest.raises(ValueError, match=r"the image has shape .* needs \[H, W, 3\] uint8 BGR"):
        pose.step(image, 0, "camera")
    assert len(pose.step(still, 0, "camera").skeletons) == 1


@pytest.mark.parametrize(("height", "width"), [(40, 33000), (33000, 40), (8000, 8000)])
def test_images_that_would_end_the_process_are_refused(pose, still, height, width):
    """From 32767 pixels on a side, MediaPipe terminates the process."""
    pose.reset()
    with pytest.raises(ValueError, match=f"the image is {width}x{height}; at most 16384 pixels on a side and 33177600"):
        pose.step(np.zeros((height, width, 3), np.uint8), 0, "camera")
    assert len(pose.step(still, 0, "camera").skeletons) == 1


def test_tiny_and_strided_images_are_accepted(pose, still):
    pose.reset()
    assert pose.step(np.zeros((1, 1, 3), np.uint8), 0, "camera").skeletons == ()
    assert len(pose.step(still[:, ::-1], 1, "camera").skeletons) == 1


@pytest.mark.slow
def test_standard_error_stays_clean(shared_data):
    code = f"""
import cv2, os
from csre_ros.pose.mediapipe_pose import MediaPipePose
pose = MediaPipePose()
for stamp in (0, 10**8): pose.step(cv2.imread({str(shared_data / "video" / "pose.jpg")!r}), stamp, "camera")
pose.close()
os.write(2, b"said afterwards\\n")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == "said afterwards\n"


def test_the_landmarker_of_a_false_hope_is_not_kept_for_ever(still):
    pose = MediaPipePose(PoseConfig(max_people=3))
    pose.step(still, 0, "camera")
    hopes = [Future() for _ in range(2)]
    hopes[0].set_result(2)
    hopes[1].set_result(1)
    answers = iter((*hopes, *hopes[1:] * 9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pose, "_count", lambda image: next(answers))
        kept = []
        for i in range(1, 9):
            assert len(pose.step(still, i * SECOND, "camera").skeletons) == 1
            kept.append(sorted(pose._landmarkers))
    pose.close()
    assert kept[0] == [1]  # the detector's answer is for the next picture
    assert kept[1:6] == [[1, 2]] * 5
    assert kept[-1] == [1]


def test_a_detector_that_fails_is_told_with_the_next_picture(still):
    pose = MediaPipePose(PoseConfig(max_people=2))
    pose.step(still, 0, "camera")
    pose._detector.close()
    pose._detector = object()
    assert len(pose.step(still, SECOND, "camera").skeletons) == 1
    with pytest.raises(AttributeError, match="detect"):
        pose.step(still, 2 * SECOND, "camera")
    pose._detector = None
    assert len(pose.step(still, 3 * SECOND, "camera").skeletons) == 1
    pose.close()
    assert len(pose.step(still, 4 * SECOND, "camera").skeletons) == 1  # loaded again
    pose.close()
