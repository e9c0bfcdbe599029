"""Encoders that label every frame: one step of the network for every instant of a person's own grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from csre_ros.recognition.bundle import Bundle, States
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.extensions import StreamInfo
from csre_ros.recognition.window import mix
from csre_ros.skeleton import FloatArray
from csre_ros.timing import StageTimer


class _Seen(NamedTuple):
    """A frame of one person: stamp, positions ``[V, dims]`` and confidence ``[V]``."""

    stamp_ns: int
    positions: FloatArray
    confidence: FloatArray


class _Instant(NamedTuple):
    """One point of the grid: when, the frames on both sides, and how far it lies between them."""

    at_ns: int
    before: _Seen
    after: _Seen
    share: float


_Joints = tuple[FloatArray, FloatArray]


class _Row(NamedTuple):
    """The states of one person: a row of those of a batch."""

    batch: States
    row: int


@dataclass(eq=False)
class _Stream:
    """What is remembered of one person.

    Attributes:
        first_ns: Stamp of the first frame, where the grid starts.
        taken: Points of the grid so far.
        newest: The newest frame.
        waiting: Points of the grid that the network has not seen.
        states: After the newest point that it has; None before the first.
        recent: Joints at the newest points that the network has seen, as many as its answers lag behind.
    """

    first_ns: int = 0
    taken: int = 0
    newest: _Seen | None = None
    waiting: list[_Instant] = field(default_factory=list)
    states: _Row | None = None
    recent: tuple[_Joints, ...] = ()


class StreamEncoder:
    """An online encoder with explicit states of each person, see :class:`csre_ros.recognition.encoder.OnlineEncoder`.

    The network runs at its own rate. Its grid starts at a person's first frame, and joints are interpolated by stamps
    between the frames on both sides of an instant: frame rate and jitter do not matter, and a short occlusion is
    bridged when the person is seen again. The scores of a step speak of the instant ``delay_s`` before it; those that
    speak of the time before the first frame are left out.

    Args:
        bundle: The network.
        info: Its rate, delay and memory.
        timer: Where the stages ``window`` (gathering) and ``infer`` are timed.
    """

    paced = True

    def __init__(self, bundle: Bundle, info: StreamInfo, timer: StageTimer) -> None:
        self._bundle = bundle
        self._timer = timer
        self._period_ns = 1e9 / info.rate_hz
        self._delay_ns = round(info.delay_s * 1e9)
        self._receptive_ns = round(info.receptive_s * 1e9)
        self._lag = round(info.delay_s * info.rate_hz) + 1
        self._most = max(bundle.info.time_steps, 2)

    def start(self) -> _Stream:
        """Nothing seen, states of zero."""
        return _Stream()

    def see(self, memory: _Stream, stamp_ns: int, positions: FloatArray, confidence: FloatArray) -> bool:
        """Take in the points of the grid up to this frame.

        Returns:
            False where so many points wait for a network that does not run that the person began anew.
        """
        seen = _Seen(stamp_ns, positions, confidence)
        if memory.newest is None:
            memory.first_ns, memory.taken = stamp_ns, 0
        before = memory.newest or seen
        while (at_ns := self._at_ns(memory, memory.taken)) <= stamp_ns:
            share = (at_ns - before.stamp_ns) / max(stamp_ns - before.stamp_ns, 1)
            memory.waiting.append(_Instant(at_ns, before, seen, share))
            memory.taken += 1
        memory.newest = seen
        if len(memory.waiting) <= self._most:
            return True
        memory.waiting.clear()
        memory.states, memory.newest, memory.recent = None, None, ()
        return False

    def span_ns(self, memory: _Stream) -> tuple[int, int] | None:
        """From where the network looks back to, at most the first frame, to the newest frame."""
        return None if memory.newest is None else self._span(memory, memory.newest.stamp_ns)

    def ready(self, memory: _Stream) -> bool:
        """Whether a point of the grid waits."""
        return bool(memory.waiting)

    def decide(self, memories: Sequence[_Stream]) -> list[tuple[Evidence, ...]]:
        """Run the network on everything that waits; everybody's next point is one batch."""
        found: list[list[Evidence]] = [[] for _ in memories]
        states = [memory.states for memory in memories]
        recent = [memory.recent for memory in memories]
        for step in range(max(len(memory.waiting) for memory in memories)):
            rows = [row for row, memory in enumerate(memories) if step < len(memory.waiting)]
            with self._timer("window"):
                instants = [memories[row].waiting[step] for row in rows]
                positions, confidence = _between(instants)
                before = self._gather([states[row] for row in rows])
            with self._timer("infer"):
                said = self._bundle.step(positions, confidence, before)
            finite = np.isfinite(said.logits).all(axis=1) & np.isfinite(said.begin)
            for i, row in enumerate(rows):
                # States that led to nonsense are not carried on.
                states[row] = _Row(said.states, i) if finite[i] else None
                about_ns = instants[i].at_ns - self._delay_ns
                recent[row] = (*recent[row], (positions[i], confidence[i]))[-self._lag :]
                if about_ns >= memories[row].first_ns:
                    span = self._span(memories[row], instants[i].after.stamp_ns)
                    scores = said.logits[i], said.embedding[i], span, about_ns
                    found[row].append(Evidence(*scores, *recent[row][0], begin=float(said.begin[i])))
        for memory, state, newest in zip(memories, states, recent, strict=True):
            memory.states, memory.recent = state, newest
            memory.waiting.clear()
        return [tuple(evidence) for evidence in found]

    def _at_ns(self, memory: _Stream, index: int) -> int:
        return memory.first_ns + round(index * self._period_ns)

    def _span(self, memory: _Stream, newest_ns: int) -> tuple[int, int]:
        return max(memory.first_ns, newest_ns - self._receptive_ns), newest_ns

    def _gather(self, states: Sequence[_Row | None]) -> States:
        """The states of a batch; rows of zeros for those who begin.

        Where nobody came or went they are the ones that the network gave back, as they are.
        """
        kept = states[0].batch if states[0] is not None else {}
        whole = all(one is not None and one.batch is kept and one.row == row for row, one in enumerate(states))
        if whole and all(len(state) == len(states) for state in kept.values()):
            return kept
        batch = self._bundle.beginning(len(states))
        for row, one in enumerate(states):
            if one is not None:
                for name, state in one.batch.items():
                    batch[name][row] = state[one.row]
        return batch


def _between(instants: Sequence[_Instant]) -> tuple[FloatArray, FloatArray]:
    """Everybody's joints at a point of the grid each: ``[N, V, dims]``, NaN where not seen, and ``[N, V]``."""
    sides = [
        (np.stack([side.positions for side in frames]), np.stack([side.confidence for side in frames]))
        for frames in ([one.before for one in instants], [one.after for one in instants])
    ]
    return mix(sides[0], sides[1], np.array([one.share for one in instants], np.float32))
