"""People and events as the page draws them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from csre_ros.app.dash.board import Board
from csre_ros.overlay import BLANK, Caption, Image, Overlay
from csre_ros.recognition import ActionEvent


class Painter:
    """Puts people and events on a board.

    Args:
        board: The board.
        horizontal_fov_deg: Field of view for skeletons without image points.
    """

    def __init__(self, board: Board, horizontal_fov_deg: float) -> None:
        self._board, self._overlay = board, Overlay(horizontal_fov_deg)

    def tell(self, events: Iterable[ActionEvent]) -> None:
        """Put events on the board."""
        for event in events:
            self._board.tell(event.to_record())

    def show(
        self, stamp_ns: int, people: Sequence[Caption], image: Image | None, speed: Mapping[str, float | str]
    ) -> None:
        """Put an instant on the board.

        Args:
            stamp_ns: When it is.
            people: Everybody in view.
            image: ``[H, W, 3]`` the picture that they stand in, of which only the size leaves this program; None: the
                view zooms out until everybody is inside.
            speed: ``latency_ms``, ``rate_hz`` and ``warning``.
        """
        shape = BLANK if image is None else image.shape
        height, width = shape[:2]
        points = self._overlay.points(people, shape, image is None)
        drawn = [
            {
                "id": caption.person,
                "action": caption.action,
                "best": caption.best,
                "score": round(float(caption.score), 3),
                "points": list(map(_point, *pixels.T.tolist(), caption.skeleton.confidence.tolist())),
                "bones": [list(map(int, bone)) for bone in caption.skeleton.layout.bone_indices],
            }
            for caption, pixels in zip(people, points, strict=True)
        ]
        self._board.show({"stamp": stamp_ns / 1e9, "width": width, "height": height, "people": drawn, **speed})


def _point(x: float, y: float, confidence: float) -> list[float] | None:
    """A joint as the page draws it; None where it is not seen."""
    seen = math.isfinite(x) and math.isfinite(y) and confidence >= 0.5
    return [round(x, 1), round(y, 1)] if seen else None
