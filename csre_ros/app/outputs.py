"""Where results go: the screen, a video with its contact sheet, and a log of events."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2

from csre_ros.app.events import EventLog
from csre_ros.app.terminal import console, say_event
from csre_ros.app.video import ContactSheet, VideoSink
from csre_ros.overlay import Caption, Image, Overlay
from csre_ros.recognition import ActionEvent, PersonAction

_WINDOW = "csre demo (q or Esc ends)"


def has_display() -> bool:
    """Whether a window can open; without a display OpenCV would end the whole process."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class Outputs:
    """Everything a frame is shown to: screen, video, contact sheet, event log. A context manager.

    Args:
        output: Video file; empty for none.
        events: File for events, ``-`` for standard output; empty for none.
        show: Open a window, if there is a display.
        fps: Frame rate of the video.
        horizontal_fov_deg: Field of view for drawing skeletons without image points.

    Raises:
        OSError: A file cannot be written.
    """

    def __init__(self, output: str, events: str, show: bool, fps: float, horizontal_fov_deg: float) -> None:
        self._stack = ExitStack()
        self._overlay = Overlay(horizontal_fov_deg)
        self._sheet = ContactSheet()
        self._show = show and has_display()
        if show and not self._show:
            console.print("there is no display to open a window on; going on without")
        self._draws = self._show or bool(output)
        self._output = Path(output) if output else None
        self._video = self._stack.enter_context(VideoSink(self._output, fps)) if self._output else None
        self._log = self._stack.enter_context(EventLog(events))
        self._origin_ns: int | None = None

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()
        if self._show:
            cv2.destroyAllWindows()
        if self._output is not None and self._sheet.save(self._output.with_suffix(".png")):
            console.print(f"wrote {self._output} and {self._output.with_suffix('.png')}")

    def begin(self, stamp_ns: int) -> None:
        """Print times relative to this stamp; only the first call counts."""
        if self._origin_ns is None:
            self._origin_ns = stamp_ns

    def events(self, events: Iterable[ActionEvent]) -> None:
        """Log and print events."""
        for event in events:
            self._log.write(event)
            say_event(event, self._origin_ns or 0)

    def picture(self, image: Image | None, captions: Sequence[Caption], stamp_ns: int, status: str) -> bool:
        """Draw, show and keep one instant.

        Returns:
            False when the user closed the window.
        """
        if not self._draws:
            return True
        drawn = self._overlay.draw(image, captions, status)
        if self._video is not None:
            self._video.write(drawn, stamp_ns)
        for caption in captions:
            if caption.action is not None:
                self._sheet.offer(caption.person, caption.action, caption.score, drawn)
        if not self._show:
            return True
        cv2.imshow(_WINDOW, drawn)
        return cv2.waitKey(1) not in (ord("q"), 27)


def captions(people: Sequence[PersonAction]) -> list[Caption]:
    """What to draw for the people in view."""
    return [
        Caption(person.person, person.skeleton, person.action, person.score, person.best)
        for person in people
        if person.skeleton is not None
    ]
