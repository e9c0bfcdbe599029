"""Real people tell whether left is left and up is up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from csre_ros.skeleton import FloatArray, LayoutMapping, get_layout

KINECT = get_layout("kinect20")
RENAMED = {"hip_center": "pelvis", "spine": "spine_mid", "shoulder_center": "spine_shoulder", "head": "head"}
# UTD-MHAD's people do these with the right hand, as its authors describe them.
ONE_HANDED = (
    "swipe_left",
    "swipe_right",
    "wave",
    "throw",
    "draw_x",
    "draw_circle_cw",
    "draw_triangle",
    "knock",
    "catch",
)


@pytest.fixture(scope="module")
def utd(shared_data: Path) -> dict[str, np.ndarray]:
    with np.load(shared_data / "utd_mhad.npz", allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def clips(utd: dict[str, np.ndarray], action: str) -> list[FloatArray]:
    """Clips ``[T, 20, 3]`` of an action, in the order of kinect20 and in camera-optical axes: (-x, -y, z)."""
    names = [str(joint) for joint in utd["joint"]]
    ours = [RENAMED.get(name) or "_".join(reversed(name.split("_"))) for name in names]
    order = [ours.index(joint) for joint in KINECT.joints]
    frames = utd["frames"][:, order] * np.array([-1, -1, 1], np.float32)
    wanted = np.flatnonzero(utd["class_name"][utd["label"] - 1] == action)
    return [frames[utd["offset"][i] : utd["offset"][i] + utd["length"][i]] for i in wanted]


def path_length(clip: FloatArray, joint: str) -> float:
    """Metres that a joint travels against the chest."""
    track = clip[:, KINECT.index[joint]] - clip[:, KINECT.index["spine_shoulder"]]
    return float(np.linalg.norm(np.diff(track, axis=0), axis=1).sum())


@pytest.mark.parametrize("action", ONE_HANDED)
def test_the_right_hand_moves_more(utd: dict[str, np.ndarray], action: str) -> None:
    found = clips(utd, action)
    assert len(found) >= 30
    right = sum(path_length(clip, "right_wrist") > path_length(clip, "left_wrist") for clip in found)
    assert right / len(found) > 0.95


def test_optical_axes(utd: dict[str, np.ndarray]) -> None:
    """Who faces the camera has their right side at smaller x; y points down; z is the distance from the camera."""
    mean = np.concatenate(clips(utd, "wave")).mean(axis=0)
    at = dict(zip(KINECT.joints, mean, strict=True))
    for joint in ("shoulder", "hip", "knee", "ankle"):
        assert at[f"right_{joint}"][0] < at[f"left_{joint}"][0] - 0.05
    assert at["head"][1] < at["spine_shoulder"][1] < at["pelvis"][1] < at["left_knee"][1] < at["left_ankle"][1]
    assert 1.5 < at["pelvis"][2] < 5.0
    assert at["right_wrist"][1] < at["left_wrist"][1]  # the waving hand is raised


def test_swipe_left_goes_to_the_persons_left(utd: dict[str, np.ndarray]) -> None:
    """Right hand, from right to left: towards larger x in the picture of somebody who faces the camera."""
    for action, sign in (("swipe_left", 1), ("swipe_right", -1)):
        votes = []
        for clip in clips(utd, action):
            hand = clip[:, KINECT.index["right_hand"]] - clip[:, KINECT.index["spine_shoulder"]]
            raised = hand[hand[:, 1] < 0.25]  # the swipe itself, not raising and lowering the arm
            start, end = raised[: len(raised) // 3, 0].mean(), raised[-(len(raised) // 3) :, 0].mean()
            votes.append(sign * (end - start) > 0)
        assert np.mean(votes) > 0.9, action


def test_the_side_survives_every_metric_layout(utd: dict[str, np.ndarray]) -> None:
    clip = clips(utd, "wave")[0]
    confidence = np.ones(clip.shape[:2], np.float32)
    for name in ("body13", "ntu25", "azure32", "mediapipe33", "zed18", "zed34", "zed38"):
        layout = get_layout(name)
        mapped, _ = LayoutMapping(KINECT, layout).apply(clip, confidence)
        travelled = np.linalg.norm(np.diff(mapped, axis=0), axis=2).sum(axis=0)
        assert travelled[layout.index["right_wrist"]] > 2 * travelled[layout.index["left_wrist"]]
