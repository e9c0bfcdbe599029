"""Bodies that stand and raise a hand, as pieces and streams of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray
from models.data.streams.body import Motion
from models.data.streams.labels import REST, read_stream_labels
from models.data.streams.pieces import Piece
from models.data.streams.stream import Span, Stream
from models.data.synthesis import BODY

LABELS = read_stream_labels(Path("models/configs/labels_stream.yaml"))
HEIGHTS = {"head": 1.6, "shoulder": 1.4, "elbow": 1.12, "wrist": 0.87, "hip": 0.9, "knee": 0.48, "ankle": 0.08}
WIDTHS = {"head": 0.0, "shoulder": 0.18, "elbow": 0.2, "wrist": 0.22, "hip": 0.1, "knee": 0.1, "ankle": 0.1}


def standing(frames: int) -> FloatArray:
    """Somebody who faces the camera, with hanging arms: the own left at larger x, y down."""
    points = []
    for joint in BODY.joints:
        side, _, word = joint.rpartition("_")
        points.append(((-1 if side == "right" else 1) * WIDTHS[word], -HEIGHTS[word], 3.0))
    return np.repeat(np.array(points, np.float32)[None], frames, 0)


def piece(label: str, frames: int = 30, source: str = "utd_mhad") -> Piece:
    positions = standing(frames)
    positions[:, BODY.index["left_wrist"], 1] -= 0.5 * np.sin(np.linspace(0, np.pi, frames))
    return Piece(Motion.of(positions), 30.0, 5, frames - 5, label, source, 1)


def make_stream(frames: int = 120) -> Stream:
    target = np.full(frames, LABELS.target(REST))
    target[40:70] = LABELS.target("wave")
    span = Span(40, 70, LABELS.classes.index("wave"), 7)
    return Stream(standing(frames), np.ones((frames, 13), np.float32), target, (span,), "composed")
