"""Recordings as streams: the continuous sets with their truth, and people before cameras who do nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from csre_ros.recognition import window
from csre_ros.recognition.bundle_info import OTHER
from csre_ros.skeleton import FloatArray, LayoutMapping, get_layout
from csre_ros.sources.recording import RecordingSource
from models.data.clips import read_desk_clips
from models.data.continuous import ContinuousRecording, read_continuous
from models.data.streams.labels import ANYTHING, REST, REST_OR_WALK, StreamLabels
from models.data.streams.stream import RATE_HZ, Span, Stream
from models.data.synthesis import BODY, arm
from models.data.windows import to_body

BETWEEN: Mapping[str, str] = {"utkinect": REST_OR_WALK, "precog": OTHER}
"""What people do between the labelled actions of a set: those of UTKinect also walk, those of PRECOG stand on guard."""
_TRY_OUT = {"utkinect"}
"""Sets in which people try out between the labels what comes: one raises both arms six times in half a minute."""

SIGNING = "camera_negatives"
HELD_OUT_WORDS = frozenset({"cry", "eat", "give", "kick", "run", "sleep", "wait", "wash"})
"""Words of the desk recordings on which false alarms are measured: never trained on."""
_NOT_NEGATIVE = "push"
"""The word of the desk recordings whose clips hold one of our actions."""


def on_grid(
    stamps: NDArray[np.float64], positions: FloatArray, confidence: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Frames at :data:`RATE_HZ` from the first one on, as the runtime interpolates them; 0 where nothing was seen."""
    instants = np.arange(stamps[0], stamps[-1], 1 / RATE_HZ)
    stamps_ns = np.round(stamps * 1e9).astype(np.int64)
    positions, confidence = window.resample(stamps_ns, np.nan_to_num(positions), confidence, instants * 1e9)
    return np.nan_to_num(positions).astype(np.float32), confidence.astype(np.float32)


def labelled(recording: ContinuousRecording, labels: StreamLabels, first_slot: int, between: str = "") -> Stream:
    """A continuous recording as a stream; its actions take memory-bank rows from ``first_slot`` on."""
    source, start = recording.source, recording.stamps[0]
    mapping = LayoutMapping(get_layout("kinect20"), BODY)
    positions, confidence = on_grid(recording.stamps, *mapping.apply(recording.positions, recording.confidence))
    target = np.full(len(positions), labels.target(between or BETWEEN[source]))
    if source in _TRY_OUT:
        target[_hands_up(positions, confidence)] = labels.target(ANYTHING)
    spans: list[Span] = []
    for action in recording.truth:
        name = labels.of(source, action.label)
        if name is None:
            continue
        first, last = (int(np.clip(round((at - start) * RATE_HZ), 0, len(target))) for at in action[1:])
        target[first:last] = labels.target(name)
        spans.append(Span(first, last, labels.classes.index(name), first_slot + len(spans)))
    return Stream(positions, confidence, target, tuple(spans), source, recording.subject, recording.name)


def _hands_up(positions: FloatArray, confidence: FloatArray) -> NDArray[np.bool_]:
    """``[T]`` whether a wrist is above its shoulder (y points down); nobody can say what such a hand does."""
    up = np.zeros(len(positions), bool)
    for side in ("left", "right"):
        shoulder, _, wrist = arm(side)
        higher = positions[:, wrist, 1] < positions[:, shoulder, 1]
        up |= higher & (confidence[:, wrist] > 0) & (confidence[:, shoulder] > 0)
    return up


def read_labelled(name: str, root: Path, labels: StreamLabels, first_slot: int, between: str = "") -> list[Stream]:
    """All recordings of a continuous set; their memory-bank rows follow one another."""
    streams = []
    for recording in read_continuous(name, root):
        streams.append(labelled(recording, labels, first_slot, between))
        first_slot += len(streams[-1].spans)
    return streams


def read_desk(root: Path, labels: StreamLabels) -> list[Stream]:
    """The webcam recordings of one person at a desk, one stream of a second for each clip, named after its word."""
    clips = [clip for clip in read_desk_clips(root) if clip.label != _NOT_NEGATIVE]
    streams = []
    for clip in to_body(clips):
        stamps = np.arange(len(clip)) / clip.rate
        streams.append(_background(stamps, clip.positions, clip.confidence, labels, "desk", clip.label))
    return streams


def read_signing(root: Path, labels: StreamLabels) -> list[Stream]:
    """People who sign to a camera, one stream for each recording.

    Raises:
        FileNotFoundError: The folder is not there.
    """
    files = sorted((root / SIGNING).glob("*.mcap"))
    if not files:
        raise FileNotFoundError(f"{root / SIGNING} holds no recordings; point --data.root at the folder that holds it")
    return [_background(*read_recording(file), labels, "signing", file.stem) for file in files]


def read_recording(path: Path) -> tuple[NDArray[np.float64], FloatArray, FloatArray]:
    """Stamps in seconds, positions and confidence in ``body13`` of the first person of every frame of an ``.mcap``."""
    stamps, positions, confidence = [], [], []
    with RecordingSource(path) as source:
        mapping = LayoutMapping(source.layout, BODY)
        for frame in source:
            if frame.skeletons:
                person = frame.skeletons[0]
                mapped = mapping.apply(person.positions[None], person.confidence[None])
                stamps.append(frame.stamp_ns / 1e9)
                positions.append(mapped[0][0])
                confidence.append(mapped[1][0])
    return np.array(stamps), np.nan_to_num(np.array(positions)).astype(np.float32), np.array(confidence, np.float32)


def _background(
    stamps: NDArray[np.float64],
    positions: FloatArray,
    confidence: FloatArray,
    labels: StreamLabels,
    source: str,
    name: str,
) -> Stream:
    positions, confidence = on_grid(stamps, positions, confidence)
    return Stream(positions, confidence, np.full(len(positions), labels.target(REST)), (), source, 0, name)


def chained(streams: Sequence[Stream], frames: int, rng: Generator) -> Stream:
    """Short streams of one kind, one behind the other, forth and sometimes back, until they fill some frames."""
    positions: list[FloatArray] = []
    confidence: list[FloatArray] = []
    count = 0
    while count < frames:
        one = streams[int(rng.integers(len(streams)))]
        order = np.arange(len(one))
        if rng.random() < 0.5:
            order = np.concatenate((order, order[::-1]))
        positions.append(one.positions[order])
        confidence.append(one.confidence[order])
        count += len(order)
    target = np.full(count, streams[0].target[0])
    return Stream(np.concatenate(positions), np.concatenate(confidence), target, (), streams[0].source)
