"""Streams composed from trimmed clips: one person who does one thing after the other, with what lies between.

What lies between is said as far as it is known: standing with hanging arms is *idle*, the way from the end of one clip
to the beginning of the next is some background or, where legs must move far for it, anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray
from models.data.streams.body import ARM_BONES, LEGS, Motion, blend, join
from models.data.streams.draft import Draft, near, still
from models.data.streams.labels import ANYTHING, CARRY, REST, REST_OR_CARRY, WALKED_TO, StreamLabels, or_walk
from models.data.streams.moves import MOVES
from models.data.streams.pieces import Piece
from models.data.streams.stream import RATE_HZ, Stream

_HURRIED = {"nw_ucla"}
"""Sets whose people seem to hurry at the nominal rate: played faster only a little. They walk up to what they pick up,
drop or throw, and sometimes stand with what they carry, within one clip."""
_HARDLY_FASTER = 1.1
_GREETINGS = frozenset({"wave", "wave_two_hands", "raise_hand"})
_GREETING = round(RATE_HZ)
"""Least frames of a walk before and in a greeting."""
_WALKING_M_S, _STANDING_M_S, _STRIDE_S = 1.2, 0.4, 0.15
"""Speeds of the hips above which those people walk (bending down moves the hips more slowly) and below which they
stand, and half of the time over which a speed is taken."""
_HELD_M_S = 0.35
"""Speed of a wrist from its shoulder up to which a raised hand is held; nobody can say what a moving one will do."""


@dataclass(frozen=True)
class Composition:
    """How streams are composed.

    Attributes:
        speed: Range of the speed of a clip, drawn log-uniformly.
        longest_s: Range of the length in seconds to which what goes on and on is cut.
        pause: Chance of a pause between two actions.
        pause_s: Range of its length in seconds.
        wave: Share of pauses that hold a procedural wave or a raised arm.
        shortly: Share of those that are one short wave.
        greeting_s: Range of the length of a short wave in seconds, the arm's way up and down included.
        move: Share of pauses that hold another movement without a recording.
        arms_alone: Share of pauses in which somebody stands and moves the arms as in an action that only legs tell.
        frozen: Chance that somebody stands still in the first pose of a clip before it begins.
        again: Chance that an action is done again.
        greeting: Chance that somebody who walks waves or raises an arm towards the end.
        foreign_arms: Chance that a leg action has the arms of another clip.
        neighbours: Of how many candidates the one that begins most like the last one ended comes next.
    """

    speed: tuple[float, float] = (0.5, 1.5)
    longest_s: tuple[float, float] = (2.5, 6.0)
    pause: float = 0.65
    pause_s: tuple[float, float] = (0.3, 2.5)
    wave: float = 0.32
    shortly: float = 0.35
    greeting_s: tuple[float, float] = (0.9, 2.0)
    move: float = 0.25
    arms_alone: float = 0.12
    frozen: float = 0.25
    again: float = 0.2
    greeting: float = 0.3
    foreign_arms: float = 0.35
    neighbours: int = 3

    def of(self, labels: StreamLabels) -> Composition:
        """Without what is made up of labels that a table does not have."""
        how = self
        if not set(labels.classes) >= _GREETINGS:
            how = replace(how, wave=0.0, greeting=0.0)
        return how if MOVES.keys() <= set(labels.classes) else replace(how, move=0.0)


class Composer:
    """Makes streams of pieces; a piece's memory-bank row is its number.

    Args:
        pieces: What there is.
        labels: Their labels.
        composition: How.
    """

    def __init__(self, pieces: Sequence[Piece], labels: StreamLabels, composition: Composition) -> None:
        self._pieces, self._labels, self._how = list(pieces), labels, composition
        self._lengths = np.stack([piece.motion.lengths() for piece in pieces])
        self._starts = np.stack([piece.motion.bones[piece.start] for piece in pieces])
        self._weights = _weights(pieces)
        self._leg_actions = [piece for piece in self._pieces if piece.label in labels.leg_actions]

    def make(self, frames: int, rng: Generator) -> Stream:
        """One stream of a number of frames."""
        draft, lengths, skip = Draft(self._labels, rng), self._body(rng), int(rng.integers(0, 30))
        number = -1
        while len(draft) < frames + skip:
            if number < 0 or rng.random() >= self._how.again:
                number = self._next(draft.last, rng)
            self._go_on(draft, number, lengths, rng)
            if rng.random() < self._how.pause:
                kind, seconds = rng.random(), rng.uniform(*self._how.pause_s)
                if kind < self._how.wave * self._how.shortly:
                    draft.greet_shortly(rng.uniform(*self._how.greeting_s))
                elif kind < self._how.wave:
                    draft.wave(max(seconds, 1.0) + 1.5)
                elif kind < self._how.wave + self._how.move:
                    draft.move(max(seconds, 1.0) + 1.5)
                elif kind < self._how.wave + self._how.move + self._how.arms_alone and self._leg_actions:
                    self._move_arms(draft, lengths, rng)
                else:
                    draft.stand(seconds)
        return draft.stream(skip, frames)

    def _go_on(self, draft: Draft, number: int, lengths: FloatArray, rng: Generator) -> None:
        """One more action, with the way to it and some of its clip's own rest before and after it."""
        piece = self._pieces[number].shortened(rng.uniform(*self._how.longest_s), rng)
        low, high = self._how.speed
        if piece.source in _HURRIED:
            high = min(high, _HARDLY_FASTER)
        speed = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        before, action, after = self._cut(piece, speed, rng)
        whole = _placed(join([before, action, after]).resized(lengths), draft.last)
        first, last = len(before), len(before) + len(action)
        if draft.last is not None:
            begin = still(whole[:1], rng.uniform(0.3, 1.2), rng) if rng.random() < self._how.frozen else whole[:0]
            target = REST if near(draft.last, whole) else ANYTHING
            draft.add(blend(draft.last, whole, int(rng.integers(3, 10))), target)
            draft.add(begin, REST)
        draft.add(whole[:first], REST)
        done = whole[first:last]
        greets = piece.label == "walk" and len(done) > 2 * _GREETING and rng.random() < self._how.greeting
        cut = int(rng.integers(_GREETING, len(done) - _GREETING + 1)) if greets else len(done)
        draft.act(done[:cut], piece.label, number, *_doubt(piece, done[:cut], speed))
        if greets:
            draft.greet(done[cut:])
        draft.add(whole[last:], REST)

    def _move_arms(self, draft: Draft, lengths: FloatArray, rng: Generator) -> None:
        """Stand, or sit, and move the arms as in an action that legs tell: nothing."""
        donor = self._leg_actions[int(rng.integers(len(self._leg_actions)))]
        assert draft.last is not None
        body = still(draft.last[-1:], min((donor.end - donor.start) / donor.rate, self._how.longest_s[1]), rng)
        moved = _with_arms(body, lengths, donor)
        draft.add(blend(draft.last, moved, int(rng.integers(3, 10))), REST)
        draft.add(moved, REST)

    def _cut(self, piece: Piece, speed: float, rng: Generator) -> tuple[Motion, Motion, Motion]:
        """Rest, action and rest of a clip; leg actions sometimes with the arms of another clip."""
        action = piece.action(speed)
        if piece.label in self._labels.leg_actions and rng.random() < self._how.foreign_arms:
            donor = self._pieces[int(rng.integers(len(self._pieces)))]
            action = _with_arms(action, piece.motion.lengths(), donor)
        begin, end, whole_s = piece.start / piece.rate, piece.end / piece.rate, len(piece.motion) / piece.rate
        before, after = (rest * rng.random() if rng.random() < 0.6 else 0.0 for rest in (begin, whole_s - end))
        return piece.at(begin - before, before, speed), action, piece.at(end, after, speed)

    def _body(self, rng: Generator) -> FloatArray:
        """Bone lengths of nobody: two people mixed, every limb varied."""
        one, two = self._lengths[rng.integers(len(self._lengths), size=2)]
        vary = rng.uniform(0.9, 1.1, 14).astype(np.float32)
        vary[3:6], vary[11:14] = vary[0:3], vary[8:11]  # both sides alike
        lengths: FloatArray = ((one + rng.random() * (two - one)) * vary).astype(np.float32)
        return lengths

    def _next(self, last: Motion | None, rng: Generator) -> int:
        """Number of a piece, drawn by its weight; mostly one of its label that begins as the last action ended."""
        numbers = rng.choice(len(self._pieces), size=self._how.neighbours, p=self._weights)
        if last is None or rng.random() < 0.3:
            return int(numbers[0])
        same = [number for number in numbers if self._pieces[number].label == self._pieces[numbers[0]].label]
        pose = last.bones[-1, LEGS]
        apart = [np.linalg.norm(self._starts[number][LEGS] - pose, axis=-1).sum() for number in same]
        return int(same[int(np.argmin(apart))])


def _weights(pieces: Sequence[Piece]) -> NDArray[np.float64]:
    """``[pieces]`` chances: a label counts by the root of its size, a set inside it by the fourth root."""
    names, label_of = np.unique([piece.label for piece in pieces], return_inverse=True)
    source_of = np.unique([piece.source for piece in pieces], return_inverse=True)[1]
    weights: NDArray[np.float64] = np.zeros(len(pieces))
    for label, name in enumerate(names):
        inside = np.flatnonzero(label_of == label)
        share = np.bincount(source_of[inside])[source_of[inside]] ** -0.75
        size = min(max(len(inside), 40), 250) ** 0.5
        weights[inside] = size * (0.45 if str(name).startswith("other") else 1.0) * share / share.sum()
    weights /= weights.sum()
    return weights


def _doubt(piece: Piece, done: Motion, speed: float) -> tuple[NDArray[np.bool_] | None, str]:
    """Frames of an action, played at a speed, that may be something else, and the target set that says so."""
    if piece.source in _HURRIED and piece.label in WALKED_TO:
        return _velocity(done.pelvis[:, [0, 2]]) > _WALKING_M_S * speed, or_walk(piece.label)
    if piece.source in _HURRIED and piece.label == CARRY:
        return _velocity(done.pelvis[:, [0, 2]]) < _STANDING_M_S * speed, REST_OR_CARRY
    if piece.label == "raise_hand":
        left, right = ARM_BONES[:2], ARM_BONES[2:]
        hands = [done.bones[:, list(arm)].sum(1) for arm in (left, right)]
        return np.max([_velocity(hand) for hand in hands], axis=0) > _HELD_M_S, ANYTHING
    return None, ""


def _velocity(place: FloatArray) -> NDArray[np.floating[Any]]:
    """``[T]`` metres a second of ``[T, D]`` places."""
    reach = max(round(_STRIDE_S * RATE_HZ), 1)
    frames = np.arange(len(place))
    low, high = np.maximum(frames - reach, 0), np.minimum(frames + reach, max(len(place) - 1, 0))
    metres = np.linalg.norm(place[high] - place[low], axis=-1)
    velocity: NDArray[np.floating[Any]] = metres * RATE_HZ / np.maximum(high - low, 1)
    return velocity


def _with_arms(action: Motion, lengths: FloatArray, donor: Piece) -> Motion:
    """A movement with the arms of another clip, as long as a body of these bone lengths has them."""
    arms = donor.at(0, len(action) / RATE_HZ, 1.0)
    arms = arms.turned(action.heading(0) - arms.heading(0))
    taken = arms.bones[np.minimum(np.arange(len(action)), len(arms) - 1)]
    factors = lengths / donor.motion.lengths()
    bones = action.bones.copy()
    bones[:, ARM_BONES] = taken[:, ARM_BONES] * factors[list(ARM_BONES), None]
    return Motion(bones, action.pelvis)


def _placed(whole: Motion, last: Motion | None) -> Motion:
    """Put a movement where the last one ended, on its ground and with its heading."""
    if last is None:
        return whole.turned(-whole.heading(0))
    whole = whole.turned(last.heading(-1) - whole.heading(0))
    shift = last.pelvis[-1] - whole.pelvis[0]
    shift[1] = last.ground(-1) - whole.ground(0)
    return whole.moved(shift)
