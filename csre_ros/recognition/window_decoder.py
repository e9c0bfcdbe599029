"""What a robot may act on, from the scores of windows: smoothing, thresholds with hysteresis, debounce, events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from csre_ros.recognition.decoder import Decoder, softmax
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.types import ActionEvent, EventState
from csre_ros.skeleton import FloatArray


class WindowDecoder(Decoder):
    """Decides what one person is doing, from windows that follow each other.

    An action starts when its smoothed probability is the highest of all labels and has stayed at or above its threshold
    for ``min_duration_s`` (debounce). It ends when that probability falls below ``leave_ratio`` times the threshold
    (hysteresis), or when another action starts. Times are those of the stamps, so the frame rate does not matter.

    A window is not made to say when something began or ended. What the events tell of it is the middle of the window
    that first, or last, spoke for the action: right where actions last as long as the window, and the best that can be
    said without looking again.
    """

    def step(self, evidence: Evidence, person: int) -> list[ActionEvent]:
        """As :meth:`Decoder.step`; the newest frame is later than at the step before."""
        stamp_ns = evidence.span_ns[1]
        smoothed = self._smooth(stamp_ns, evidence.logits)
        self._instant_ns = evidence.instant_ns
        starting = self._starting(stamp_ns, smoothed)
        events = []
        if self._active is not None and (
            starting or smoothed[self._active] < self.config.leave_ratio * self._limit(self._active)
        ):
            events += self._end(stamp_ns, person, self._instant_ns)
        if starting:
            self._active, self._active_since_ns = self._candidate, self._candidate_since_ns
            self._reported_ns, self._peak = stamp_ns, 0.0
            events.append(self._event(stamp_ns, person, EventState.STARTED, self.score))
        if self._active is not None:
            self._peak = max(self._peak, self.score)
            if self._ongoing_due(stamp_ns):
                events.append(self._event(stamp_ns, person, EventState.ONGOING, self.score))
        return events

    def end(self, stamp_ns: int, person: int) -> list[ActionEvent]:
        """As :meth:`Decoder.end`."""
        return self._end(stamp_ns, person, self._smoothed_ns)

    def reset(self) -> None:
        """Forget everything; makes no event."""
        super().reset()
        self._smoothed_ns = self._instant_ns = 0  # newest frame of the newest window, and its middle
        self._candidate_ns = self._candidate_since_ns = 0  # the same of the window that first spoke for the candidate
        self._active_since_ns = 0
        self._peak = 0.0

    def _end(self, stamp_ns: int, person: int, until_ns: int) -> list[ActionEvent]:
        if self._active is None:
            return []
        event = self._event(stamp_ns, person, EventState.ENDED, self._peak)
        self._active = None
        return [replace(event, until_ns=max(until_ns, event.since_ns))]

    def _smooth(self, stamp_ns: int, logits: FloatArray) -> NDArray[np.float64]:
        """Exponential smoothing of the softmax with a time constant in seconds."""
        current = softmax(logits)
        if self._probabilities is not None and self.config.smoothing_s > 0:
            keep = float(np.exp((self._smoothed_ns - stamp_ns) / 1e9 / self.config.smoothing_s))
            current = keep * self._probabilities + (1 - keep) * current
        self._probabilities, self._smoothed_ns = current, stamp_ns
        return current

    def _starting(self, stamp_ns: int, smoothed: NDArray[np.float64]) -> bool:
        """Whether another action than the active one has led for long enough."""
        label = int(smoothed.argmax())
        if self._labels[label].background or smoothed[label] < self._limit(label):
            self._candidate = None
        elif label != self._candidate:
            self._candidate, self._candidate_ns, self._candidate_since_ns = label, stamp_ns, self._instant_ns
        if self._candidate is None or self._candidate == self._active:
            return False
        return (stamp_ns - self._candidate_ns) / 1e9 >= self.config.min_duration_s

    def _limit(self, label: int) -> float:
        return self._labels[label].threshold * self.config.threshold_scale

    def _event(self, stamp_ns: int, person: int, state: EventState, score: float) -> ActionEvent:
        return ActionEvent(stamp_ns, person, self.action or "", state, score, self._active_since_ns)
