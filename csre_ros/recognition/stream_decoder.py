"""What a robot may act on, from a label for every frame: intervals whose begin and end are part of the answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from csre_ros.recognition.bundle_info import Label
from csre_ros.recognition.decoder import Decoder, softmax
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.frame_decoder import FrameDecoder, FrameDecoding, Reported
from csre_ros.recognition.open_set import OpenSet
from csre_ros.recognition.settings import DecoderConfig
from csre_ros.recognition.taught import Matcher
from csre_ros.recognition.types import ActionEvent, EventState
from csre_ros.skeleton import FloatArray


class StreamDecoder(Decoder):
    """Decides what one person is doing, from one frame after the other; see :class:`FrameDecoder`.

    Of the settings ``threshold_scale``, ``unknown`` and ``ongoing_s`` count; the bundle brings the others, fitted to
    its network.

    Args:
        labels: Classes in the order of the logits, then those of the matcher.
        config: Settings of the user.
        decoding: Settings of the bundle.
        rate_hz: Steps per second.
        matcher: Tells taught labels. What it recognises takes its share from all labels of the bundle, so that a taught
            movement overrides *other*, and an action of the bundle that is surer of itself stays.
        open_set: How movements without a label are refused; None where the bundle cannot tell. Taught labels never are.
    """

    _origin_ns: int | None  # the decoder counts seconds from here

    def __init__(
        self,
        labels: Sequence[Label],
        config: DecoderConfig,
        decoding: FrameDecoding,
        rate_hz: float,
        matcher: Matcher | None = None,
        open_set: OpenSet | None = None,
    ) -> None:
        self._matcher = matcher
        self._frames = FrameDecoder(labels, decoding, rate_hz)
        self._open_set = open_set
        super().__init__(labels, config)

    def step(self, evidence: Evidence, person: int) -> list[ActionEvent]:
        """As :meth:`Decoder.step`."""
        stamp_ns = evidence.span_ns[1]
        self._probabilities, began = softmax(evidence.logits), None
        if self._origin_ns is None:
            self._origin_ns = evidence.instant_ns
        at, known = (evidence.instant_ns - self._origin_ns) / 1e9, None
        if self._open_set is not None:
            known = self._open_set.known(self._probabilities, evidence.embedding, self.config.unknown)
            known = np.r_[known, np.ones(len(self._labels) - len(known), bool)]
        if self._matcher is not None:
            match = self._matcher.step(evidence)
            began = np.r_[np.full(len(self._probabilities), np.nan), at - match.seconds]
            self._probabilities = beside(self._probabilities, match.probabilities)
        self._frames.scale = self.config.threshold_scale
        changes = self._frames.step(at, self._probabilities, began, known, evidence.begin)
        self._active, self._candidate = self._frames.active, self._frames.candidate
        events = [self._event(stamp_ns, person, change) for change in changes]
        if any(event.state is EventState.STARTED for event in events):
            self._reported_ns = stamp_ns
        elif self._active is not None and self._ongoing_due(stamp_ns):
            now = Reported(self._active, self._frames.since, None, self.score)
            events.append(self._event(stamp_ns, person, now, EventState.ONGOING))
        return events

    def end(self, stamp_ns: int, person: int) -> list[ActionEvent]:
        """As :meth:`Decoder.end`."""
        events = [self._event(stamp_ns, person, change) for change in self._frames.end()]
        self._active = None
        return events

    def reset(self) -> None:
        """Forget everything; makes no event."""
        super().reset()
        self._frames.reset()
        self._origin_ns = None
        if self._matcher is not None:
            self._matcher.reset()

    def _event(
        self, stamp_ns: int, person: int, change: Reported, state: EventState = EventState.STARTED
    ) -> ActionEvent:
        until_ns = None if change.until is None else min(self._stamp_ns(change.until), stamp_ns)
        state = state if until_ns is None else EventState.ENDED
        name = self._labels[change.label].name
        return ActionEvent(stamp_ns, person, name, state, change.score, self._stamp_ns(change.since), until_ns)

    def _stamp_ns(self, seconds: float) -> int:
        return (self._origin_ns or 0) + round(seconds * 1e9)


def beside(probabilities: NDArray[np.float64], taught: FloatArray) -> NDArray[np.float64]:
    """Probabilities ``[labels + taught]`` that sum to one, of those of a bundle and what fits of the taught labels."""
    best = float(taught.max(initial=0.0))
    share = taught * (best / max(float(taught.sum()), 1e-9))
    both: NDArray[np.float64] = np.r_[probabilities * (1 - best), share.astype(np.float64)]
    return both
