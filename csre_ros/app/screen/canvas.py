"""What a run looks like: drawn, shown in a window, kept as a video with its contact sheet. Needs OpenCV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from csre_ros.app.screen.terminal import console
from csre_ros.app.screen.video import ContactSheet, VideoSink
from csre_ros.overlay import Caption, Image, Overlay, write_right
from csre_ros.recognition import ActionEvent
from csre_ros.strips import Strips

_WINDOW = "csre"
_KEYS = "q or Esc: end   space: hold"
_LINE = 30  # pixels
_HOLD, _END = (ord(" "),), (ord("q"), 27)


class Canvas:
    """Draws people. A context manager, which closes window and video and writes the contact sheet.

    Args:
        output: Video file, and the name of the contact sheet beside it; empty for none.
        window: Open a window.
        fps: Frame rate of the video.
        horizontal_fov_deg: Field of view for drawing skeletons without image points.

    Raises:
        OSError: A file cannot be written.
    """

    def __init__(self, output: str, window: bool, fps: float, horizontal_fov_deg: float) -> None:
        self._overlay = Overlay(horizontal_fov_deg)
        self._strips = Strips()
        self._sheet = ContactSheet()
        self._window = window
        self._video = VideoSink(Path(output), fps) if output else None

    def __enter__(self) -> Canvas:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._window:
            cv2.destroyAllWindows()
        if self._video is not None:
            sheet = self._video.path.with_suffix(".png")
            saved = self._sheet.save(sheet)
            self._video.__exit__(kind, error, trace)
            if saved:
                console.print(f"wrote {self._video.path} and {sheet}")

    def tell(self, events: Iterable[ActionEvent]) -> None:
        """Take events in, for the strips under the pictures to come."""
        self._strips.tell(events)

    def draw(
        self, image: Image | None, captions: Sequence[Caption], stamp_ns: int, status: str, warning: str = ""
    ) -> bool:
        """Draw, show and keep one instant.

        Args:
            image: ``[H, W, 3]`` BGR background; None for black.
            captions: The people.
            stamp_ns: When it is.
            status: One line at the bottom.
            warning: One line above it, in a colour that is seen.

        Returns:
            False when the user closed the window.
        """
        drawn = self._overlay.draw(image, captions, status, warning)
        strips = self._strips.draw(drawn.shape[1], (caption.person for caption in captions), stamp_ns)
        whole = np.vstack((drawn, strips))
        if self._video is not None:
            self._video.write(whole, stamp_ns)
        for caption in captions:
            if caption.action is not None:
                self._sheet.offer(caption.person, caption.action, caption.score, drawn)
        if not self._window:
            return True
        return self._show(whole)

    @staticmethod
    def _show(picture: Image) -> bool:
        """Show a picture with the keys in a line below, where they hide nobody, and do what they ask."""
        line = np.zeros((_LINE, *picture.shape[1:]), np.uint8)
        write_right(line, _KEYS)
        cv2.imshow(_WINDOW, np.vstack((picture, line)))
        key = cv2.waitKey(1)
        if key in _HOLD:
            key = cv2.waitKey(0)  # until any key
        return key not in _END and cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) > 0
