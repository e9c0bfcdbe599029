"""Movements without a recording: what no set shows, laid over a person who stands or sits.

Each function takes a still movement and returns another one in which the person does something, and how much of it is
done in every frame, 0..1. They were written after recordings of strangers had been told wrong: claps with wide arms,
squats that are slow or seen from the side, arms that open and close, a leg that swings, both hands that swing together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator

from csre_ros.skeleton import FloatArray
from models.data.streams.body import Motion

_HEAD, _CHEST = 7, 6
_SHOULDER = {"left": 8, "right": 11}
_HIP = {"left": 0, "right": 3}
_SIDES = ("left", "right")
_DOWN = np.array((0, 1, 0), np.float32)

Move = Callable[[Motion, float, Generator], tuple[Motion, FloatArray]]
"""Movement, frames per second and chance to another movement and ``[T]`` how much of it is done."""


def _axes(motion: Motion) -> tuple[FloatArray, FloatArray]:
    """``[3]`` horizontal directions of a body: to its own left, and forward."""
    line = (motion.bones[:, 8] - motion.bones[:, 11]).mean(0)
    left = np.array((line[0], 0, line[2]), np.float32)
    left /= max(float(np.linalg.norm(left)), 1e-3)
    return left, np.array((left[2], 0, -left[0]), np.float32)


def _ramp(frames: int, rate: float, rng: Generator) -> FloatArray:
    """``[T]`` 0 at both ends, 1 between, with smooth slopes."""
    slope = max(min(int(rng.uniform(0.25, 0.6) * rate), frames // 3), 1)
    steps = np.arange(frames)
    share = np.clip(np.minimum(steps, frames - 1 - steps) / slope, 0, 1).astype(np.float32)
    smooth: FloatArray = share * share * (3 - 2 * share)
    return smooth


def _bend(root: FloatArray, reach: FloatArray, upper: float, lower: float, hint: FloatArray) -> FloatArray:
    """Upper bone ``[T, 3]`` of a limb from ``root``, bent towards ``hint`` so that the end can be at ``reach``."""
    way = reach - root
    distance = np.linalg.norm(way, axis=-1, keepdims=True)
    direction = way / np.maximum(distance, 1e-4)
    distance = np.clip(distance, abs(upper - lower) + 0.02, (upper + lower) * 0.995)
    along = (upper**2 - lower**2 + distance**2) / (2 * distance)
    beside = np.sqrt(np.maximum(upper**2 - along**2, 0))
    normal = hint - (hint * direction).sum(-1, keepdims=True) * direction
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-4)
    bone: FloatArray = (along * direction + beside * normal).astype(np.float32)
    return bone


def _hands(motion: Motion, hands: Mapping[str, FloatArray], weight: FloatArray, rng: Generator) -> Motion:
    """Bring wrists to ``[T, 3]`` places relative to the chest, elbows down and out, as far as ``weight`` says."""
    bones = motion.bones.copy()
    lengths = motion.lengths()
    left, forward = _axes(motion)
    droop = rng.uniform(0.4, 1.0)
    for side, place in hands.items():
        shoulder = _SHOULDER[side]
        upper, lower = float(lengths[shoulder + 1]), float(lengths[shoulder + 2])
        out = left if side == "left" else -left
        root = motion.bones[:, shoulder]
        elbow = _bend(root, place, upper, lower, _DOWN * droop + out * (1.2 - droop) - 0.2 * forward)
        fore = place - root - elbow
        fore *= lower / np.maximum(np.linalg.norm(fore, axis=-1, keepdims=True), 1e-3)
        for bone, new in ((shoulder + 1, elbow), (shoulder + 2, fore)):
            bones[:, bone] += weight[:, None] * (new - bones[:, bone])
    return Motion(bones, motion.pelvis)


def _point(motion: Motion, left: object, up: object, forward: object) -> FloatArray:
    """``[T, 3]`` place relative to the chest, in metres to the own left, upward and forward."""
    to_left, to_front = _axes(motion)
    size = float(motion.lengths()[[9, 10, 12, 13]].sum()) / 1.06
    place = (
        np.broadcast_to(np.asarray(left), len(motion))[:, None] * to_left
        - np.broadcast_to(np.asarray(up), len(motion))[:, None] * _DOWN
        + np.broadcast_to(np.asarray(forward), len(motion))[:, None] * to_front
    )
    metres: FloatArray = (place * size).astype(np.float32)
    return metres


def clap(motion: Motion, rate: float, rng: Generator) -> tuple[Motion, FloatArray]:
    """Both hands meet and part in front of the chest, a hand's breadth or the whole arms wide."""
    time = np.arange(len(motion)) / rate
    wide = float(np.exp(rng.uniform(np.log(0.08), np.log(0.5))))
    beat = rng.uniform(1.0, 3.5) if wide < 0.25 else rng.uniform(0.7, 2.0)
    apart = 0.03 + wide * (0.5 - 0.5 * np.cos(2 * np.pi * beat * time + rng.uniform(0, 6)))
    up, forward = rng.uniform(-0.2, 0.15), rng.uniform(0.2, 0.4)
    weight = _ramp(len(motion), rate, rng)
    hands = {side: _point(motion, sign * apart, up, forward) for side, sign in zip(_SIDES, (1, -1), strict=True)}
    return _hands(motion, hands, weight, rng), weight


def box(motion: Motion, rate: float, rng: Generator) -> tuple[Motion, FloatArray]:
    """Fists that shoot from the guard, one after the other or always the same, forward or, side-on, to one side."""
    time = np.arange(len(motion)) / rate
    beat, phase = rng.uniform(0.7, 2.2), rng.uniform(0, 6)
    alternate = rng.random() < 0.6
    weight = _ramp(len(motion), rate, rng)
    up, guard, cross = rng.uniform(-0.15, 0.1), rng.uniform(0.15, 0.28), rng.uniform(0.0, 0.15)
    active = int(rng.integers(2))
    aside = np.deg2rad(rng.uniform(-75, 75)) if rng.random() < 0.5 else 0.0
    hands = {}
    for number, (side, sign) in enumerate(zip(_SIDES, (1, -1), strict=True)):
        shift = np.pi * number if alternate else 0.0
        out = np.maximum(np.sin(2 * np.pi * beat * (0.5 if alternate else 1) * time + phase + shift), 0)
        out = out ** rng.uniform(0.8, 2.0) if alternate or number == active else 0 * out
        width, reach = sign * (0.16 - cross * out), guard + (0.62 - guard) * out
        to_left, ahead = width + reach * np.sin(aside), reach * np.cos(aside)
        hands[side] = _point(motion, to_left, up + 0.05 * out, ahead)
    return _hands(motion, hands, weight, rng), weight


def swing_hands(motion: Motion, rate: float, rng: Generator) -> tuple[Motion, FloatArray]:
    """Both hands together from side to side."""
    time = np.arange(len(motion)) / rate
    angle = np.deg2rad(rng.uniform(40, 85)) * np.sin(2 * np.pi * rng.uniform(0.2, 0.8) * time + rng.uniform(0, 6))
    reach, up = rng.uniform(0.35, 0.5), rng.uniform(-0.15, 0.15)
    rise = rng.uniform(0, 0.25) * np.sin(2 * np.pi * rng.uniform(0.2, 0.8) * time)
    weight = _ramp(len(motion), rate, rng)
    place = _point(motion, reach * np.sin(angle), up + rise, reach * np.cos(angle))
    return _hands(motion, {side: place for side in _SIDES}, weight, rng), weight


def open_arms(motion: Motion, rate: float, rng: Generator) -> tuple[Motion, FloatArray]:
    """Straight arms that rise sideways or in front, and fall, again and again, or stay out."""
    time = np.arange(len(motion)) / rate
    top = np.deg2rad(rng.uniform(50, 125))
    share = 0.5 - 0.5 * np.cos(2 * np.pi * rng.uniform(0.25, 0.8) * time)
    if rng.random() < 0.25:
        share = np.minimum(share * 3, 1)
    angle = top * share
    ahead = rng.uniform(0, 1.0) if rng.random() < 0.6 else rng.uniform(1.0, 1.57)
    sides = _SIDES if rng.random() < 0.75 else (_SIDES[int(rng.integers(2))],)
    weight = _ramp(len(motion), rate, rng)
    hands = {}
    for side in sides:
        sign = 1 if side == "left" else -1
        out = rng.uniform(0.45, 0.53) * np.sin(angle)
        hands[side] = _point(
            motion, sign * (0.18 + out * np.cos(ahead)), -0.5 * np.cos(angle), 0.05 + out * np.sin(ahead)
        )
    return _hands(motion, hands, weight, rng), weight


def swing_leg(motion: Motion, rate: float, rng: Generator) -> tuple[Motion, FloatArray]:
    """One leg that swings back and forth or sideways, or lifts its knee, while the other one stands."""
    time = np.arange(len(motion)) / rate
    left, forward = _axes(motion)
    side = _SIDES[int(rng.integers(2))]
    hip = _HIP[side]
    weight = _ramp(len(motion), rate, rng)
    wave = np.sin(2 * np.pi * rng.uniform(0.3, 1.0) * time + rng.uniform(0, 6))
    knee = rng.uniform(0, 0.4) * np.ones_like(time)
    kind = rng.random()
    if kind < 0.5:
        angle, way = np.deg2rad(rng.uniform(15, 45)) * (wave + rng.uniform(-0.3, 0.6)), forward
    elif kind < 0.75:
        angle, way = np.deg2rad(rng.uniform(15, 40)) * np.maximum(wave, 0), left if side == "left" else -left
    else:
        angle, way = np.deg2rad(rng.uniform(40, 95)) * np.maximum(wave, 0), forward
        knee = angle * rng.uniform(0.8, 1.3)
    bones = motion.bones.copy()
    for bone, turn in ((hip + 1, angle * weight), (hip + 2, (angle - knee) * weight)):
        length = np.linalg.norm(motion.bones[:, bone], axis=-1, keepdims=True)
        bones[:, bone] = length * (np.cos(turn)[:, None] * _DOWN + np.sin(turn)[:, None] * way)
    return Motion(bones, motion.pelvis), weight


def squat(motion: Motion, rate: float, rng: Generator) -> tuple[Motion, FloatArray]:
    """Down and up again, once in the whole movement, with arms that hang, come forward or do what they did."""
    frames = len(motion)
    left, forward = _axes(motion)
    hold = rng.uniform(0, 0.3)
    steps = np.linspace(0, 1, frames)
    share = np.clip(np.minimum(steps, 1 - steps) / (0.5 - hold / 2), 0, 1)
    share = (share * share * (3 - 2 * share)).astype(np.float32)
    thigh, shank = np.deg2rad(rng.uniform(55, 110)) * share, np.deg2rad(rng.uniform(10, 40)) * share
    lean, apart = np.deg2rad(rng.uniform(5, 55)) * share, np.deg2rad(rng.uniform(0, 30)) * share
    bones = motion.bones.copy()
    before = bones[:, 0:3].sum(1) + bones[:, 3:6].sum(1)
    for side, sign in zip(_SIDES, (1, -1), strict=True):
        hip = _HIP[side]
        ahead = forward * np.cos(apart)[:, None] + sign * left * np.sin(apart)[:, None]
        for bone, angle, way in ((hip + 1, thigh, ahead), (hip + 2, -shank, forward)):
            length = np.linalg.norm(motion.bones[:, bone], axis=-1, keepdims=True)
            bones[:, bone] = length * (np.cos(angle)[:, None] * _DOWN + np.sin(angle)[:, None] * way)
    after = bones[:, 0:3].sum(1) + bones[:, 3:6].sum(1)
    for bone in (_CHEST, _HEAD):
        length = np.linalg.norm(motion.bones[:, bone], axis=-1, keepdims=True)
        bones[:, bone] = length * (-np.cos(lean)[:, None] * _DOWN + np.sin(lean)[:, None] * forward)
    if rng.random() < 0.6:
        arm = np.deg2rad(rng.uniform(10, 100)) * share
        fold = np.deg2rad(rng.uniform(0, 60)) * share
        for shoulder in _SHOULDER.values():
            for bone, angle in ((shoulder + 1, arm), (shoulder + 2, arm + fold)):
                length = np.linalg.norm(motion.bones[:, bone], axis=-1, keepdims=True)
                bones[:, bone] = length * (np.cos(angle)[:, None] * _DOWN + np.sin(angle)[:, None] * forward)
    return Motion(bones, motion.pelvis - (after - before) / 2), share


MOVES: Mapping[str, tuple[Move, float]] = {
    "clap": (clap, 1.0),
    "punch": (box, 1.7),
    "squat": (squat, 1.6),
    "other/arms": (open_arms, 2.0),
    "other/swing_hands": (swing_hands, 0.6),
    "other/leg": (swing_leg, 2.0),
}
"""Movement and share by class."""

STANDING = frozenset({"squat", "other/leg"})
"""Moves of somebody who stands."""
