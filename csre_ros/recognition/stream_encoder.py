"""Encoders that label every frame: one step of the network for every instant of a person's own grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from csre_ros.recognition.bundle import Bundle, States
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.extensions import StreamInfo
from csre_ros.recognition.window import resample
from csre_ros.skeleton import FloatArray
from csre_ros.timing import StageTimer


@dataclass(frozen=True, eq=False)
class _Instant:
    """One point of the grid: when, the joints then, and the newest frame that was known by then."""

    at_ns: int
    positions: FloatArray
    confidence: FloatArray
    newest_ns: int


@dataclass(eq=False)
class _Stream:
    """What is remembered of one person.

    Attributes:
        first_ns: Stamp of the first frame, where the grid starts.
        taken: Points of the grid so far.
        newest: The newest frame: stamp, positions, confidence.
        waiting: Points of the grid that the network has not seen.
        states: After the newest point that it has; None before the first.
    """

    first_ns: int = 0
    taken: int = 0
    newest: tuple[int, FloatArray, FloatArray] | None = None
    waiting: list[_Instant] = field(default_factory=list)
    states: States | None = None


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
        self._most = max(bundle.info.time_steps, 2)

    def start(self) -> _Stream:
        """Nothing seen, states of zero."""
        return _Stream()

    def see(self, memory: _Stream, stamp_ns: int, positions: FloatArray, confidence: FloatArray) -> bool:
        """Take in the points of the grid up to this frame.

        Returns:
            False where so many points wait for a network that does not run that the person began anew.
        """
        if memory.newest is None:
            memory.first_ns = stamp_ns
            memory.waiting.append(_Instant(stamp_ns, positions, confidence, stamp_ns))
            memory.taken = 1
        elif self._at_ns(memory, memory.taken) <= stamp_ns:
            self._interpolate(memory, stamp_ns, positions, confidence)
        memory.newest = (stamp_ns, positions, confidence)
        if len(memory.waiting) <= self._most:
            return True
        memory.waiting.clear()
        memory.states, memory.newest = None, None
        return False

    def span_ns(self, memory: _Stream) -> tuple[int, int] | None:
        """From where the network looks back to, at most the first frame, to the newest frame."""
        return None if memory.newest is None else self._span(memory, memory.newest[0])

    def ready(self, memory: _Stream) -> bool:
        """Whether a point of the grid waits."""
        return bool(memory.waiting)

    def decide(self, memories: Sequence[_Stream]) -> list[tuple[Evidence, ...]]:
        """Run the network on everything that waits; everybody's next point is one batch."""
        found: list[list[Evidence]] = [[] for _ in memories]
        states = [memory.states for memory in memories]
        for step in range(max(len(memory.waiting) for memory in memories)):
            rows = [row for row, memory in enumerate(memories) if step < len(memory.waiting)]
            with self._timer("window"):
                instants = [memories[row].waiting[step] for row in rows]
                positions = np.stack([instant.positions for instant in instants])
                confidence = np.stack([instant.confidence for instant in instants])
                positions[confidence == 0] = np.nan
                before = self._gather([states[row] for row in rows])
            with self._timer("infer"):
                logits, embedding, after = self._bundle.step(positions, confidence, before)
            finite = np.isfinite(logits).all(axis=1)
            for i, row in enumerate(rows):
                # States that led to nonsense are not carried on.
                states[row] = {name: state[i] for name, state in after.items()} if finite[i] else None
                about_ns = instants[i].at_ns - self._delay_ns
                if about_ns >= memories[row].first_ns:
                    span = self._span(memories[row], instants[i].newest_ns)
                    found[row].append(Evidence(logits[i], embedding[i], span, about_ns))
        for memory, state in zip(memories, states, strict=True):
            memory.states = state
            memory.waiting.clear()
        return [tuple(evidence) for evidence in found]

    def _interpolate(self, memory: _Stream, stamp_ns: int, positions: FloatArray, confidence: FloatArray) -> None:
        """The points of the grid behind the newest frame, up to the one that comes."""
        assert memory.newest is not None
        before_ns, old_positions, old_confidence = memory.newest
        instants = []
        while (at_ns := self._at_ns(memory, memory.taken)) <= stamp_ns:
            instants.append(at_ns)
            memory.taken += 1
        joints, seen = resample(
            np.array((before_ns, stamp_ns)),
            np.stack((old_positions, positions)),
            np.stack((old_confidence, confidence)),
            np.array(instants),
        )
        memory.waiting += [_Instant(*point, stamp_ns) for point in zip(instants, joints, seen, strict=True)]

    def _at_ns(self, memory: _Stream, index: int) -> int:
        return memory.first_ns + round(index * self._period_ns)

    def _span(self, memory: _Stream, newest_ns: int) -> tuple[int, int]:
        return max(memory.first_ns, newest_ns - self._receptive_ns), newest_ns

    def _gather(self, states: Sequence[States | None]) -> States:
        """The states of a batch; rows of zeros for those who begin."""
        batch = self._bundle.beginning(len(states))
        for row, known in enumerate(states):
            if known is not None:
                for name, state in known.items():
                    batch[name][row] = state
        return batch
