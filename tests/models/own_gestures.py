"""Recordings of gestures that nobody made: movements without a recording, laid over somebody who stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray, Frame, Skeleton, get_layout
from csre_ros.sources.recording_writer import RecordingWriter
from models.data.streams.body import Motion, join
from models.data.streams.draft import still
from models.data.streams.moves import MOVES
from models.data.streams.stream import RATE_HZ
from models.data.synthesis import BODY

STANDING = {
    "head": (0.0, -0.7), "left_shoulder": (0.2, -0.5), "left_elbow": (0.25, -0.22), "left_wrist": (0.26, 0.03),
    "left_hip": (0.1, 0.02), "left_knee": (0.11, 0.45), "left_ankle": (0.12, 0.88),
}  # fmt: skip
GESTURES = {"clapping": "clap", "swinging": "other/swing_hands", "opening": "other/arms"}


def standing() -> Motion:
    """One frame of somebody who faces the camera."""
    both = STANDING | {
        name.replace("left", "right"): (-x, y) for name, (x, y) in STANDING.items() if name.startswith("left")
    }
    return Motion.of(np.array([[(*both[joint], 2.5) for joint in BODY.joints]], np.float32))


def gesture(label: str, number: int) -> tuple[FloatArray, int, int]:
    """``[T, 13, 3]`` of a gesture with rest before and after it, its first frame, and the frame behind it."""
    rng = np.random.default_rng((sorted(GESTURES).index(label), number))
    before = still(standing().resized(standing().lengths() * rng.uniform(0.9, 1.1)), rng.uniform(0.8, 1.5), rng, 0)
    done, _ = MOVES[GESTURES[label]][0](still(before[-1:], rng.uniform(2, 3), rng, 0), RATE_HZ, rng)
    after = still(done[-1:], rng.uniform(0.6, 1.2), rng, 0)
    return join([before, done, after]).positions(), len(before), len(before) + len(done)


def write(path: Path, positions: FloatArray, labels: list[str | None], people: int = 1, layout: str = "body13") -> Path:
    """Write a recording at the rate of streams."""
    with RecordingWriter(path, get_layout(layout)) as recording:
        for number, (body, label) in enumerate(zip(positions, labels, strict=True)):
            seen = np.ones(len(body), np.float32)
            everybody = [Skeleton(get_layout(layout), body + one, seen) for one in range(people)]
            stamp_ns = 1_000_000_000 + round(number / RATE_HZ * 1e9)
            recording.write(Frame(stamp_ns, "camera_optical_frame", tuple(everybody)), label=label)
    return path


def write_folder(folder: Path, examples: int) -> Path:
    """Write ``LABEL/NUMBER.mcap`` of every gesture, as ``csre record --label`` does."""
    for label in GESTURES:
        for number in range(examples):
            positions, _, _ = gesture(label, number)
            write(folder / label / f"{number}.mcap", positions, [label] * len(positions))
    return folder
