"""Where a run is shown: the canvas, the terminal, and a log of events."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from csre_ros.app.screen.events import EventLog
from csre_ros.app.screen.progress import say_event
from csre_ros.app.screen.terminal import console
from csre_ros.overlay import Caption, Image
from csre_ros.recognition import ActionEvent, Decision, PersonAction
from csre_ros.sources.opencv import import_opencv

if TYPE_CHECKING:
    from csre_ros.app.screen.canvas import Canvas


DRAWN_FPS = 15.0
"""Frames per second of a video about a source that does not say its own."""


def window_opens(headless: bool) -> bool:
    """Whether a window is wanted and can open; says so where it cannot, since OpenCV would end the whole process."""
    if headless:
        return False
    display = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not display:
        console.print("there is no display to open a window on; going on without")
    return display


def open_canvas(output: str, window: bool, fps: float, horizontal_fov_deg: float) -> Canvas:
    """A canvas; arguments and errors as of :class:`csre_ros.app.screen.canvas.Canvas`.

    Raises:
        ImportError: OpenCV is missing.
    """
    import_opencv()  # its error names the remedy
    from csre_ros.app.screen.canvas import Canvas

    return Canvas(output, window, fps, horizontal_fov_deg)


class Display:
    """Everything a frame is shown to: window, video, contact sheet, event log. A context manager.

    Args:
        output: Video file; empty for none.
        events: File for events, ``-`` for standard output; empty for none.
        window: Open a window.
        fps: Frame rate of the video.
        horizontal_fov_deg: Field of view for drawing skeletons without image points.

    Raises:
        OSError: A file cannot be written.
        ImportError: Something is to be drawn and OpenCV is missing.
    """

    def __init__(self, output: str, events: str, window: bool, fps: float, horizontal_fov_deg: float) -> None:
        self._stack = ExitStack()
        self._canvas: Canvas | None = None
        if window or output:
            self._canvas = self._stack.enter_context(open_canvas(output, window, fps, horizontal_fov_deg))
        self._log = self._stack.enter_context(EventLog(events))
        self._origin_ns: int | None = None

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def begin(self, stamp_ns: int) -> None:
        """Print times relative to this stamp; only the first call counts."""
        if self._origin_ns is None:
            self._origin_ns = stamp_ns

    def events(self, events: Iterable[ActionEvent]) -> None:
        """Log and print events."""
        told = list(events)
        for event in told:
            self._log.write(event)
            say_event(event, self._origin_ns or 0)
        if self._canvas is not None:
            self._canvas.tell(told)

    def picture(
        self, image: Image | None, captions: Sequence[Caption], stamp_ns: int, status: str, warning: str = ""
    ) -> bool:
        """Draw one instant, where anything is drawn; arguments as :meth:`csre_ros.app.screen.canvas.Canvas.draw`.

        Returns:
            False when the user closed the window.
        """
        return self._canvas is None or self._canvas.draw(image, captions, stamp_ns, status, warning)


def captions(people: Sequence[PersonAction]) -> list[Caption]:
    """What to draw for the people in view."""
    return [
        Caption(one.person, one.skeleton, one.action, one.score, one.best, one.decision is Decision.UNKNOWN)
        for one in people
        if one.skeleton is not None
    ]
