"""The input that captures in the process: a camera, or a file that stands in for one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

from csre_ros.pose.registry import estimated_layout
from csre_ros.ros.health import CAPTURE, Health
from csre_ros.ros.inputs.contract import InputContext
from csre_ros.ros.readers.reading import Reading
from csre_ros.sources.camera import without_password
from csre_ros.sources.frames import Source, SourceFrame
from csre_ros.sources.open import is_recording, open_source
from csre_ros.sources.pacing import at_own_speed

_MARGIN_S = 0.1


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
        self._stopping = threading.Event()
        self._source: Source | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Open the source and begin to read it; errors as :func:`csre_ros.sources.open_source`."""
        settings = self._context.settings
        source = open_source(settings.node.source, settings.capture)
        source.__enter__()
        self._source = source
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, args=(source,), name="capture", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading and close the source."""
        self._stopping.set()
        if self._source is not None and self._thread is not None:
            self._source.__exit__(None, None, None)  # ends the wait for a live frame
            self._thread.join()
            self._source = self._thread = None

    def read(self, item: SourceFrame) -> Reading:
        """Frames are delivered as they are."""
        return item, Counter()

    def _run(self, source: Source) -> None:
        losses = _Losses(source, self._context.health)
        try:
            for frame in self._rounds(source):
                if self._stopping.is_set():
                    return
                self._context.health.arrived()
                self._context.deliver(frame)
                losses.report()
            losses.report()
        except Exception as error:  # a thread of our own: nobody else would hear of it
            self._context.health.failed(CAPTURE, error)
            self._context.node.get_logger().error(f"{self.what}: {error}")
        if not self._stopping.is_set():
            self._context.ended()

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
