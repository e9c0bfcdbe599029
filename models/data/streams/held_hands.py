"""Hands that are held up, cut from the mocap set: six postures by side and height, for measuring taught postures.

The set is of three actors who play styles, and does not say who plays which. A style is taken for a person: hands of
some styles teach, those of the others are told.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray
from models.data.clips import Clip
from models.data.streams.clips import ClipStream, behind_rest
from models.data.streams.mocap import read_mocap
from models.data.streams.recordings import on_grid
from models.data.synthesis import BODY

_TEACHING = frozenset({"active", "normal", "feminine"})
_SIDES = {
    "raise-up-left-hand": ("left",),
    "raise-up-right-hand": ("right",),
    "raise-up-both-hands": ("left", "right"),
}
_NEAR_TOP_M, _HELD_M_S = 0.1, 0.35
_LEAST_S = 0.5
_OVERHEAD_M = 0.15
"""Height of a wrist over its shoulder; people hold it about as high as the shoulder or clearly higher."""


def held_hands(root: Path) -> tuple[list[ClipStream], list[ClipStream]]:
    """Postures that teach and those that are told, each held for half a second or longer."""
    examples: list[ClipStream] = []
    told: list[ClipStream] = []
    for clip in read_mocap(root, low=True):
        if clip.label not in _SIDES or (part := held(clip)) is None:
            continue
        positions, confidence = clip.positions[part], clip.confidence[part]
        height = "high" if _height(positions, clip.label).mean() > _OVERHEAD_M else "low"
        frames = on_grid(np.arange(len(positions)) / clip.rate, positions, confidence)
        style = clip.name.split("_")[-2]
        posture = behind_rest(*frames, f"{clip.label} {height}", clip.source)
        (examples if style in _TEACHING else told).append(posture)
    return examples, told


def held(clip: Clip) -> slice | None:
    """The longest time in which the hands are up and at rest; None where it is too short."""
    height = _height(clip.positions, clip.label)
    wrists = clip.positions[:, [BODY.index[f"{side}_wrist"] for side in _SIDES[clip.label]]]
    speed = np.linalg.norm(np.gradient(wrists, axis=0), axis=-1).max(axis=1) * clip.rate
    up = (height > height.max() - _NEAR_TOP_M) & (speed < _HELD_M_S)
    edges = np.flatnonzero(np.diff(np.r_[False, up, False]))
    first, behind = max(zip(edges[::2], edges[1::2], strict=True), key=lambda run: run[1] - run[0], default=(0, 0))
    return slice(int(first), int(behind)) if behind - first >= _LEAST_S * clip.rate else None


def _height(positions: FloatArray, label: str) -> FloatArray:
    """``[T]`` metres of the lower of the hands over its shoulder (y points down)."""
    over = [
        positions[:, BODY.index[f"{side}_shoulder"], 1] - positions[:, BODY.index[f"{side}_wrist"], 1]
        for side in _SIDES[label]
    ]
    lower: FloatArray = np.min(over, axis=0)
    return lower
