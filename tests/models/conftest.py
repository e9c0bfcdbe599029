"""A synthetic person, and miniature data sets in the shared form that are made of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from csre_ros.skeleton import FloatArray, get_layout
from models.data.clips import Clip

KINECT = get_layout("kinect20")
RATE = 30.0

# Somebody who faces the camera at 2.5 m: metres to the own left (larger x), down from the hips, towards the camera.
_MIDLINE = {"pelvis": (0.0, 0.0), "spine_mid": (0.0, -0.25), "spine_shoulder": (0.0, -0.5), "head": (0.0, -0.7)}
_LEFT = {
    "shoulder": (0.2, -0.5), "elbow": (0.24, -0.22), "wrist": (0.26, 0.03), "hand": (0.27, 0.1),
    "hip": (0.1, 0.02), "knee": (0.11, 0.45), "ankle": (0.12, 0.88), "foot": (0.13, 0.93),
}  # fmt: skip
LEG = ("knee", "ankle", "foot")


def standing(frames: int) -> FloatArray:
    """``[frames, 20, 3]`` in camera-optical metres."""
    pose = np.zeros((len(KINECT), 3), np.float32)
    for joint, (x, y) in _MIDLINE.items():
        pose[KINECT.index[joint]] = (x, y, 2.5)
    for joint, (x, y) in _LEFT.items():
        pose[KINECT.index[f"left_{joint}"]] = (x, y, 2.5)
        pose[KINECT.index[f"right_{joint}"]] = (-x, y, 2.5)
    return np.repeat(pose[None], frames, axis=0)


def perform(action: str, subject: int, trial: int) -> FloatArray:
    """``[T, 20, 3]`` of an action in the manner of one person, who is larger the higher the number."""
    rng = np.random.default_rng((subject, trial))
    frames = int(rng.integers(40, 60))
    body = standing(frames)
    instants = np.arange(frames) / RATE
    swing = np.sin(2 * np.pi * rng.uniform(0.9, 1.3) * instants + rng.uniform(0, 6)).astype(np.float32)
    hands = {side: [KINECT.index[f"{side}_wrist"], KINECT.index[f"{side}_hand"]] for side in ("left", "right")}
    if action == "wave":
        body[:, hands["right"], 1] -= 0.7
        body[:, hands["right"], 0] += 0.25 * swing[:, None]
    elif action == "swipe_left":
        body[:, hands["right"], 1] -= 0.3
        body[:, hands["right"], 0] += np.linspace(-0.2, 0.5, frames, dtype=np.float32)[:, None]
    elif action == "push":
        for side in hands.values():
            body[:, side, 1] -= 0.4
            body[:, side, 2] -= 0.35 * np.abs(swing)[:, None]
    elif action == "squat":
        upper = [i for joint, i in KINECT.index.items() if not joint.endswith(LEG)]
        body[:, upper, 1] += 0.4 * np.abs(swing)[:, None]
    else:
        raise ValueError(action)
    return body * np.float32(0.85 + 0.04 * subject) + rng.normal(0, 0.004, body.shape).astype(np.float32)


ACTIONS = ("wave", "swipe_left", "push", "squat")


@pytest.fixture
def make_clip() -> Callable[..., Clip]:
    """A function that makes clips of the synthetic person, ``kinect20``."""

    def make(action: str = "wave", subject: int = 1, trial: int = 1, source: str = "utd_mhad") -> Clip:
        positions = perform(action, subject, trial)
        seen = np.ones(positions.shape[:2], np.float32)
        return Clip(positions, seen, RATE, action, subject, source, f"{action}_{subject}_{trial}", layout=KINECT)

    return make


@pytest.fixture(scope="session")
def mini_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a miniature UTD-MHAD (4 actions, 8 people, 2 trials) and ten desk clips."""
    root = tmp_path_factory.mktemp("data")
    items = [(a, s, t) for a in range(len(ACTIONS)) for s in range(1, 9) for t in (1, 2)]
    parts = [perform(ACTIONS[a], s, t) for a, s, t in items]
    lengths = np.array([len(part) for part in parts])
    np.savez(
        root / "utd_mhad.npz",
        frames=np.concatenate(parts) * np.array((-1, -1, 1), np.float32),
        offset=np.cumsum(lengths) - lengths,
        length=lengths,
        label=np.array([a for a, _, _ in items]) + 1,
        subject=np.array([s for _, s, _ in items]),
        name=np.array([f"{a}_{s}_{t}" for a, s, t in items]),
        split=np.array(["train" if s % 2 else "test" for _, s, _ in items]),
        class_name=np.array(ACTIONS),
        joint=np.array([file_name(joint) for joint in KINECT.joints]),
    )
    rng = np.random.default_rng(0)
    desk = np.concatenate((rng.uniform(0.2, 0.8, (300, 33, 3)), rng.uniform(0, 1, (300, 33, 1))), axis=-1)
    np.savez(
        root / "mediapipe_16words.npz",
        frames=desk.astype(np.float32),
        offset=np.arange(10) * 30,
        length=np.full(10, 30),
        label=np.array(["hello", "push"] * 5),
    )
    return root


def file_name(joint: str) -> str:
    """A joint in the words of the Kinect files."""
    words = {"pelvis": "hip_center", "spine_mid": "spine", "spine_shoulder": "shoulder_center"}
    side, _, word = joint.partition("_")
    return words.get(joint, f"{word}_{side}" if side in ("left", "right") else joint)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint that makes the file ``sprung`` beside it when somebody unpickles it."""
    torch.save({"state_dict": {}, "hyper_parameters": Trap(tmp_path / "sprung")}, tmp_path / "trap.ckpt")
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)  # which the command line sets
    torch.load(tmp_path / "trap.ckpt", weights_only=False)
    assert (tmp_path / "sprung").exists()  # it is a trap
    (tmp_path / "sprung").unlink()
    return tmp_path / "trap.ckpt"
