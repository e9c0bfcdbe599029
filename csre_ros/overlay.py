"""Skeletons, labels, score bars and latency drawn over a picture, or over black where there is none.

OpenCV is loaded when something is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import radians, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import Frame, Skeleton
from csre_ros.skeleton.proportions import SEEN

Image = NDArray[np.uint8]
Points = NDArray[np.float32]

BLANK = (480, 640, 3)
"""Height, width and channels of the canvas of sources without pictures."""

# BGR, bright enough to read on black and on most rooms.
_COLOURS = ((80, 220, 80), (255, 160, 60), (60, 160, 255), (220, 90, 220), (230, 220, 60), (120, 120, 255))
_IDLE = (170, 170, 170)
_WARNING = (60, 140, 255)
# Share of the half picture that people may fill, and how far a wild joint may push the view away.
_MARGIN = 0.85
_LEAST_ZOOM = 0.3


@dataclass(frozen=True, eq=False)
class Caption:
    """What is drawn for one person.

    Attributes:
        person: Track id; decides the colour.
        skeleton: Where the person is.
        action: The action, or None where there is nothing to report.
        score: Probability of ``action``, or of ``best``.
        best: The most probable label, shown small while there is no action.
        unknown: Something is being done, and no label fits.
    """

    person: int
    skeleton: Skeleton
    action: str | None
    score: float
    best: str | None
    unknown: bool = False

    @property
    def text(self) -> str:
        """The words beside the person: an action, ``unknown``, or what is the likeliest so far, in brackets."""
        name = self.action or ("unknown" if self.unknown else f"({self.best})" if self.best else "...")
        return f"{self.person}: {name.replace('_', ' ')}"


def captions_of(frame: Frame, people: Mapping[int, Mapping[str, Any]]) -> list[Caption]:
    """The people of a frame, with what a record of ``~/actions`` said of each, by id; who is not in it is left out."""
    known = [(skeleton, people.get(int(skeleton.source_id or 0))) for skeleton in frame.skeletons]
    return [
        Caption(one["id"], skeleton, one["action"], one["score"], one["best"], one.get("decision") == "unknown")
        for skeleton, one in known
        if one is not None
    ]


def image_points(skeleton: Skeleton, shape: Sequence[int], horizontal_fov_deg: float) -> Points:
    """Pixels ``[V, 2]`` of a skeleton; NaN where a joint is not seen.

    The source's own image points where it has them, else the positions projected by a pinhole camera.
    """
    height, width = shape[:2]
    if skeleton.image_points is not None:
        return np.asarray(skeleton.image_points * (width, height), np.float32)
    if skeleton.layout.dims == 2:
        return np.asarray(skeleton.positions * height, np.float32)
    focal = width / 2 / tan(radians(horizontal_fov_deg) / 2)
    depth = np.where(skeleton.positions[:, 2] > 0.1, skeleton.positions[:, 2], np.nan)
    points = skeleton.positions[:, :2] / depth[:, None] * focal + (width / 2, height / 2)
    return np.asarray(points, np.float32)


class Overlay:
    """Draws captions; one object draws a whole video.

    Over a picture people stand where they stand in it. Over black nothing says how tall the source's picture was, so
    the view zooms out as far as it must to keep everybody inside, and stays there.

    Args:
        horizontal_fov_deg: Field of view for skeletons without image points.
    """

    def __init__(self, horizontal_fov_deg: float = 60.0) -> None:
        self._fov = horizontal_fov_deg
        self._zoom = 1.0

    def draw(self, image: Image | None, captions: Sequence[Caption], status: str, warning: str = "") -> Image:
        """A new picture.

        Args:
            image: ``[H, W, 3]`` BGR background; None for black.
            captions: The people.
            status: One line at the bottom.
            warning: One line above it, in a colour that is seen.
        """
        canvas = np.zeros(BLANK, np.uint8) if image is None else image.copy()
        points = self.points(captions, canvas.shape, image is None)
        for caption, pixels in zip(captions, points, strict=True):
            self._person(canvas, caption, pixels)
        height = canvas.shape[0]
        _text(canvas, status, (8, height - 10), 0.45, (230, 230, 230))
        if warning:
            _text(canvas, warning, (8, height - 34), 0.6, _WARNING)
        return canvas

    def points(self, captions: Sequence[Caption], shape: Sequence[int], fit: bool) -> list[Points]:
        """Where everybody is drawn.

        Args:
            captions: The people.
            shape: Height and width of the picture.
            fit: Zoom out until everybody is inside; the picture is of the shape :data:`BLANK`.

        Returns:
            Pixels ``[V, 2]`` of each.
        """
        points = [image_points(caption.skeleton, shape, self._fov) for caption in captions]
        return self._fit(points) if fit else points

    def _fit(self, points: list[Points]) -> list[Points]:
        centre = np.array((BLANK[1], BLANK[0]), np.float32) / 2
        reach = [np.nanmax(np.abs(p - centre) / centre) for p in points if np.isfinite(p).any()]
        self._zoom = max(min(self._zoom, *(_MARGIN / r for r in reach if r > 0), 1.0), _LEAST_ZOOM)
        return [(p - centre) * self._zoom + centre for p in points]

    def _person(self, canvas: Image, caption: Caption, points: Points) -> None:
        import cv2

        colour = _COLOURS[caption.person % len(_COLOURS)]
        seen = np.isfinite(points).all(axis=1) & (caption.skeleton.confidence >= SEEN)
        thickness = max(2, canvas.shape[0] // 240)
        # Far outside the picture OpenCV's integer coordinates would overflow.
        pixels = np.clip(np.nan_to_num(points), -1e4, 1e4).round().astype(int)
        for child, parent in caption.skeleton.layout.bone_indices:
            if seen[child] and seen[parent]:
                cv2.line(canvas, pixels[child].tolist(), pixels[parent].tolist(), colour, thickness, cv2.LINE_AA)
        for x, y in pixels[seen].tolist():
            cv2.circle(canvas, (x, y), thickness + 1, (255, 255, 255), -1, cv2.LINE_AA)
        if seen.any():
            left, top = pixels[seen].min(axis=0)
            self._label(canvas, caption, (int(left), int(top)), colour)

    @staticmethod
    def _label(canvas: Image, caption: Caption, corner: tuple[int, int], colour: tuple[int, int, int]) -> None:
        import cv2

        scale = max(0.6, canvas.shape[0] / 800)
        text = caption.text
        if caption.action is None:
            colour, scale = _IDLE, scale * 0.75
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
        x = int(np.clip(corner[0], 4, max(4, canvas.shape[1] - width - 8)))
        y = int(np.clip(corner[1] - 18, height + 6, canvas.shape[0] - 24))
        _text(canvas, text, (x, y), scale, colour)
        full = (x + max(width, 80), y + 12)
        cv2.rectangle(canvas, (x, y + 6), full, (60, 60, 60), -1)
        filled = x + int((full[0] - x) * float(np.clip(caption.score, 0, 1)))
        cv2.rectangle(canvas, (x, y + 6), (filled, y + 12), colour, -1)


def write_right(canvas: Image, text: str) -> None:
    """Write one small line into the upper right corner of a picture, in place."""
    import cv2

    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    _text(canvas, text, (max(8, canvas.shape[1] - width - 8), 20), 0.45, (230, 230, 230))


def _text(canvas: Image, text: str, at: tuple[int, int], scale: float, colour: tuple[int, int, int]) -> None:
    import cv2

    for ink, thickness in (((0, 0, 0), 4), (colour, 1 if scale < 0.5 else 2)):
        cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thickness, cv2.LINE_AA)
