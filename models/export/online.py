"""What a stream bundle does on people and recordings it was not trained on: every figure of its card, from the file.

The exported step graph is run over the test part of every set, many streams in one batch, and decoded with the settings
that the bundle carries.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from csre_ros.evaluation import Figures, Interval, JudgedStream, Report, judge, merged
from csre_ros.recognition.bundle import Bundle, States
from csre_ros.skeleton import FloatArray
from models.data.streams.camera import VirtualCamera
from models.data.streams.clips import ClipStream, answers, read_clip_streams, right_share
from models.data.streams.held_out import (
    desk_minutes,
    desk_waves,
    failures,
    mirrored,
    robot_view,
    test_streams,
    thinned,
)
from models.data.streams.labels import StreamLabels, read_stream_labels
from models.data.streams.recordings import read_signing
from models.data.streams.stream import RATE_HZ, Stream
from models.export.decoding import reports_of
from models.export.record import write_record
from models.training.provenance import commit, hardware

_SETS = ("utkinect", "precog")
_AT_ONCE = 256
"""Streams of one call: with all of them at once a busy machine can need longer than a call may take."""
_IN_PLACE = frozenset({"walk", "run", "sit_down", "stand_up"})
"""Actions that nobody calls a gesture."""
_GREETINGS = frozenset({"wave", "wave_two_hands", "raise_hand"})
Record = dict[str, Any]


class Scores(NamedTuple):
    """What a bundle says of some streams, one array for each; every row is for the instant of its own frame.

    Attributes:
        probabilities: ``[T, labels]``.
        embeddings: ``[T, D]``.
        begins: ``[T]`` probability that an action begins.
    """

    probabilities: list[FloatArray]
    embeddings: list[FloatArray]
    begins: list[FloatArray]


def online(
    bundle: str,
    root: Path = Path("../shared/data"),
    output: Path | None = None,
    labels_file: Path = Path("models/configs/labels_stream.yaml"),
    unknown: float = 0.01,
) -> str:
    """Measure a stream bundle on the test subjects of all sets, and on recordings of strangers.

    Args:
        bundle: Name of a shipped bundle, or path of an .onnx file.
        root: Folder with the data sets.
        output: JSON file for the figures.
        labels_file: Label table.
        unknown: Share of known actions that may be lost, as the setting decoder.unknown; 0 refuses nothing.

    Returns:
        The figures as JSON.

    Raises:
        ValueError: The bundle does not label every frame.
    """
    measured = Measured(Bundle.load(bundle, device="cpu"), root, read_stream_labels(labels_file), unknown)
    return write_record(measured.record(), output)


class Measured:
    """One bundle and its figures.

    Args:
        bundle: A stream bundle.
        root: Folder with the data sets.
        table: The label table that it was trained with.
        unknown: Share of known actions that may be lost to refuse others; 0 refuses nothing.

    Raises:
        ValueError: The bundle does not label every frame.
    """

    def __init__(self, bundle: Bundle, root: Path, table: StreamLabels, unknown: float = 0.0) -> None:
        if bundle.info.stream is None:
            raise ValueError(f"bundle {bundle.path} classifies windows; these are figures of bundles for streams")
        self._bundle, self._root, self._table = bundle, root, table
        self._unknown = unknown
        self._delay_s = bundle.info.stream.delay_s
        self._names = [label.name for label in bundle.info.labels]
        self._flat = bundle.info.dims == 2

    def record(self) -> Record:
        """Everything, as plain values."""
        info, root, table = self._bundle.info, self._root, self._table
        streams = {name: test_streams(name, root, table) for name in _SETS}
        return {
            "bundle": info.name,
            "digest": info.digest,
            "trained_at": info.commit,
            "measured_at": commit(),
            "hardware": hardware(torch.device("cpu")),
            "streams": {name: self.judged(some).to_record() for name, some in streams.items()},
            "streams_at_10_hz": {
                name: self.judged([thinned(one, 10.0) for one in some]).to_record() for name, some in streams.items()
            },
            "clips": self.clips(),
            "desk": self.alarms(desk_minutes(root, table)),
            "signing": self.alarms(read_signing(root, table)[1::2]),
            "desk_waves": self.waves(desk_waves(root, table)),
            "failures": {stream.name: self.told(stream) for stream in failures(root)},
            **({"robot_view": self.gestures(robot_view(root))} if self._flat else {}),
        }

    def scores(self, streams: Sequence[Stream | ClipStream]) -> Scores:
        """What the bundle says of streams.

        The last frame stands for the time by which the network looks ahead.
        """
        delay = round(self._delay_s * RATE_HZ)
        inputs = [self._seen(one.positions, one.confidence) for one in streams]
        lengths = np.array([len(positions) for positions, _ in inputs]) + delay
        order = np.argsort(-lengths, kind="stable")
        logits: list[list[FloatArray]] = [[] for _ in streams]
        embeddings: list[list[FloatArray]] = [[] for _ in streams]
        begins: list[list[float]] = [[] for _ in streams]
        for some in (order[first : first + _AT_ONCE] for first in range(0, len(order), _AT_ONCE)):
            states: States = self._bundle.beginning(len(some))
            for step in range(int(lengths[some].max())):
                rows = some[: int((lengths[some] > step).sum())]
                frames = [min(step, len(inputs[row][0]) - 1) for row in rows]
                positions = np.stack([inputs[row][0][frame] for row, frame in zip(rows, frames, strict=True)])
                confidence = np.stack([inputs[row][1][frame] for row, frame in zip(rows, frames, strict=True)])
                said = self._bundle.step(
                    positions, confidence, {name: state[: len(rows)] for name, state in states.items()}
                )
                states = said.states
                if step >= delay:
                    for place, row in enumerate(rows):
                        logits[row].append(said.logits[place])
                        embeddings[row].append(said.embedding[place])
                        begins[row].append(said.begin[place])
        return Scores(
            [torch.from_numpy(np.stack(one)).softmax(-1).numpy() for one in logits],
            [np.stack(one) for one in embeddings],
            [np.array(one, np.float32) for one in begins],
        )

    def reports(self, streams: Sequence[Stream | ClipStream]) -> list[list[Report]]:
        """What a robot is told of each stream."""
        return [self._told(*one, self._unknown) for one in zip(*self.scores(streams), strict=True)]

    def judged(self, streams: Sequence[Stream]) -> Figures:
        """Measures of streams with truth; touching truths of one label are one."""
        return judge(
            [
                JudgedStream(stream.name, 0.0, len(stream) / RATE_HZ, tuple(self._truth(stream)), tuple(reports))
                for stream, reports in zip(streams, self.reports(streams), strict=True)
            ],
            free=("walk",),
        )

    def clips(self) -> Record:
        """Trimmed clips of the test subjects: the label with the largest sum of probabilities."""
        clips = read_clip_streams(self._root, "test")
        views = {"as they are": clips}
        if not self._flat:
            views |= {f"turned by {angle}": [clip.turned(np.deg2rad(angle)) for clip in clips] for angle in (90, 180)}
            views["half size"] = [replace(clip, positions=clip.positions / 2) for clip in clips]
        views["mirrored"] = [mirrored(clip, self._table) for clip in clips]
        record: Record = {"number": len(clips)}
        for view, some in views.items():
            found, embeddings, _ = self.scores(some)
            record[view] = round(right_share(some, found, self._names), 4)
            if view == "as they are":
                record |= self._by_label(some, found)
                record["nearest class mean of embeddings"] = round(self._nearest_mean(some, embeddings), 4)
        return record

    def alarms(self, streams: Sequence[Stream]) -> Record:
        """Reports where nothing of ours is done."""
        counts = Counter(report.label for reports in self.reports(streams) for report in reports)
        minutes = sum(map(len, streams)) / RATE_HZ / 60
        return {"minutes": round(minutes, 2), "per_minute": round(counts.total() / minutes, 3), "labels": dict(counts)}

    def waves(self, clips: Sequence[ClipStream]) -> Record:
        """How many waves are heard, by set."""
        heard: dict[str, list[bool]] = defaultdict(list)
        for clip, reports in zip(clips, self.reports(clips), strict=True):
            heard[clip.source].append(any(report.label == clip.label for report in reports))
        return {source: {"clips": len(some), "heard": round(float(np.mean(some)), 3)} for source, some in heard.items()}

    def told(self, stream: Stream) -> list[str]:
        """Reports of one recording, with their times."""
        (reports,) = self.reports([stream])
        return [f"{report.label} {report.start:.1f}-{report.end:.1f}" for report in reports]

    def gestures(self, streams: Sequence[Stream]) -> Record:
        """Clips by name, and how many were told with a gesture, a greeting, and which."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for stream, reports in zip(streams, self.reports(streams), strict=True):
            gestures = {report.label for report in reports} - _IN_PLACE
            count = counts[stream.name]
            count["clips"] += 1
            count["any gesture"] += bool(gestures)
            count["greeting"] += bool(gestures & _GREETINGS)
            count.update(sorted(gestures))
        return {name: dict(count) for name, count in counts.items()}

    def _told(
        self, probabilities: FloatArray, embeddings: FloatArray, begins: FloatArray, unknown: float
    ) -> list[Report]:
        bundle = self._bundle
        known = None if bundle.open_set is None else bundle.open_set.known(probabilities, embeddings, unknown)
        return reports_of(probabilities, begins, bundle.info.labels, bundle.decoding, RATE_HZ, self._delay_s, known)

    def _truth(self, stream: Stream) -> Sequence[Interval]:
        names, background = self._table.names, self._table.background
        spans = ((names[self._table.parents[one.label]], one.start, one.end) for one in stream.spans)
        return merged([Interval(name, a / RATE_HZ, b / RATE_HZ) for name, a, b in spans if name not in background])

    def _seen(self, positions: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What the bundle is given: a flat one sees what a virtual camera makes of a body, always the same one."""
        if self._flat and positions.shape[-1] == 3:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                camera = VirtualCamera(nearing=0.0)
                points, seen = camera(torch.from_numpy(positions)[None], torch.from_numpy(confidence)[None])
            positions, confidence = points[0].numpy(), seen[0].numpy()
        hidden = np.where((confidence > 0)[..., None], positions, np.nan)
        return hidden.astype(np.float32), confidence.astype(np.float32)

    def _by_label(self, clips: Sequence[ClipStream], found: Sequence[FloatArray]) -> Record:
        """Recall by label and by set, and what is most often taken for what."""
        of_label: dict[str, list[bool]] = defaultdict(list)
        of_set: dict[str, list[bool]] = defaultdict(list)
        mistakes: Counter[str] = Counter()
        for clip, said in zip(clips, answers(found, self._names), strict=True):
            of_label[clip.label].append(said == clip.label)
            of_set[clip.source].append(said == clip.label)
            if said != clip.label:
                mistakes[f"{clip.label} ({clip.source}) as {said}"] += 1
        shares = {"by set": of_set, "by label": of_label}
        tables = {
            key: {name: f"{sum(right)}/{len(right)}" for name, right in sorted(table.items())}
            for key, table in shares.items()
        }
        return tables | {"mistakes": dict(mistakes.most_common(12))}

    def _nearest_mean(self, clips: Sequence[ClipStream], embeddings: Sequence[FloatArray]) -> float:
        """Share of test clips whose mean embedding is nearest to that of its label over the validation subjects."""
        known = read_clip_streams(self._root, "val")
        means = _class_means(known, self.scores(known).embeddings)
        names = list(means)
        centres = np.stack([means[name] for name in names])
        kept = [(clip, one) for clip, one in zip(clips, embeddings, strict=True) if clip.label in means]
        right = 0
        for clip, one in kept:
            right += names[int((centres @ _direction(one)).argmax())] == clip.label
        return right / max(len(kept), 1)


def _class_means(clips: Sequence[ClipStream], embeddings: Sequence[FloatArray]) -> Mapping[str, FloatArray]:
    by_label: dict[str, list[FloatArray]] = defaultdict(list)
    for clip, one in zip(clips, embeddings, strict=True):
        by_label[clip.label].append(_direction(one))
    return {name: np.mean(some, axis=0) for name, some in by_label.items()}


def _direction(embedding: FloatArray) -> FloatArray:
    """``[D]`` unit vector of the mean over a clip's own frames."""
    mean: FloatArray = embedding[round(RATE_HZ) :].mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)
