"""Trimmed clips as pieces of a stream: whole bodies, cut at their real motion, with what rests before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from csre_ros.skeleton import FloatArray
from models.data.clips import Clip
from models.data.streams.body import Motion
from models.data.streams.labels import CARRY, StreamLabels
from models.data.streams.stream import RATE_HZ, Places, Stream
from models.data.synthesis import BODY

# Actions that fill their clips from edge to edge, and recordings whose borders somebody has set.
_WHOLE_SETS = {"utkinect", "precog"}
_WHOLE_LABELS = {"walk", CARRY, "run", "other/sidestep"}
_ENDLESS = {"walk", CARRY, "run", "wave", "wave_two_hands", "other/sidestep"}
_HANDS_UP, _HANDS_UP_SETS = {"raise_hand", "wave", "wave_two_hands"}, {"mocap"}
"""Actions that begin when the hand is up, in sets whose clips begin with the way there."""
_QUIET = 0.18
"""Share of a clip's fast motion below which it rests."""
_MARGIN_S = 0.1
_SMOOTH_S = 0.2
_BUILD = 0.1
"""Standard deviation of the logarithm by which people differ in the length of a bone."""


@dataclass(frozen=True, eq=False)
class Piece:
    """One clip.

    Attributes:
        motion: The whole clip at its own rate.
        rate: Frames per second.
        start: First frame of the action.
        end: Frame behind its last one.
        label: Class of training.
        source: Data set.
        subject: Person; 0 where unknown.
    """

    motion: Motion
    rate: float
    start: int
    end: int
    label: str
    source: str
    subject: int

    def at(self, start: float, seconds: float, speed: float) -> Motion:
        """The clip from an instant of its own on, resampled to :data:`RATE_HZ` at a speed."""
        count = round(seconds / speed * RATE_HZ)
        place = np.clip((start + np.arange(count) * speed / RATE_HZ) * self.rate, 0, len(self.motion) - 1)
        return resampled(self.motion, place)

    def shortened(self, seconds: float, rng: Generator) -> Piece:
        """A part of an action that goes on and on; any other one as it is."""
        frames = int(seconds * self.rate)
        if self.label not in _ENDLESS or self.end - self.start <= frames:
            return self
        start = int(rng.integers(self.start, self.end - frames + 1))
        return replace(self, start=start, end=start + frames)

    def action(self, speed: float) -> Motion:
        """The action alone."""
        return self.at(self.start / self.rate, (self.end - self.start) / self.rate, speed)


def resampled(motion: Motion, place: Places) -> Motion:
    """A movement at fractional frame numbers."""
    low = np.minimum(place.astype(int), max(len(motion) - 2, 0))
    high = np.minimum(low + 1, len(motion) - 1)
    share = (place - low).astype(np.float32)[:, None]
    pelvis = motion.pelvis[low] * (1 - share) + motion.pelvis[high] * share
    share = share[..., None]
    return Motion(motion.bones[low] * (1 - share) + motion.bones[high] * share, pelvis)


def pieces_of(clips: Sequence[Clip], labels: StreamLabels) -> list[Piece]:
    """All clips of ``body13`` that the label table keeps and that last a third of a second."""
    pieces = []
    for clip in clips:
        label = labels.of(clip.source, clip.label)
        if label is None or clip.seconds < 0.3 or not clip.confidence.any(axis=0).all():
            continue
        motion = Motion.of(whole(clip.positions, clip.confidence))
        start, end = 0, len(clip)
        if label in _HANDS_UP and clip.source in _HANDS_UP_SETS:
            start, end = hands_up(motion)
        elif clip.source not in _WHOLE_SETS and label not in _WHOLE_LABELS:
            start, end = active(motion, clip.rate)
        pieces.append(Piece(motion, clip.rate, start, end, label, clip.source, clip.subject))
    return pieces


def whole(positions: FloatArray, confidence: FloatArray) -> FloatArray:
    """Positions with the joints that were not seen interpolated; each joint is seen at least once."""
    if (confidence > 0).all():
        return positions
    filled = positions.copy()
    frames = np.arange(len(positions))
    for joint in np.flatnonzero((confidence <= 0).any(axis=0)):
        seen = confidence[:, joint] > 0
        for axis in range(positions.shape[-1]):
            filled[:, joint, axis] = np.interp(frames, frames[seen], positions[seen, joint, axis])
    return filled


def as_somebody_else(stream: Stream, rng: Generator) -> Stream:
    """The same movements by a body of other proportions, both sides alike, that goes where the recorded one went."""
    motion = Motion.of(whole(stream.positions, stream.confidence))
    factors = np.exp(rng.normal(0, _BUILD, 14)).astype(np.float32)
    factors[3:6], factors[11:14] = factors[0:3], factors[8:11]
    legs = float(factors[[1, 2, 4, 5]].mean())
    other = Motion(motion.bones * factors[:, None], motion.pelvis * legs)
    return replace(stream, positions=other.positions())


def hands_up(motion: Motion) -> tuple[int, int]:
    """First frame in which a wrist is above its shoulder, and the frame behind the last one; all where none is."""
    bones = motion.bones
    height = np.maximum(-(bones[:, 9, 1] + bones[:, 10, 1]), -(bones[:, 12, 1] + bones[:, 13, 1]))
    above = np.flatnonzero(height > 0)
    return (int(above[0]), int(above[-1]) + 1) if len(above) else (0, len(motion))


def active(motion: Motion, rate: float) -> tuple[int, int]:
    """First frame of the real motion, and the frame behind it."""
    positions = motion.positions()
    smooth = max(round(_SMOOTH_S * rate), 1)
    kernel = np.ones(smooth) / smooth
    padded = np.concatenate((np.repeat(positions[:1], smooth, 0), positions, np.repeat(positions[-1:], smooth, 0)))
    steady = np.apply_along_axis(lambda track: np.convolve(track, kernel, mode="same"), 0, padded)
    speed = np.linalg.norm(np.gradient(steady, axis=0), axis=-1)[smooth:-smooth] * rate
    ends = [
        BODY.index[f"{side}_{joint}"] for side in ("left", "right") for joint in ("wrist", "elbow", "ankle", "knee")
    ]
    energy = np.sort(speed[:, [*ends, BODY.index["head"]]], axis=1)[:, -3:].mean(axis=1)
    low, high = np.percentile(energy, (5, 90))
    moving = np.flatnonzero(energy > low + _QUIET * (high - low))
    margin = round(_MARGIN_S * rate)
    start, end = max(int(moving[0]) - margin, 0), min(int(moving[-1]) + 1 + margin, len(motion))
    return (start, end) if end - start >= 0.25 * rate else (0, len(motion))
