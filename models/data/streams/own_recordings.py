"""One recording of somebody's own gestures: read, checked, completed, cut to the motion."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from csre_ros.evaluation.intervals import NOTHING, Interval, intervals_of_runs
from csre_ros.skeleton import FloatArray, LayoutMapping
from csre_ros.sources.recording import RecordingSource
from models.data.streams.body import ARM_BONES, Motion
from models.data.streams.pieces import Piece, active, whole
from models.data.streams.recordings import on_grid
from models.data.streams.stream import RATE_HZ, Span
from models.data.synthesis import BODY

SOURCE = "own"
BACKGROUND = NOTHING | {"background"}
"""Folders and annotations of recordings in which nothing of one's own is done."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_LEAST_S = 1.0
_CROWDED = 0.1
"""Share of frames with a second person from which on nobody can say who is meant."""
_UNSEEN = 0.05
"""Share of frames in which a joint must be seen, to be taken for more than a guess."""
_HELD_M = 0.15
"""Who moves less than this holds a posture from the first frame to the last."""


class RecordingsError(ValueError):
    """Recordings from which nothing can be learnt; the text says which, why, and what to do."""


@dataclass(frozen=True, eq=False)
class OwnRecording:
    """One recording of one person.

    Attributes:
        path: File.
        positions: ``[T, 13, 3]`` metres in the ``body13`` layout, finite, at the rate of streams.
        confidence: ``[T, 13]``.
        actions: What is done from which frame to which: label, first frame, frame behind the last one.
        trimmed: Whether the actions were found by their motion, so that their borders are not sure.
        subject: Who it shows; empty where nobody says so.
    """

    path: Path
    positions: FloatArray
    confidence: FloatArray
    actions: tuple[tuple[str, int, int], ...]
    trimmed: bool
    subject: str = ""

    @property
    def labels(self) -> set[str]:
        """What is done in it."""
        return {label for label, _, _ in self.actions}

    def spans(self, classes: Sequence[str]) -> tuple[Span, ...]:
        """Its actions as spans of a stream."""
        return tuple(Span(first, behind, classes.index(label)) for label, first, behind in self.actions)

    def pieces(self) -> list[Piece]:
        """Its actions, each with the rest around it, up to the actions beside it."""
        motion, found = Motion.of(self.positions), []
        edges = [0, *(edge for _, first, behind in self.actions for edge in (first, behind)), len(motion)]
        for number, (label, first, behind) in enumerate(self.actions):
            start, end = edges[2 * number], edges[2 * number + 3]
            found.append(Piece(motion[start:end], RATE_HZ, first - start, behind - start, label, SOURCE, 0))
        return found


def read_own(path: Path, folder_label: str = "") -> OwnRecording:
    """Read one recording.

    Args:
        path: An .mcap file.
        folder_label: What a recording shows whose label topic says nothing; empty: nothing of one's own.

    Raises:
        RecordingsError: It is damaged, empty, too short, of points in the image, shows two people, lacks shoulders, or
            names a label that is no name.
    """
    stamps, positions, confidence, labels = _person(path)
    try:
        told = intervals_of_runs(stamps, labels, nothing=BACKGROUND)
    except ValueError as error:
        raise RecordingsError(f"{path}: {error}") from error
    body, seen = completed(*on_grid(stamps, positions, confidence), path)
    everywhere = len(set(labels)) == 1
    name = told[0].label if told else folder_label if everywhere and not labels[0] else ""
    trimmed = bool(name) and everywhere
    found = [(name, *moving(body))] if trimmed else [_frames(one, stamps[0], len(body)) for one in told]
    for label, _, _ in found:
        if not _NAME.fullmatch(label):
            raise RecordingsError(
                f"{path} is labelled {label!r}; a label has letters, digits and _, and begins with a letter"
            )
    return OwnRecording(path, body, seen, tuple(found), trimmed)


def _person(path: Path) -> tuple[NDArray[np.float64], FloatArray, FloatArray, list[str]]:
    """Stamps in seconds, positions, confidence and annotation of every frame with somebody in it."""
    stamps, positions, confidence, labels, crowded = [], [], [], [], 0
    try:
        with RecordingSource(path) as source:
            if source.layout.dims != 3:
                raise ValueError(
                    f"{path} holds points in the image ({source.layout.name}), but training needs people in metres"
                )
            mapping = LayoutMapping(source.layout, BODY)
            for frame in source:
                people = frame.skeletons or ()
                crowded += len(people) > 1
                if people:
                    mapped = mapping.apply(people[0].positions, people[0].confidence)
                    stamps.append(frame.stamp_ns / 1e9)
                    positions.append(mapped[0])
                    confidence.append(mapped[1])
                    labels.append(frame.label or "")
    except (OSError, ValueError) as error:
        raise RecordingsError(f"{error}; take it out of the folder, or record it again") from error
    if len(stamps) < 2 or stamps[-1] - stamps[0] < _LEAST_S:
        seconds = stamps[-1] - stamps[0] if stamps else 0.0
        raise RecordingsError(
            f"{path} shows a person for {seconds:.1f} s; at least {_LEAST_S:g} s are needed: record it again"
        )
    if crowded > _CROWDED * len(stamps):
        raise RecordingsError(
            f"{path} shows two people or more in {crowded} of {len(stamps)} frames; record one person at a time"
        )
    return np.array(stamps), np.array(positions, np.float32), np.array(confidence, np.float32), labels


def completed(positions: FloatArray, confidence: FloatArray, path: Path) -> tuple[FloatArray, FloatArray]:
    """Whole bodies: gaps interpolated, and legs or a head that are never seen those of somebody who stands.

    Raises:
        RecordingsError: Shoulders or both arms are not seen.
    """
    unseen = (confidence > 0).mean(0) < _UNSEEN
    shoulders = [BODY.index["left_shoulder"], BODY.index["right_shoulder"]]
    wrists = [BODY.index["left_wrist"], BODY.index["right_wrist"]]
    if unseen[shoulders].any() or unseen[wrists].all():
        raise RecordingsError(f"{path} shows no arms: the shoulders and a wrist must be seen; record it again")
    known = whole(positions, np.where(unseen, 1.0, confidence).astype(np.float32))
    if unseen.any():
        left, right = (known[:, joint] for joint in shoulders)
        line = left - right
        scale = np.linalg.norm(line, axis=-1, keepdims=True)
        across = line / np.maximum(scale, 1e-3)
        ahead = np.stack((across[:, 2], np.zeros(len(across)), -across[:, 0]), axis=-1)
        for joint in np.flatnonzero(unseen):
            side, down, front = _STANDING[BODY.joints[joint]]
            place = (left + right) / 2 + scale * (side * across + front * ahead)
            place[:, 1] += scale[:, 0] * down
            known[:, joint] = place
    return known.astype(np.float32), np.where(unseen, 0.0, confidence).astype(np.float32)


_STANDING: Mapping[str, tuple[float, float, float]] = {
    "head": (0.0, -0.6, 0.0),
    **{
        f"{side}_{joint}": (sign * out, down, 0.0)
        for side, sign in (("left", 1), ("right", -1))
        for joint, out, down in (
            ("elbow", 0.55, 0.78), ("wrist", 0.6, 1.45), ("hip", 0.28, 1.4), ("knee", 0.29, 2.55), ("ankle", 0.3, 3.65),
        )
    },
}  # fmt: skip
"""Joints of somebody who stands, from between the shoulders, in shoulder widths: to the own left, down, ahead."""


def moving(positions: FloatArray) -> tuple[int, int]:
    """First frame of the motion, and the frame behind it; all frames where a posture is held throughout."""
    motion = Motion.of(positions)
    local = motion.bones[:, ARM_BONES, :].reshape(len(motion), -1)
    travel = max(float(np.ptp(local, axis=0).max()), float(np.ptp(motion.pelvis, axis=0).max()))
    legs = float(np.ptp(motion.bones[:, :6].reshape(len(motion), -1), axis=0).max())
    return (0, len(motion)) if max(travel, legs) < _HELD_M else active(motion, RATE_HZ)


def _frames(one: Interval, start: float, count: int) -> tuple[str, int, int]:
    first, behind = (int(np.clip(round((at - start) * RATE_HZ), 0, count)) for at in (one.start, one.end))
    return one.label, min(first, count - 1), max(behind, first + 1)
