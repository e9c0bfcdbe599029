"""Content that the Kinect sets lack: stillness, procedural waves, arms of somebody else.

``[T, V, 3]`` windows in the ``body13`` layout, camera-optical metres, time in seconds. Why each ingredient exists was
measured: without stillness a standing person always does something, without waves a slow wave with a raised elbow is a
push, and without foreign arms the arms decide what the legs do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from csre_ros.skeleton import FloatArray, get_layout

BODY = get_layout("body13")
_UP = np.array((0.0, -1.0, 0.0), np.float32)


def arm(side: str) -> list[int]:
    """Indices of shoulder, elbow and wrist."""
    return [BODY.index[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist")]


def legs() -> list[int]:
    """Indices of knees and ankles."""
    return [BODY.index[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")]


def hips() -> list[int]:
    """Indices of the hips."""
    return [BODY.index["left_hip"], BODY.index["right_hip"]]


def ping_pong(instants: FloatArray, seconds: float) -> FloatArray:
    """Fold instants so that ``[0, seconds]`` is played back and forth without end."""
    if seconds <= 0:
        return np.zeros_like(instants)
    phase = np.mod(instants, 2 * seconds)
    return np.minimum(phase, 2 * seconds - phase)


@dataclass(frozen=True)
class WaveStyle:
    """One way to hold and swing an arm; angles in radians, rates in hertz."""

    elevation: float
    azimuth: float
    forearm: float
    tilt: float
    swing: float
    upper_swing: float
    rate: float
    phase: float

    @classmethod
    def draw(cls, rng: Generator, moving: bool) -> WaveStyle:
        """A random style; a raised arm that is not ``moving`` only trembles."""
        rate = float(np.exp(rng.uniform(np.log(0.25), np.log(2.5))))
        # A slow wave is a wide one, or it would be a raised arm.
        low, high = (30, 60) if rate < 0.8 else (15, 50)
        swing = np.deg2rad(rng.uniform(low, high)) if moving else np.deg2rad(rng.uniform(0, 2))
        return cls(
            elevation=np.deg2rad(rng.uniform(-60, 50)),
            azimuth=np.deg2rad(rng.uniform(-10, 80)),
            forearm=np.deg2rad(rng.uniform(55, 105)),
            tilt=rng.uniform(-0.2, 0.6),
            swing=swing,
            upper_swing=swing * rng.uniform(0, 0.6),
            rate=rate,
            phase=rng.uniform(0, 2 * np.pi),
        )


def raise_arm(positions: FloatArray, side: str, style: WaveStyle, instants: FloatArray, weight: FloatArray) -> None:
    """Replace an arm by a raised, possibly swinging one, in place.

    Args:
        positions: ``[T, V, 3]``; the shoulder stays where it is.
        side: ``"left"`` or ``"right"``.
        style: How the arm is held.
        instants: ``[T]`` seconds.
        weight: ``[T]`` in 0..1: 0 keeps the arm of the clip, 1 is the raised arm.
    """
    shoulder, elbow, wrist = arm(side)
    other = arm("right" if side == "left" else "left")[0]
    out: FloatArray = np.subtract(positions[:, shoulder], positions[:, other])
    out[:, 1] = 0
    out /= np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-3)
    # Forward is where the chest points: the left shoulder is at larger x of somebody who faces the camera.
    left = out if side == "left" else -out
    forward = np.stack((left[:, 2], np.zeros(len(left)), -left[:, 0]), axis=-1).astype(np.float32)
    upper_m = _length(positions, shoulder, elbow, 0.28)
    fore_m = _length(positions, elbow, wrist, 0.25)
    wave = np.sin(2 * np.pi * style.rate * instants + style.phase)[:, None]
    elevation = style.elevation + style.upper_swing * wave
    upper = (
        np.cos(elevation) * (np.cos(style.azimuth) * out + np.sin(style.azimuth) * forward) + np.sin(elevation) * _UP
    )
    angle = style.forearm + style.swing * wave
    fore = np.cos(angle) * out + np.sin(angle) * _UP + style.tilt * forward
    fore /= np.linalg.norm(fore, axis=-1, keepdims=True)
    raised_elbow = positions[:, shoulder] + upper_m * upper
    raised_wrist = raised_elbow + fore_m * fore
    blend = weight[:, None]
    positions[:, elbow] += blend * (raised_elbow - positions[:, elbow])
    positions[:, wrist] += blend * (raised_wrist - positions[:, wrist])


def _length(positions: FloatArray, parent: int, child: int, fallback: float) -> float:
    length = float(np.median(np.linalg.norm(positions[:, child] - positions[:, parent], axis=-1)))
    return length if 0.1 < length < 0.5 else fallback


def onset(rng: Generator, instants: FloatArray) -> FloatArray:
    """``[T]`` weight of an arm that is up all the time, or goes up within the first part of the window."""
    if rng.random() < 0.7:
        return np.ones_like(instants)
    span = float(instants[-1] - instants[0])
    start = instants[0] + rng.uniform(-0.2, 0.35) * span
    ramp: FloatArray = np.clip((instants - start) / rng.uniform(0.2, 0.6), 0, 1).astype(np.float32)
    return ramp * ramp * (3 - 2 * ramp)


def give_arms(
    positions: FloatArray, confidence: FloatArray, donor_positions: FloatArray, donor_confidence: FloatArray
) -> None:
    """Put a donor's arms on a body, in place, turned by the angle between the two shoulder lines.

    A foreign arm is seen where both the body's and the donor's own are.

    Args:
        positions: ``[T, V, 3]`` of the body.
        confidence: ``[T, V]`` of the body.
        donor_positions: ``[T, V, 3]`` of the donor.
        donor_confidence: ``[T, V]`` of the donor.
    """
    turn = _yaw(positions) - _yaw(donor_positions)
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    for side in ("left", "right"):
        shoulder, *rest = arm(side)
        confidence[:, rest] = np.minimum(confidence[:, rest], donor_confidence[:, rest])
        for joint in rest:
            offset = donor_positions[:, joint] - donor_positions[:, shoulder]
            x = cos * offset[:, :1] + sin * offset[:, 2:]
            z = -sin * offset[:, :1] + cos * offset[:, 2:]
            positions[:, joint] = positions[:, shoulder] + np.concatenate((x, offset[:, 1:2], z), axis=-1)


def _yaw(positions: FloatArray) -> FloatArray:
    line = positions[:, arm("left")[0]] - positions[:, arm("right")[0]]
    return np.arctan2(-line[:, 2], line[:, 0])
