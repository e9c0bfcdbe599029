"""A run over a source: to its end, for some seconds, or until the user interrupts."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from csre_ros.pipeline import Pipeline
from csre_ros.recognition import ActionEvent, PersonAction
from csre_ros.signals import ending_signals
from csre_ros.sources.frames import Source, SourceFrame
from csre_ros.timing import SLOWEST_HZ, FrameRate, StageTimer

logger = logging.getLogger(__name__)


class Session:
    """The frames of a source, counted, until it ends, for so many seconds of it, or until SIGINT, SIGTERM or SIGHUP.

    A signal interrupts the wait for a frame and never the work on one, so that what is being written is written whole,
    and files that close inside the ``with`` statement close undisturbed. Of use on the main thread only.

    Args:
        source: An open source.
        seconds: End after this many seconds of source time; 0 runs to the end.

    Attributes:
        frames: Frames taken so far.
        covered_s: Source time from the first to the newest frame, in seconds.
        interrupted: Whether a signal came.
        timer: How long a frame took from its capture to what is known of it.
    """

    def __init__(self, source: Source, seconds: float = 0.0) -> None:
        self.source = source
        self.frames = 0
        self.covered_s = 0.0
        self.interrupted = False
        self.timer = StageTimer()
        self._seconds = seconds
        self._waiting = False
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Session:
        self._handlers = {number: signal.signal(number, self._interrupt) for number in ending_signals()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.interrupted:
            return  # who asks again, while the run is being wound up, has been heard
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def __iter__(self) -> Iterator[SourceFrame]:
        first_ns: int | None = None
        frames = iter(self.source)
        while (frame := self._wait(frames)) is not None:
            first_ns = frame.stamp_ns if first_ns is None else first_ns
            covered_s = (frame.stamp_ns - first_ns) / 1e9
            if self._seconds and covered_s > self._seconds:
                return
            self.frames, self.covered_s = self.frames + 1, covered_s
            yield frame

    def _wait(self, frames: Iterator[SourceFrame]) -> SourceFrame | None:
        """The next frame; None where there is none any more, or the user has had enough."""
        self._waiting = True
        try:
            return None if self.interrupted else next(frames, None)
        except KeyboardInterrupt:
            return None
        finally:
            self._waiting = False

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        if self._waiting:
            self._waiting = False  # once: what the first one unwinds, a second one must not disturb
            raise KeyboardInterrupt


@dataclass(frozen=True, eq=False)
class Recognised:
    """One frame of a run, and what is known then.

    Attributes:
        frame: The frame.
        people: What everybody is doing.
        latency_s: Seconds from its capture to that result; of a stored frame, from when it was read.
        rate_hz: Frames per second by their stamps.
        is_slow: Whether those are too few to recognise by.
    """

    frame: SourceFrame
    people: list[PersonAction]
    latency_s: float
    rate_hz: float
    is_slow: bool

    @property
    def status(self) -> str:
        """One line about speed, to be shown beside the picture."""
        return f"{self.latency_s * 1e3:.1f} ms   {self.rate_hz:.0f} fps"

    @property
    def warning(self) -> str:
        """What is wrong with the speed; empty where nothing is."""
        return f"too slow: {self.rate_hz:.0f} fps, {SLOWEST_HZ:g} are needed" if self.is_slow else ""


def recognise(session: Session, pipeline: Pipeline) -> Iterator[Recognised]:
    """Run recognition over a session. Nothing is printed; too few frames per second are logged, once.

    Stages are timed in ``pipeline.timer`` and ``session.timer``.

    Whoever iterates calls ``pipeline.recognizer.finish()`` afterwards, however the run ended, for the last records of
    those who were still there.

    Args:
        session: Where frames come from.
        pipeline: The runtime.
    """
    rate, warned = FrameRate(), False
    for frame in session:
        begin_s = time.perf_counter()
        _, people = pipeline.step(frame)
        live = session.source.live
        latency_s = time.time() - frame.stamp_ns / 1e9 if live else time.perf_counter() - begin_s
        if session.frames > 1:  # the first frame loads the pose model
            session.timer.add("capture to result", latency_s)
        rate_hz = rate.step(frame.stamp_ns)
        if rate.is_slow and not warned:
            warned = True
            advice = "let the source send %g, or lower pose.max_people" if live else "record at least %g"
            logger.warning(f"%.1f frames per second are too few to recognise actions by: {advice}", rate_hz, SLOWEST_HZ)
        yield Recognised(frame, people, latency_s, rate_hz, rate.is_slow)


def dims_of(source: Source) -> int | None:
    """Dimensions of the people that a source knows; None where a pose estimator must find them."""
    return source.layout.dims if source.layout is not None else None


def events_of(people: Sequence[PersonAction]) -> Iterable[ActionEvent]:
    """The events of some records, in order."""
    return (event for person in people for event in person.events)
