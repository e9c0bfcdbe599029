"""People drawn by hand who do what no bundle knows: made for teaching it to one, alone or as recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray, Frame, Skeleton, get_layout
from csre_ros.sources.recording_writer import RecordingWriter
from csre_ros.teaching import Recording

BODY = get_layout("body13")
RATE = 30.0
STANDING = {
    "head": (0, -0.65), "shoulder": (0.18, -0.45), "elbow": (0.22, -0.17), "wrist": (0.24, 0.08),
    "hip": (0.12, 0.05), "knee": (0.12, 0.47), "ankle": (0.12, 0.87),
}  # fmt: skip
Hands = Callable[[float], tuple[tuple[float, float, float], tuple[float, float, float]]]


def person(hands: tuple, size: float = 1.0) -> FloatArray:
    """Somebody who faces the camera three metres away; elbows halfway to the hands, given about the shoulders."""
    positions = np.zeros((13, 3), np.float32)
    for joint in BODY.joints:
        side, _, part = joint.rpartition("_")
        x, y = STANDING[part]
        positions[BODY.index[joint]] = ({"left": x, "right": -x}.get(side, 0.0), y, 0)
    for side, hand in zip(("left", "right"), hands, strict=True):
        shoulder = positions[BODY.index[f"{side}_shoulder"]]
        positions[BODY.index[f"{side}_elbow"]] = shoulder + np.array(hand) / 2 + (0, 0.06, 0)
        positions[BODY.index[f"{side}_wrist"]] = shoulder + hand
    return positions * size + np.array((0, 0, 3), np.float32)


HANG = (0.06, 0.53, 0.0), (-0.06, 0.53, 0.0)


def blended(share: float, hands: tuple) -> tuple:
    return tuple(
        tuple(a + share * (b - a) for a, b in zip(*pair, strict=True)) for pair in zip(HANG, hands, strict=True)
    )


def rowing(t: float) -> tuple:
    """Both hands go round beside the body, forward and back, for two seconds from 1 s on: no action of the bundle."""
    share = float(np.interp(t, (1.0, 1.3, 2.7, 3.0), (0, 1, 1, 0)))
    angle = 2 * np.pi * (t - 1) / 0.7
    y, z = 0.2 + 0.18 * np.sin(angle), -0.3 + 0.18 * np.cos(angle)
    return blended(share, ((0.3, y, z), (-0.3, y, z)))


def tee(t: float) -> tuple:
    """Both arms held out sideways from 1.5 s to 4 s."""
    share = float(np.interp(t, (1.0, 1.5, 4.0, 4.5), (0, 1, 1, 0)))
    return blended(share, ((0.5, 0.0, 0.0), (-0.5, 0.0, 0.0)))


def still(t: float) -> tuple:
    return HANG


def recording(
    hands: Hands, seconds: float = 4.0, size: float = 1.0, speed: float = 1.0, noise: float = 0.004
) -> Recording:
    times = np.arange(0, seconds / speed, 1 / RATE)
    positions = np.stack([person(hands(t * speed), size) for t in times])
    positions += np.random.default_rng(round(size * 100)).normal(0, noise, positions.shape).astype(np.float32)
    stamps = (1e9 + times * 1e9).astype(np.int64)
    return Recording("body13", stamps, positions, np.full(positions.shape[:2], 0.9, np.float32))


def in_image(one: Recording) -> Recording:
    points = one.positions[..., :2] / one.positions[..., 2:] + np.float32(0.5)
    return replace(one, layout="body13_2d", positions=points.astype(np.float32))


def again_and_again(hands: Hands, times: int, seconds: float = 4.0) -> Recording:
    """The same gesture some times, with a rest before and behind each."""
    return recording(lambda t: hands(t % seconds), times * seconds)


def frames(one: Recording, beside: Sequence[Recording] = ()) -> list[Frame]:
    """A recording as frames, with other people beside."""
    layout = get_layout(one.layout)
    return [
        Frame(
            int(one.stamps_ns[t]),
            "camera_optical_frame",
            tuple(Skeleton(layout, who.positions[t], who.confidence[t]) for who in (one, *beside)),
        )
        for t in range(len(one))
    ]


def write(path: Path, one: Recording, beside: Sequence[Recording] = ()) -> Path:
    """Write a recording as `csre record` does."""
    with RecordingWriter(path, get_layout(one.layout)) as file:
        for frame in frames(one, beside):
            file.write(frame)
    return path
