"""Timeline strips under a picture: what everybody did in the last seconds, from when to when. OpenCV draws them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from csre_ros.recognition.types import ActionEvent, EventState

Image = NDArray[np.uint8]

_SHOWN_S = 10.0
_ROWS = 3
_ROW_SHARE = 0.04  # height of a row, of the picture's width
# BGR: one of these for each word, dark enough for white letters.
_COLOURS = ((60, 130, 40), (170, 90, 30), (40, 90, 190), (140, 60, 140), (120, 110, 30), (70, 60, 170), (100, 100, 100))
_BACKGROUND, _TICKS, _INK = (24, 24, 24), (60, 60, 60), (255, 255, 255)


@dataclass(eq=False)
class _Bar:
    """One action of one person; ``until_ns`` is None while it goes on."""

    person: int
    action: str
    since_ns: int
    decided_ns: int
    until_ns: int | None = None


class Strips:
    """Remembers events and draws a row for each person: time runs to the right, now is the right edge.

    A bar reaches from the begin of an action to its end; the white mark on it is where it was decided. There are three
    rows, for those who have been there longest, so that all pictures of a video have one size.
    """

    def __init__(self) -> None:
        self._bars: list[_Bar] = []

    def tell(self, events: Iterable[ActionEvent]) -> None:
        """Take events in, in order; an action whose start was missed is known from its next event."""
        for event in events:
            bar = next((b for b in self._bars if b.person == event.person and b.until_ns is None), None)
            if bar is None:
                bar = _Bar(event.person, event.action, event.since_ns, event.stamp_ns)
                self._bars.append(bar)
            if event.state is EventState.ENDED:
                bar.until_ns = event.until_ns

    def draw(self, width: int, people: Iterable[int], now_ns: int) -> Image:
        """The rows as a picture to be put under another one.

        Args:
            width: Of that picture, in pixels.
            people: Track ids of everybody in view.
            now_ns: Source stamp of the picture.

        Returns:
            ``[H, width, 3]`` BGR; H depends on the width alone.
        """
        import cv2

        begin_ns = now_ns - round(_SHOWN_S * 1e9)
        self._bars = [bar for bar in self._bars if bar.until_ns is None or bar.until_ns > begin_ns]
        height = max(round(width * _ROW_SHARE), 12)
        canvas = np.full((_ROWS * height, width, 3), _BACKGROUND, np.uint8)

        def column(stamp_ns: int) -> int:
            return round(float(np.clip((stamp_ns - begin_ns) / 1e9 / _SHOWN_S, 0, 1)) * (width - 1))

        for second in range(1, round(_SHOWN_S)):
            x = column(now_ns - second * 1_000_000_000)
            cv2.line(canvas, (x, 0), (x, canvas.shape[0]), _TICKS, 1)
        shown = sorted({*people, *(bar.person for bar in self._bars)})[:_ROWS]
        for row, person in enumerate(shown):
            top = row * height
            number_end = 2 + _width(f"{person}", height)
            for bar in (bar for bar in self._bars if bar.person == person):
                left, right = column(bar.since_ns), column(now_ns if bar.until_ns is None else bar.until_ns)
                colour = _COLOURS[crc32(bar.action.encode()) % len(_COLOURS)]
                cv2.rectangle(canvas, (left, top + 2), (right, top + height - 2), colour, -1)
                if bar.decided_ns > begin_ns:
                    x = column(bar.decided_ns)
                    cv2.line(canvas, (x, top + 2), (x, top + height - 2), _INK, 1)
                start = max(left, number_end) + 3
                _write(canvas, bar.action.replace("_", " "), (start, top), height, right - start - 1)
            _write(canvas, f"{person}", (2, top), height, width)
        return canvas


def _write(canvas: Image, text: str, corner: tuple[int, int], height: int, room: int) -> None:
    """Text in a row, as large as the row allows; cut off where there is no room for all of it."""
    import cv2

    while text and _width(text, height) > room:
        text = text[:-1]
    at = (corner[0], corner[1] + round(0.7 * height))
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, _scale(height), _INK, 1, cv2.LINE_AA)


def _width(text: str, height: int) -> int:
    import cv2

    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _scale(height), 1)[0][0])


def _scale(height: int) -> float:
    return height / 38
