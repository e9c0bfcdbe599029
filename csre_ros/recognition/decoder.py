"""From scores to what a robot may act on: smoothing, thresholds with hysteresis, debounce, events. One per person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from csre_ros.recognition.bundle_info import OTHER, Label
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.settings import DecoderConfig
from csre_ros.recognition.types import ActionEvent, Decision, EventState
from csre_ros.skeleton import FloatArray


@dataclass
class _State:
    """What a decoder remembers: indices of labels, stamps of when something was seen to begin or was reported.

    Stamps of decisions, but for ``instant_ns`` and all ``since_ns``: instants of which the evidence spoke.
    """

    smoothed: NDArray[np.float64] | None = None
    smoothed_ns: int = 0
    instant_ns: int = 0
    candidate: int | None = None
    candidate_ns: int = 0
    candidate_since_ns: int = 0
    active: int | None = None
    active_since_ns: int = 0
    reported_ns: int = 0
    peak: float = 0.0


class Decoder:
    """Decides what one person is doing.

    An action starts when its smoothed probability is the highest of all labels and has stayed at or above its threshold
    for ``min_duration_s`` (debounce). It ends when that probability falls below ``leave_ratio`` times the threshold
    (hysteresis), or when another action starts. Times are those of the stamps, so the frame rate does not matter.

    A window is not made to say when something began or ended. What the events tell of it is the middle of the window
    that first, or last, spoke for the action: right where actions last as long as the window, and the best that can be
    said without looking again.

    Args:
        labels: Classes in the order of the logits.
        config: Times and ratios.

    Attributes:
        config: As given; may be replaced between two steps.
    """

    def __init__(self, labels: Sequence[Label], config: DecoderConfig) -> None:
        self.config = config
        self._labels = tuple(labels)
        self._state = _State()

    @property
    def probabilities(self) -> FloatArray | None:
        """``[classes]`` smoothed; None before the first step."""
        return None if self._state.smoothed is None else self._state.smoothed.astype(np.float32)

    @property
    def best(self) -> str | None:
        """The label with the highest smoothed probability, background included; None before the first step."""
        smoothed = self._state.smoothed
        return None if smoothed is None else self._labels[int(smoothed.argmax())].name

    @property
    def decision(self) -> Decision:
        """Whether there is an action, and if not, why not."""
        state = self._state
        if state.active is not None:
            return Decision.ACTION
        if state.smoothed is None or state.candidate is not None:
            return Decision.UNDECIDED
        best = self._labels[int(state.smoothed.argmax())]
        return Decision.IDLE if best.background and best.name != OTHER else Decision.UNKNOWN

    @property
    def action(self) -> str | None:
        """The action being performed; None unless :attr:`decision` is ``ACTION``."""
        return None if self._state.active is None else self._labels[self._state.active].name

    @property
    def score(self) -> float:
        """Smoothed probability of the action, or of the best label where there is none."""
        smoothed, active = self._state.smoothed, self._state.active
        if smoothed is None:
            return 0.0
        return float(smoothed.max() if active is None else smoothed[active])

    def step(self, evidence: Evidence, person: int) -> list[ActionEvent]:
        """Take one answer of the encoder in.

        Args:
            evidence: Finite; its newest frame is later than at the step before.
            person: Track id, for the events.

        Returns:
            What changed, in order.
        """
        state, config, stamp_ns = self._state, self.config, evidence.span_ns[1]
        smoothed = self._smooth(stamp_ns, evidence.logits)
        state.instant_ns = evidence.instant_ns
        starting = self._starting(stamp_ns, smoothed)
        events = []
        if state.active is not None and (
            starting or smoothed[state.active] < config.leave_ratio * self._limit(state.active)
        ):
            events += self._end(stamp_ns, person, state.instant_ns)
        if starting:
            state.active, state.active_since_ns = state.candidate, state.candidate_since_ns
            state.reported_ns, state.peak = stamp_ns, 0.0
            events.append(self._event(stamp_ns, person, EventState.STARTED, self.score))
        if state.active is not None:
            state.peak = max(state.peak, self.score)
            if (stamp_ns - state.reported_ns) / 1e9 >= config.ongoing_s:
                state.reported_ns = stamp_ns
                events.append(self._event(stamp_ns, person, EventState.ONGOING, self.score))
        return events

    def end(self, stamp_ns: int, person: int) -> list[ActionEvent]:
        """End the action, if there is one, when it was last seen: nothing is known about the person any more."""
        return self._end(stamp_ns, person, self._state.smoothed_ns)

    def reset(self) -> None:
        """Forget everything; makes no event."""
        self._state = _State()

    def _end(self, stamp_ns: int, person: int, until_ns: int) -> list[ActionEvent]:
        state = self._state
        if state.active is None:
            return []
        event = self._event(stamp_ns, person, EventState.ENDED, state.peak)
        state.active = None
        return [replace(event, until_ns=max(until_ns, event.since_ns))]

    def _smooth(self, stamp_ns: int, logits: FloatArray) -> NDArray[np.float64]:
        """Exponential smoothing of the softmax with a time constant in seconds."""
        state = self._state
        exponents = np.exp(logits.astype(np.float64) - float(logits.max()))
        current: NDArray[np.float64] = exponents / exponents.sum()
        if state.smoothed is not None and self.config.smoothing_s > 0:
            keep = float(np.exp((state.smoothed_ns - stamp_ns) / 1e9 / self.config.smoothing_s))
            current = keep * state.smoothed + (1 - keep) * current
        state.smoothed, state.smoothed_ns = current, stamp_ns
        return current

    def _starting(self, stamp_ns: int, smoothed: NDArray[np.float64]) -> bool:
        """Whether another action than the active one has led for long enough."""
        state = self._state
        label = int(smoothed.argmax())
        if self._labels[label].background or smoothed[label] < self._limit(label):
            state.candidate = None
        elif label != state.candidate:
            state.candidate, state.candidate_ns, state.candidate_since_ns = label, stamp_ns, state.instant_ns
        if state.candidate is None or state.candidate == state.active:
            return False
        return (stamp_ns - state.candidate_ns) / 1e9 >= self.config.min_duration_s

    def _limit(self, label: int) -> float:
        return self._labels[label].threshold * self.config.threshold_scale

    def _event(self, stamp_ns: int, person: int, state: EventState, score: float) -> ActionEvent:
        return ActionEvent(stamp_ns, person, self.action or "", state, score, self._state.active_since_ns)
