"""What the test figures of a stream bundle are measured on: people, words and clips that were kept from training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from csre_ros.skeleton import LayoutMapping, get_layout
from models.data.streams.clips import ClipStream, read_clip_streams
from models.data.streams.labels import StreamLabels
from models.data.streams.mocap import read_mocap
from models.data.streams.module import split_pieces
from models.data.streams.pieces import pieces_of
from models.data.streams.recordings import HELD_OUT_WORDS, chained, on_grid, read_desk, read_labelled, read_recording
from models.data.streams.stream import RATE_HZ, Stream
from models.data.synthesis import BODY, hips, legs

_ROBOT_VIEW, _ROBOT_VIEW_HZ = "robot_view_2d.npz", 13.5
_WAVES = frozenset({"wave", "wave_two_hands"})
_LONGEST_WAVE_S = 8.0
_MINUTE = int(60 * RATE_HZ)


def test_streams(name: str, root: Path, table: StreamLabels) -> list[Stream]:
    """The continuous recordings of the even subjects of a set."""
    return [one for one in read_labelled(name, root, table, 0) if one.subject % 2 == 0]


def desk_minutes(root: Path, table: StreamLabels) -> list[Stream]:
    """A minute at a desk of every word that was held out."""
    desk, rng = read_desk(root, table), np.random.default_rng(0)
    return [chained([one for one in desk if one.name == word], _MINUTE, rng) for word in sorted(HELD_OUT_WORDS)]


def desk_waves(root: Path, table: StreamLabels) -> list[ClipStream]:
    """Waves of people whose hips and legs no camera sees; of the mocap set every sixth clip that was kept."""
    waves = [clip for clip in read_clip_streams(root, "test") if clip.label in _WAVES]
    kept = [piece for piece in split_pieces(pieces_of(read_mocap(root), table))["test"] if piece.label in _WAVES]
    for piece in kept[::6]:
        seconds = min(len(piece.motion) / piece.rate, _LONGEST_WAVE_S)
        positions = piece.at(0.0, seconds, 1.0).positions().astype(np.float32)
        waves.append(ClipStream(positions, np.ones(positions.shape[:2], np.float32), piece.label, piece.source))
    hidden = [*hips(), *legs()]
    for number, clip in enumerate(waves):
        confidence = clip.confidence.copy()
        confidence[:, hidden] = 0
        waves[number] = replace(clip, confidence=confidence)
    return waves


def failures(root: Path) -> Iterator[Stream]:
    """Short recordings that were once told wrong; named after what is done in them."""
    for file in sorted((root / "live_fail").glob("*.mcap")):
        positions, confidence = on_grid(*read_recording(file))
        yield Stream(positions, confidence, np.zeros(len(positions), int), (), "recording", 0, file.stem)


def robot_view(root: Path) -> list[Stream]:
    """People in the picture of a robot, in two dimensions, named after what they do."""
    with np.load(root / _ROBOT_VIEW) as store:
        arrays = {key: store[key] for key in store.files}
    mapping = LayoutMapping(get_layout("openpose25"), get_layout("body13_2d"))
    height = float(np.nanmax(arrays["frames"][..., 1]))
    streams = []
    for offset, length, label in zip(arrays["offset"], arrays["length"], arrays["label"], strict=True):
        points = arrays["frames"][offset : offset + length].astype(np.float32) / height
        seen = (np.abs(points).sum(-1) > 0).astype(np.float32)
        positions, confidence = on_grid(np.arange(length) / _ROBOT_VIEW_HZ, *mapping.apply(points, seen))
        name = str(arrays["class_name"][label - 1])
        streams.append(Stream(positions, confidence, np.zeros(len(positions), int), (), "robot", 0, name))
    return streams


def thinned(stream: Stream, rate_hz: float) -> Stream:
    """A stream as if its source had given fewer frames a second."""
    stamps = np.arange(len(stream)) / RATE_HZ
    kept = np.round(np.arange(0, stamps[-1], 1 / rate_hz) * RATE_HZ).astype(int)
    positions, confidence = on_grid(stamps[kept], stream.positions[kept], stream.confidence[kept])
    return replace(stream, positions=positions, confidence=confidence, target=stream.target[: len(positions)])


def mirrored(clip: ClipStream, table: StreamLabels) -> ClipStream:
    """A clip with left and right exchanged."""
    order = list(BODY.mirror)
    flipped = clip.positions[:, order] * np.array((-1, 1, 1), np.float32)
    return replace(clip, positions=flipped, confidence=clip.confidence[:, order], label=table.mirror_of(clip.label))
