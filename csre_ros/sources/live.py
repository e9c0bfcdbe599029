"""Live sources: a thread keeps reading, the consumer gets the newest frame, what is lost is opened again (back-off)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from csre_ros.sources.frames import Image, SourceFrame
from csre_ros.sources.settings import SourceConfig
from csre_ros.sources.waiting import open_interruptibly

logger = logging.getLogger(__name__)

FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 8.0
"""Pause before the first attempt to reconnect; it doubles up to the longest."""
_CLOSE_TIMEOUT_S = 1.0


class Capture(Protocol):
    """An open device or stream. Calls may block.

    Attributes:
        fps: Nominal frames per second; None where unknown.
    """

    fps: float | None

    def grab(self) -> bool:
        """Wait for the next frame; False when there is none any more."""
        ...

    def retrieve(self) -> Image | None:
        """Decode the grabbed frame into ``[H, W, 3]`` uint8 BGR; None when it is damaged."""
        ...

    def release(self) -> None:
        """Close the device."""
        ...


@dataclass(frozen=True, eq=False)
class _Shot:
    """A frame with both clocks: the wall clock for its stamp, the steady one for its age."""

    image: Image
    stamp_ns: int
    taken_s: float


class LiveSource:
    """Frames of a camera or stream as they come, newest first; older ones that nobody took are dropped and counted.

    The capture thread alone touches the device once the source is entered.

    Args:
        name: What the user asked for.
        connect: Opens the device; called again, with pauses, after it was lost.
        config: Settings.
        stop: Gives up the first attempt to open when it is set.

    Attributes:
        name: What the user asked for.
        live: True.
        fps: What the device promises; None where unknown.
        dropped: Frames that were captured but not delivered: overtaken, too old, or damaged.
        layout: None; frames have images only.

    Raises:
        OSError: The device does not open.
    """

    live = True
    layout = None

    def __init__(
        self,
        name: str,
        connect: Callable[[], Capture],
        config: SourceConfig | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.name = name
        self.dropped = 0
        self._connect = connect
        self._config = config or SourceConfig()
        self._capture = open_interruptibly(connect, stop)
        self.fps = self._capture.fps
        self._thread = threading.Thread(target=self._run, name=f"capture {name}", daemon=True)
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._newest: _Shot | None = None
        self._end: Exception | None = None

    def __enter__(self) -> LiveSource:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        # A read that hangs in the driver is left to the daemon thread, which releases the device when it returns.
        self._thread.join(_CLOSE_TIMEOUT_S)

    def __iter__(self) -> Iterator[SourceFrame]:
        """Wait for frames until the source is left.

        Raises:
            OSError: The device was lost and ``reconnect`` is off.
        """
        while (shot := self._take()) is not None:
            yield SourceFrame(shot.stamp_ns, self._config.frame_id, shot.image)

    def _take(self) -> _Shot | None:
        """The newest frame nobody has taken; None when the source was left."""
        with self._changed:
            while not self._stop.is_set():
                shot, self._newest = self._newest, None
                if shot is not None:
                    if time.monotonic() - shot.taken_s <= self._config.max_age_s:
                        return shot
                    self.dropped += 1
                elif self._end is not None:
                    raise self._end
                else:
                    self._changed.wait()
        return None

    def _run(self) -> None:
        capture: Capture | None = self._capture
        try:
            while capture is not None:
                reason = self._read(capture)
                capture.release()
                if self._stop.is_set():
                    return
                if not self._config.reconnect:
                    raise OSError(f"{self.name} was lost: {reason}")
                capture = self._wait_for_return(reason)
        except Exception as error:  # handed to the consumer, who would wait for ever otherwise
            with self._changed:
                self._end = error
                self._changed.notify_all()

    def _read(self, capture: Capture) -> str:
        """Read until the source is left or lost; returns why."""
        good_s = time.monotonic()
        while not self._stop.is_set():
            if not capture.grab():
                return "no more frames came"
            stamp_ns, taken_s = time.time_ns(), time.monotonic()
            image = capture.retrieve()
            with self._changed:
                if image is None:
                    self.dropped += 1
                else:
                    self.dropped += self._newest is not None
                    self._newest = _Shot(image, stamp_ns, taken_s)
                    self._changed.notify_all()
                    good_s = taken_s
            if time.monotonic() - good_s > self._config.max_age_s:
                return f"no readable frame came for {self._config.max_age_s} s"
        return "closed"

    def _wait_for_return(self, reason: str) -> Capture | None:
        """Try to connect until it works; None when the source was left meanwhile."""
        logger.warning("%s was lost: %s; waiting for it to come back", self.name, reason)
        lost_s, pause_s = time.monotonic(), FIRST_RETRY_S
        while not self._stop.wait(pause_s):
            try:
                capture = self._connect()
            except OSError:
                pause_s = min(2 * pause_s, LONGEST_RETRY_S)
                continue
            logger.warning("%s is back after %.1f s", self.name, time.monotonic() - lost_s)
            return capture
        return None
