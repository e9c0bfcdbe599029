"""The input that captures in the process: a camera, or a file that stands in for one."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator

from csre_ros.foreign_text import sentence
from csre_ros.pose.registry import estimated_layout
from csre_ros.ros.health import CAPTURE, Health
from csre_ros.ros.inputs.contract import InputContext
from csre_ros.ros.readers.reading import Reading
from csre_ros.sources.camera import without_password
from csre_ros.sources.frames import Source, SourceFrame
from csre_ros.sources.live import FIRST_RETRY_S, LONGEST_RETRY_S
from csre_ros.sources.open import is_live, is_recording, open_source
from csre_ros.sources.pacing import at_own_speed

_MARGIN_S = 0.1
# How long activation waits for a camera or stream; it may come later. How long closing waits for its thread.
_PATIENCE_S, _CLOSE_TIMEOUT_S, _POLL_S = 1.5, 1.0, 0.05


class CaptureInput:
    """A source read by a thread of its own.

    A file or recording plays at its own speed and stands in for a camera: its first frame is stamped with the time at
    which it is played, and the others keep their distance. Between two rounds of a loop it pauses until the people of
    the last round have been given up, so that no window reaches across the cut.
    """

    def __init__(self, context: InputContext) -> None:
        source = context.settings.node.source
        self.what = without_password(source)
        self.images = not is_recording(source)
        self.dims = estimated_layout(context.settings.pose).dims if self.images else _recorded_dims(source)
        self._context = context
        self._patient = is_live(source) and context.settings.capture.reconnect
        self._stopping = threading.Event()
        self._source: Source | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Open the source and begin to read it; errors as :func:`csre_ros.sources.open_source`.

        A camera or stream that is not there is waited for, where the settings say that a lost one would be.
        """
        self._stopping, opening = threading.Event(), _Opening()
        thread = threading.Thread(target=self._run, args=(self._stopping, opening), name="capture", daemon=True)
        thread.start()
        self._thread = thread
        try:
            opening.wait(self._context.stopping, _PATIENCE_S if self._patient else math.inf)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Stop reading and close the source."""
        self._stopping.set()
        if self._source is not None:
            self._source.__exit__(None, None, None)  # ends the wait for a live frame
        if self._thread is not None:
            # One that hangs in a driver or in FFmpeg is left to itself; it closes what it opened when it returns.
            self._thread.join(_CLOSE_TIMEOUT_S)
        self._source = self._thread = None

    def read(self, item: SourceFrame) -> Reading:
        """Frames are delivered as they are."""
        return item, Counter()

    def _run(self, stopping: threading.Event, opening: _Opening) -> None:
        try:
            source = self._opened(stopping, opening)
            if source is None:
                return
            self._source = source
            opening.settled.set()
            try:
                self._play(source, stopping)
            finally:
                if stopping.is_set():  # perhaps before anybody knew of the source
                    source.__exit__(None, None, None)
        except Exception as error:  # a thread of our own: nobody else would hear of it
            self._context.health.failed(CAPTURE, error)
            if not opening.fail(error):
                self._context.node.get_logger().error(f"{self.what}: {sentence(error)}")
        if not stopping.is_set():
            self._context.ended()

    def _opened(self, stopping: threading.Event, opening: _Opening) -> Source | None:
        """The source once it is there; None when it is no longer wanted."""
        settings, pause_s = self._context.settings, FIRST_RETRY_S
        while not stopping.is_set():
            try:
                source = open_source(settings.node.source, settings.capture, stopping)
                source.__enter__()
                return source
            except OSError as error:
                if not self._patient:
                    raise
                self._context.health.waits_for(sentence(error))
                logger = self._context.node.get_logger()
                logger.warning(f"waiting for {self.what}: {sentence(error)}", throttle_duration_sec=30.0)
                opening.settled.set()
            stopping.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_RETRY_S)
        return None

    def _play(self, source: Source, stopping: threading.Event) -> None:
        losses = _Losses(source, self._context.health)
        for frame in self._rounds(source):
            if stopping.is_set():
                return
            self._context.health.arrived()
            self._context.deliver(frame)
            losses.report()
        losses.report()

    def _rounds(self, source: Source) -> Iterator[SourceFrame]:
        if source.live:
            yield from source
            return
        settings = self._context.settings
        recognizer = settings.recognizer
        pause_s = max(recognizer.tracker.death_s, recognizer.window.max_gap_s) + _MARGIN_S
        while True:
            yield from at_own_speed(source, self._stopping.wait, self._context.now_ns)
            if not settings.node.loop or self._stopping.wait(pause_s):
                return


class _Opening:
    """What came of the first attempt to open a source, from one thread to another."""

    def __init__(self) -> None:
        self.settled = threading.Event()
        self._error: Exception | None = None

    def fail(self, error: Exception) -> bool:
        """The attempt failed for good; whether anybody is there to hear it."""
        if self.settled.is_set():
            return False
        self._error = error
        self.settled.set()
        return True

    def wait(self, stopping: threading.Event, patience_s: float) -> None:
        """Wait until the attempt is settled, or for as long as the patience lasts.

        Raises:
            InterruptedError: The process is to end.
            Exception: Why it failed.
        """
        end_s = time.monotonic() + patience_s
        while not self.settled.wait(_POLL_S) and time.monotonic() < end_s:
            if stopping.is_set():
                raise InterruptedError("the node is to end; the source is not waited for")
        if self._error is not None:
            raise self._error


def _recorded_dims(source: str) -> int | None:
    """Dimensions of the skeletons in a recording; None for one that does not open, as opening it will tell."""
    try:
        layout = open_source(source).layout
    except (OSError, ValueError):
        return None
    return layout.dims if layout else None


class _Losses:
    """Tells what a source left out since it was last asked: frames, and of recordings also people, by reason.

    Args:
        source: Counts from its own beginning.
        health: Where it is told.
    """

    def __init__(self, source: Source, health: Health) -> None:
        self._source = source
        self._health = health
        self._dropped = 0
        self._rejected: Counter[str] = Counter()

    def report(self) -> None:
        """Tell what is new."""
        source, health = self._source, self._health
        if dropped := source.dropped - self._dropped:
            self._dropped += dropped
            if source.live:
                health.skipped(dropped)
            else:  # a file waits for whoever reads it, so what it leaves out is damaged
                health.rejected("unreadable frame", dropped)
        rejected: Counter[str] = Counter(getattr(source, "rejected", {}))  # images have nobody to reject yet
        for reason, count in (rejected - self._rejected).items():
            health.rejected(reason, count)
        self._rejected = rejected
