"""Somebody who raises an arm, frame by frame, and what a recognizer says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from csre_ros.recognition import EventState, PersonAction, Recognizer
from csre_ros.recognition.settings import RecognizerConfig
from csre_ros.skeleton import Frame, Skeleton, get_layout

SECOND = 1_000_000_000


BODY13 = get_layout("body13")


KINECT20 = get_layout("kinect20")


CONFIG = RecognizerConfig(device="cpu")


HOUR = 3600.0


_REST = {
    "head": (0, -0.65), "shoulder": (0.18, -0.45), "elbow": (0.24, -0.18), "wrist": (0.26, 0.06),
    "hip": (0.10, 0.0), "knee": (0.11, 0.42), "ankle": (0.11, 0.85),
}  # fmt: skip


def body(raised: str | None = None, x: float = 0.0, seen: float = 0.9) -> Skeleton:
    """Somebody three metres away who faces the camera: their right is at smaller x. One wrist may be above the head."""
    positions = np.zeros((len(BODY13), 3), np.float32)
    for i, joint in enumerate(BODY13.joints):
        side, _, part = joint.partition("_")
        out, down = _REST[part or joint]
        if part == "wrist" and side == raised:
            down = -0.8
        positions[i] = (x + (out if side == "left" else -out), down, 3.0)
    return Skeleton(BODY13, positions, np.full(len(BODY13), seen, np.float32))


def frame(seconds: float, *skeletons: Skeleton) -> Frame:
    return Frame(round(seconds * SECOND), "camera", skeletons)


def gesture(seconds: float, x: float = 0.0) -> Skeleton:
    """Hands down, right hand up from 2 s to 5 s, hands down."""
    return body("right" if 2 <= seconds < 5 else None, x)


def run(recognizer: Recognizer, frames: Iterator[Frame] | Sequence[Frame]) -> list[list[PersonAction]]:
    return [recognizer.step(item) for item in frames]


def events(steps: Sequence[Sequence[PersonAction]], ongoing: bool = False) -> list[tuple[int, str, str]]:
    """Person, action and state of all events, in order."""
    found = [event for people in steps for person in people for event in person.events]
    return [(e.person, e.action, e.state.value) for e in found if ongoing or e.state is not EventState.ONGOING]


def raising(start: float, seconds: float) -> list[Frame]:
    return [frame(start + k / 30, body("right")) for k in range(round(seconds * 30))]
