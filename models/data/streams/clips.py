"""Trimmed clips as a per-frame model is scored on them: a second of the first pose, then the clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from csre_ros.skeleton import FloatArray
from models.data.clips import DATA_SETS, Clip, read_clips
from models.data.labels import LabelMap, read_labels
from models.data.live import VALIDATION_SUBJECTS
from models.data.streams.body import rotation
from models.data.streams.recordings import on_grid
from models.data.streams.stream import RATE_HZ
from models.data.windows import to_body

_STILL_S = 1.0
_LABELS = Path(__file__).parents[2] / "configs" / "labels_live.yaml"
AS_WINDOWS = {"run": "jog", "raise_hand": "other", "bow": "other"}
"""What a label of the streams counts as among those of the window bundle, in which clips are scored."""


@dataclass(frozen=True, eq=False)
class ClipStream:
    """One clip behind a second of its first pose.

    Attributes:
        positions: ``[T, 13, 3]`` metres.
        confidence: ``[T, 13]``.
        label: What it shows, in the labels of the window bundle.
        source: Data set.
    """

    positions: FloatArray
    confidence: FloatArray
    label: str
    source: str

    def turned(self, angle: float) -> ClipStream:
        """Turned about the vertical through the person by radians."""
        if not angle:
            return self
        middle = self.positions[:1].mean(axis=1, keepdims=True)
        return replace(self, positions=(self.positions - middle) @ rotation(angle).T + middle)


def read_clip_streams(root: Path, part: str, kept: LabelMap | None = None) -> list[ClipStream]:
    """The clips of the test subjects (``test``) or of the validation subjects (``val``) of all sets.

    Args:
        root: Folder with the data sets.
        part: ``test`` or ``val``.
        kept: Table whose left out classes are left out here too.
    """
    labels = read_labels(_LABELS)
    clips = to_body([clip for name in DATA_SETS for clip in read_clips(name, root)])
    streams = []
    for clip in clips:
        wanted = clip.subject % 2 == 0 if part == "test" else clip.subject in VALIDATION_SUBJECTS[clip.source]
        name = labels.of(clip.source, clip.label)
        if not wanted or name is None or (kept is not None and kept.of(clip.source, clip.label) is None):
            continue
        stamps = np.arange(len(clip) + 1) / clip.rate  # the last frame lasts as long as the others
        order = np.minimum(np.arange(len(clip) + 1), len(clip) - 1)
        positions, confidence = on_grid(stamps, clip.positions[order], clip.confidence[order])
        streams.append(behind_rest(positions, confidence, name, clip.source))
    return streams


def on_own_grid(clip: Clip, label: str) -> ClipStream:
    """A clip in ``body13`` at its own rate as a stream behind a second of its first pose, under a label."""
    frames = on_grid(np.arange(len(clip)) / clip.rate, clip.positions, clip.confidence)
    return behind_rest(*frames, label, clip.source)


def behind_rest(positions: FloatArray, confidence: FloatArray, label: str, source: str) -> ClipStream:
    """A clip of ``[T, V, D]`` and ``[T, V]`` behind a second of its first pose."""
    order = np.r_[np.zeros(round(_STILL_S * RATE_HZ), int), np.arange(len(positions))]
    return ClipStream(positions[order], confidence[order], label, source)


def answers(
    probabilities: Sequence[FloatArray], names: Sequence[str], words: Mapping[str, str] = AS_WINDOWS
) -> list[str]:
    """The label with the largest sum over the own frames of each clip.

    Args:
        probabilities: ``[T, labels]`` of each clip.
        names: The labels.
        words: What a label counts as, where it is another one.
    """
    known = sorted({words.get(name, name) for name in names})
    column = [known.index(words.get(name, name)) for name in names]
    said = []
    for found in probabilities:
        sums = np.zeros(len(known))
        np.add.at(sums, column, found[round(_STILL_S * RATE_HZ) :].sum(axis=0))
        said.append(known[int(sums.argmax())])
    return said


def right_share(
    clips: Sequence[ClipStream],
    probabilities: Sequence[FloatArray],
    names: Sequence[str],
    words: Mapping[str, str] = AS_WINDOWS,
) -> float:
    """Share of clips that are answered rightly, see :func:`answers`."""
    said = answers(probabilities, names, words)
    return sum(clip.label == name for clip, name in zip(clips, said, strict=True)) / max(len(clips), 1)
