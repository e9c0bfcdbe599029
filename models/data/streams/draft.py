"""A stream in the making: movements in a row, and what lies between one clip and the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray
from models.data.streams.body import LEGS, Motion, join, rotation
from models.data.streams.labels import ANYTHING, REST, REST_OR_WAVE, StreamLabels
from models.data.streams.moves import MOVES, STANDING
from models.data.streams.stream import RATE_HZ, Span, Stream, Targets
from models.data.synthesis import WaveStyle, raise_arm

_MOVED = 0.6
"""Share of a movement from which on it is one."""
_ON_ONE_LEG, _OVERHEAD = 0.2, 0.25
"""Share of those who wave while a leg moves, and of those whose arms are high over the head."""
_SIDES = ("left", "right")
_SQUAT = "squat"
_SQUATS_FROM = 0.04
"""A squat is one event from going down to standing."""


@dataclass(frozen=True)
class _Raised:
    """Arms to be raised once the bodies are whole."""

    start: int
    end: int
    style: WaveStyle
    sides: tuple[str, ...]
    label: str


class Draft:
    """Movements in a row with a target for every frame.

    Args:
        labels: Their labels.
        rng: All chance.
    """

    def __init__(self, labels: StreamLabels, rng: Generator) -> None:
        self._labels, self._rng = labels, rng
        self._parts: list[Motion] = []
        self._targets: list[Targets] = []
        self._spans: list[Span] = []
        self._raised: list[_Raised] = []
        self._total = 0

    def __len__(self) -> int:
        return self._total

    @property
    def last(self) -> Motion | None:
        """The newest movement; None at the beginning."""
        return self._parts[-1] if self._parts else None

    def add(self, motion: Motion, target: str) -> None:
        """Go on with a movement, all of which has one target."""
        if not len(motion):
            return
        self._parts.append(motion)
        self._targets.append(np.full(len(motion), self._labels.target(target)))
        self._total += len(motion)

    def act(
        self, motion: Motion, label: str, slot: int = -1, doubtful: NDArray[np.bool_] | None = None, doubt: str = ""
    ) -> None:
        """Go on with an action; its ``doubtful`` frames have the target set ``doubt`` instead.

        What the table has no class for is background.
        """
        if label not in self._labels.classes:
            self.add(motion, REST)
            return
        start = self._total
        self.add(motion, label)
        if doubtful is not None and len(motion):
            self._targets[-1][doubtful] = self._labels.target(doubt)
        self._spans.append(Span(start, self._total, self._labels.classes.index(label), slot))

    def stand(self, seconds: float) -> None:
        """Stand still, or sit; only with hanging arms that is nothing, for what raised arms do is not known."""
        still = self._still(seconds)
        self.add(still, "idle" if arms_hang(still) else ANYTHING)

    def wave(self, seconds: float) -> None:
        """Stand, or lift a leg, and wave one arm or both, or hold them up."""
        still = self._still(seconds, 30.0)
        if stands(still) and self._rng.random() < _ON_ONE_LEG:
            still = MOVES["other/leg"][0](still, RATE_HZ, self._rng)[0]
        self.greet(still)

    def greet_shortly(self, seconds: float) -> None:
        """Stand and wave once or twice with one arm, as people do who walk up to somebody."""
        rng, still = self._rng, self._still(seconds)
        style = replace(WaveStyle.draw(rng, True), rate=rng.uniform(0.8, 2.5), swing=np.deg2rad(rng.uniform(15, 45)))
        start = self._total
        self.act(still, "wave")
        self._raised.append(_Raised(start, self._total, style, (_SIDES[int(rng.integers(2))],), "wave"))

    def greet(self, motion: Motion) -> None:
        """Go on with a movement of somebody who waves meanwhile, with one arm or both, or holds them up."""
        rng = self._rng
        moving = rng.random() < 0.6
        sides = [_SIDES, ("left",), ("right",)][int(rng.choice(3, p=(0.3, 0.35, 0.35)))]
        label = ("wave_two_hands" if len(sides) == 2 else "wave") if moving else "raise_hand"
        style = WaveStyle.draw(rng, moving)
        if rng.random() < _OVERHEAD:
            style = replace(style, elevation=np.deg2rad(rng.uniform(50, 85)), forearm=np.deg2rad(rng.uniform(75, 105)))
        start = self._total
        self.act(motion, label)
        self._raised.append(_Raised(start, self._total, style, sides, label))

    def move(self, seconds: float) -> None:
        """Make a movement without a recording; squats several times, with hardly a pause between."""
        rng, still = self._rng, self._still(seconds)
        names = [name for name in MOVES if name not in STANDING or stands(still)]
        shares = np.array([MOVES[name][1] for name in names])
        name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        if name != _SQUAT:
            self._lay(still, name, _MOVED, ANYTHING)
            return
        for _ in range(int(rng.integers(1, 4))):
            self._lay(self._still(rng.uniform(1.2, 4.5)), name, _SQUATS_FROM, REST)
            self.stand(rng.uniform(0.15, 0.75))

    def _lay(self, still: Motion, name: str, share: float, around: str) -> None:
        moved, done = MOVES[name][0](still, RATE_HZ, self._rng)
        doing = np.flatnonzero(done > share)
        first, last = int(doing[0]), int(doing[-1]) + 1
        self.add(moved[:first], around)
        self.act(moved[first:last], name)
        self.add(moved[last:], around)

    def _still(self, seconds: float, most_turn_deg: float = 10.0) -> Motion:
        assert self.last is not None
        return still(self.last[-1:], seconds, self._rng, most_turn_deg)

    def stream(self, skip: int, frames: int) -> Stream:
        """The frames behind the first ``skip`` ones."""
        positions, target = join(self._parts).positions(), np.concatenate(self._targets)
        for raised in self._raised:
            self._raise(positions, target, raised)
        spans = [
            Span(max(span.start - skip, 0), min(span.end - skip, frames), span.label, span.slot)
            for span in self._spans
            if span.end - skip > 4 and span.start - skip < frames - 4
        ]
        part = slice(skip, skip + frames)
        confidence = np.ones((frames, positions.shape[1]), np.float32)
        return Stream(positions[part], confidence, target[part], tuple(spans), "composed")

    def _raise(self, positions: FloatArray, target: Targets, raised: _Raised) -> None:
        """Raise arms, in place; while they go up and down nobody can say whether they wave."""
        count = raised.end - raised.start
        slope = min(max(int(self._rng.uniform(0.25, 0.6) * RATE_HZ), 1), count // 3)
        frames = np.arange(count)
        weight = np.clip(np.minimum(frames, count - 1 - frames) / slope, 0, 1).astype(np.float32)
        weight = weight * weight * (3 - 2 * weight)
        part = positions[raised.start : raised.end]
        for side in raised.sides:
            raise_arm(part, side, raised.style, (frames / RATE_HZ).astype(np.float32), weight)
        doubt = REST_OR_WAVE if raised.label == "wave" else ANYTHING
        target[raised.start : raised.end][weight < 0.8] = self._labels.target(doubt)


def still(pose: Motion, seconds: float, rng: Generator, most_turn_deg: float = 10.0) -> Motion:
    """Stand in a pose as people stand: with a slow sway, a little trembling and some turning back and forth.

    Args:
        pose: One frame.
        seconds: How long; at least one frame.
        rng: All chance.
        most_turn_deg: Largest half range of the turning.
    """
    frames = max(round(seconds * RATE_HZ), 1)
    time = np.arange(frames) / RATE_HZ
    grow = np.minimum(time, 1)
    turn = np.deg2rad(rng.uniform(0, most_turn_deg)) * np.sin(2 * np.pi * rng.uniform(0.08, 0.4) * time) * grow
    bones = np.einsum("tij,bj->tbi", np.stack([rotation(angle) for angle in turn]), pose.bones[0])
    pelvis = np.repeat(pose.pelvis, frames, 0)
    for _ in range(2):
        phase, slow, fast = rng.uniform(0, 6), rng.uniform(0.1, 0.6), rng.uniform(0.1, 0.8)
        sway = np.sin(2 * np.pi * slow * time + phase) * grow
        pelvis = pelvis + sway[:, None] * rng.normal(0, 0.006, 3)
        tremble = np.sin(2 * np.pi * fast * time + 2 * phase) * grow
        bones = bones + tremble[:, None, None] * rng.normal(0, 0.008, bones.shape[1:])
    return Motion(bones.astype(np.float32), pelvis.astype(np.float32))


def near(last: Motion, first: Motion) -> bool:
    """Whether legs hardly move on the way from the end of one movement to the beginning of another."""
    return bool(np.linalg.norm(last.bones[-1, LEGS] - first.bones[0, LEGS], axis=-1).max() < 0.25)


def stands(motion: Motion) -> bool:
    """Whether both thighs hang down at the end."""
    thighs = motion.bones[-1, [1, 4]]
    return bool((thighs[:, 1] > 0.85 * np.linalg.norm(thighs, axis=-1)).all())


def arms_hang(motion: Motion) -> bool:
    """Whether both wrists are well below the shoulders at the end (y points down)."""
    bones = motion.bones[-1]
    return bool(min(bones[9, 1] + bones[10, 1], bones[12, 1] + bones[13, 1]) > 0.2)
