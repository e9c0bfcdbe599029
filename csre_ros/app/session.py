"""A run over a source: to its end, for some seconds, or until the user interrupts."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType, TracebackType
from typing import Any

from csre_ros.app.screen.terminal import console, say_latency
from csre_ros.pipeline import Pipeline
from csre_ros.recognition import ActionEvent, PersonAction
from csre_ros.sources.frames import Source, SourceFrame
from csre_ros.timing import StageTimer

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Session:
    """The frames of a source, counted, until it ends, for so many seconds of it, or until SIGINT or SIGTERM.

    A signal interrupts the wait for a frame and never the work on one, so that what is being written is written whole,
    and files that close inside the ``with`` statement close undisturbed. Of use on the main thread only.

    Args:
        source: An open source.
        seconds: End after this many seconds of source time; 0 runs to the end.

    Attributes:
        frames: Frames taken so far.
        covered_s: Source time from the first to the newest frame, in seconds.
        interrupted: Whether a signal came.
    """

    def __init__(self, source: Source, seconds: float = 0.0) -> None:
        self.source = source
        self.frames = 0
        self.covered_s = 0.0
        self.interrupted = False
        self._seconds = seconds
        self._waiting = False
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Session:
        self._handlers = {number: signal.signal(number, self._interrupt) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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


def recognise(
    session: Session,
    pipeline: Pipeline,
    show: Callable[[SourceFrame, list[PersonAction], float], bool],
    leave: Callable[[list[PersonAction]], None],
) -> None:
    """Run recognition over a session; print which bundle runs where, and at the end how long every stage took.

    Args:
        session: Where frames come from.
        pipeline: The runtime; closed at the end.
        show: Called with every frame, what everybody is doing, and the milliseconds from capture to that result, which
            of a stored frame begin when it is read; False ends the run.
        leave: Called at the end with the last records of those who were still there, however the run ends.
    """
    bundle = pipeline.recognizer.bundle
    console.print(f"bundle {bundle.info.name} ({bundle.path}) runs on {bundle.device}")
    total = StageTimer()
    try:
        for frame in session:
            begin_s = time.perf_counter()
            _, people = pipeline.step(frame)
            live = session.source.live
            took_s = time.time() - frame.stamp_ns / 1e9 if live else time.perf_counter() - begin_s
            if session.frames > 1:  # the first frame loads the pose model
                total.add("capture to result", took_s)
            if not show(frame, people, took_s * 1e3):
                break
    finally:
        leave(pipeline.recognizer.finish())
        pipeline.close()
    if session.interrupted:
        console.print("interrupted")
    stages = pipeline.timer.summary() + total.summary()
    say_latency(stages, session.frames, session.source.dropped, pipeline.recognizer.counts)


def events_of(people: Sequence[PersonAction]) -> Iterable[ActionEvent]:
    """The events of some records, in order."""
    return (event for person in people for event in person.events)
