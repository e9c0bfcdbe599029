"""A picture of every judged stream: what was done above, what was reported below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from pathlib import Path

import numpy as np

from csre_ros.evaluation import Interval, JudgedStream, match
from csre_ros.overlay import Image
from csre_ros.sources.opencv import import_opencv

_PIXELS_PER_S, _SECONDS = 60, 20
"""A row of the picture is so many seconds wide; a longer stream goes on in the next row."""
_LEFT, _RIGHT, _BAR, _GAP = 70, 20, 22, 4

# BGR on white.
_WHITE, _INK, _GRID = (255, 255, 255), (40, 40, 40), (225, 225, 225)
_FOUND, _MISSED, _RIGHT_REPORT, _WRONG = (190, 220, 170), (200, 200, 200), (120, 200, 90), (110, 120, 240)

_Bar = tuple[Interval, tuple[int, int, int], float | None]


def write_timelines(streams: Iterable[JudgedStream], folder: Path) -> None:
    """Write ``NAME.png`` for every stream; existing ones are replaced.

    Raises:
        OSError: A picture cannot be written.
        ImportError: OpenCV is missing.
    """
    cv2 = import_opencv()
    folder.mkdir(parents=True, exist_ok=True)
    for stream in streams:
        path = folder / f"{stream.name}.png"
        if not cv2.imwrite(str(path), timeline(stream)):
            raise OSError(f"{path} cannot be written; choose another folder for the timelines")


def timeline(stream: JudgedStream) -> Image:
    """Draw one stream.

    Truths are green where they were detected and grey where they were missed, reports green where they are right and
    red where they are wrong; a tick marks when a report was decided.

    Returns:
        ``[H, W, 3]`` uint8 BGR.
    """
    matching = match(stream.truth, stream.reports)
    found, right = ([pair[k] for pair in matching.right] for k in (0, 1))
    truth: list[_Bar] = [(one, _FOUND if one in found else _MISSED, None) for one in stream.truth]
    said: list[_Bar] = [(r.interval, _RIGHT_REPORT if r in right else _WRONG, r.decided) for r in stream.reports]
    lanes = [("truth", truth), *(("reported" if not k else "", lane) for k, lane in enumerate(_lanes(said)))]
    rows = []
    for row in range(max(1, ceil(stream.seconds / _SECONDS))):
        rows.append(_row(lanes, stream, row * _SECONDS))
    title = np.full((_BAR + _GAP, rows[0].shape[1], 3), 255, np.uint8)
    summary = f"{len(right)} of {len(stream.truth)} detected, {len(matching.wrong)} wrong"
    _text(title, f"{stream.name}: {summary}", (_GAP, _BAR - _GAP))
    return np.vstack([title, *rows])


def _lanes(bars: Sequence[_Bar]) -> list[list[_Bar]]:
    """Bars that overlap, such as those of several people, go below each other."""
    lanes: list[list[_Bar]] = [[]]
    for bar in bars:
        lane = next((one for one in lanes if not one or one[-1][0].end <= bar[0].start), None)
        if lane is None:
            lanes.append(lane := [])
        lane.append(bar)
    return lanes


def _row(lanes: Sequence[tuple[str, list[_Bar]]], stream: JudgedStream, begin: int) -> Image:
    """Twenty seconds of all lanes, with an axis of seconds below."""
    cv2 = import_opencv()
    height = (len(lanes) + 1) * (_BAR + _GAP) + _GAP
    image = np.full((height, _LEFT + _SECONDS * _PIXELS_PER_S + _RIGHT, 3), 255, np.uint8)
    bottom = height - _BAR
    for second in range(min(_SECONDS, ceil(stream.seconds) - begin) + 1):
        x = _LEFT + second * _PIXELS_PER_S
        cv2.line(image, (x, 0), (x, bottom), _GRID, 1)
        _text(image, str(begin + second), (x - 6, bottom + 14))
    for k, (name, bars) in enumerate(lanes):
        top = _GAP + k * (_BAR + _GAP)
        _text(image, name, (_GAP, top + _BAR - 7))
        starts = [_x(interval.start - stream.start - begin) for interval, _, _ in bars]
        for left, behind, (interval, colour, decided) in zip(starts, [*starts[1:], image.shape[1]], bars, strict=True):
            right = _x(interval.end - stream.start - begin)
            if left == right:
                continue
            cv2.rectangle(image, (left, top), (right, top + _BAR), colour, -1)
            cv2.rectangle(image, (left, top), (right, top + _BAR), _INK, 1)
            if decided is not None and 0 <= decided - stream.start - begin < _SECONDS:
                x = _x(decided - stream.start - begin)
                cv2.line(image, (x, top), (x, top + _BAR), _INK, 3)
            _text(image[:, : max(behind - 2, 0)], interval.label, (left + 4, top + _BAR - 7))
    return image


def _x(seconds: float) -> int:
    """Column of an instant, held inside the row."""
    return _LEFT + round(min(max(seconds, 0.0), _SECONDS) * _PIXELS_PER_S)


def _text(image: Image, text: str, place: tuple[int, int]) -> None:
    """Black text; what lies beyond the image is cut off."""
    cv2 = import_opencv()
    if image.size:
        part = np.ascontiguousarray(image)
        cv2.putText(part, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
        image[:] = part
