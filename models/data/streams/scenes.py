"""What people do around taught labels: clips of them, other movement, and clips and recordings of known labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from csre_ros.evaluation import Interval, merged
from models.data.clips import DATA_SETS, read_clips
from models.data.streams.clips import ClipStream, behind_rest, on_own_grid
from models.data.streams.held_out import desk_minutes, test_streams
from models.data.streams.labels import StreamLabels, reported
from models.data.streams.mocap import read_mocap
from models.data.streams.module import split_pieces
from models.data.streams.pieces import pieces_of
from models.data.streams.recordings import read_signing
from models.data.streams.stream import RATE_HZ, Stream
from models.data.windows import to_body

CONTINUOUS = ("utkinect", "precog")
CLIPS = "clips"
_REST = round(RATE_HZ)
"""Frames of rest before a clip, and behind one that is to be heard."""
_EVERY = 3
"""Of the mocap set and of the clips of known labels every third is looked at."""


class Scene(NamedTuple):
    """What one person does, and what is known of it.

    Attributes:
        stream: Frames at :data:`RATE_HZ`.
        truth: Actions of labels that the network knows, in seconds.
        spared: When perhaps something taught is done: no report there is false, and no time counts.
        rest_s: Of rest before it, which does not count either.
    """

    stream: Stream | ClipStream
    truth: tuple[Interval, ...] = ()
    spared: tuple[Interval, ...] = ()
    rest_s: float = 0.0

    @property
    def seconds(self) -> float:
        """How long nothing is done that may be taught."""
        length = len(self.stream.positions) / RATE_HZ
        return length - self.rest_s - sum(interval.seconds for interval in self.spared)


def to_hear(clip: ClipStream) -> Scene:
    """A clip behind whose end the person rests in the last pose, as long as before it."""
    order = np.r_[np.arange(len(clip.positions)), np.full(_REST, len(clip.positions) - 1)]
    stream = replace(clip, positions=clip.positions[order], confidence=clip.confidence[order])
    return Scene(stream, (Interval(clip.label, 1.0, len(clip.positions) / RATE_HZ),))


def other_scenes(root: Path, table: StreamLabels, left: StreamLabels, names: Sequence[str]) -> dict[str, list[Scene]]:
    """What is not taught, by kind: the recordings, signing, words at a desk, mocap, and clips of known labels."""
    return {
        **{name: [_recorded(one, table, left) for one in test_streams(name, root, table)] for name in CONTINUOUS},
        "signing": [Scene(one) for one in read_signing(root, table)[1::2]],
        "desk": [Scene(one) for one in desk_minutes(root, table)],
        "mocap": [Scene(one, rest_s=_REST / RATE_HZ) for one in list(_mocap(root, left))[::_EVERY]],
        CLIPS: list(_clips(root, left, names))[::_EVERY],
    }


def _recorded(stream: Stream, table: StreamLabels, left: StreamLabels) -> Scene:
    truth: list[Interval] = []
    spared: list[Interval] = []
    for span in stream.spans:
        kept = table.classes[span.label] in left.classes
        name = table.names[table.parents[span.label]]
        if name not in table.background or not kept:
            (truth if kept else spared).append(Interval(name, span.start / RATE_HZ, span.end / RATE_HZ))
    return Scene(stream, tuple(merged(truth)), tuple(merged(spared)))


def _mocap(root: Path, left: StreamLabels) -> Iterator[ClipStream]:
    for piece in split_pieces(pieces_of(read_mocap(root), left))["test"]:
        positions = piece.at(0.0, len(piece.motion) / piece.rate, 1.0).positions().astype(np.float32)
        yield behind_rest(positions, np.ones(positions.shape[:2], np.float32), reported(piece.label), piece.source)


def _clips(root: Path, left: StreamLabels, names: Sequence[str]) -> Iterator[Scene]:
    for clip in to_body([clip for name in DATA_SETS for clip in read_clips(name, root)]):
        kept = left.of(clip.source, clip.label)
        if clip.subject % 2 or len(clip) < 2 or kept is None or reported(kept) not in names:
            continue
        yield to_hear(on_own_grid(clip, reported(kept)))
