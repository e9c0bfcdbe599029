"""What a stream bundle does on people and recordings it was not trained on: every figure of its card, from the file.

The exported step graph is run over the test part of every set, many streams in one batch, and decoded with the settings
that the bundle carries.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from csre_ros.evaluation import Figures, Interval, JudgedStream, Report, judge, merged
from csre_ros.recognition.bundle import Bundle, States
from csre_ros.skeleton import FloatArray, LayoutMapping, get_layout
from models.data.streams.camera import VirtualCamera
from models.data.streams.clips import AS_WINDOWS, ClipStream, read_clip_streams, right_share
from models.data.streams.labels import StreamLabels, read_stream_labels
from models.data.streams.mocap import read_mocap
from models.data.streams.module import split_pieces
from models.data.streams.pieces import pieces_of
from models.data.streams.recordings import (
    HELD_OUT_WORDS,
    chained,
    on_grid,
    read_desk,
    read_labelled,
    read_recording,
    read_signing,
)
from models.data.streams.stream import RATE_HZ, Stream
from models.data.synthesis import BODY, hips, legs
from models.export.decoding import reports_of
from models.training.provenance import commit, hardware

_SETS = ("utkinect", "precog")
_ROBOT_VIEW, _ROBOT_VIEW_HZ = "robot_view_2d.npz", 13.5
_IN_PLACE = frozenset({"walk", "run", "sit_down", "stand_up"})
"""Actions that nobody calls a gesture."""
_GREETINGS = frozenset({"wave", "wave_two_hands", "raise_hand"})
_WAVES = frozenset({"wave", "wave_two_hands"})
_LONGEST_WAVE_S = 8.0
_MINUTE = 60 * RATE_HZ
Record = dict[str, Any]


def online(
    bundle: str,
    root: Path = Path("../shared/data"),
    output: Path | None = None,
    labels_file: Path = Path("models/configs/labels_stream.yaml"),
) -> str:
    """Measure a stream bundle on the test subjects of all sets, and on recordings of strangers.

    Args:
        bundle: Name of a shipped bundle, or path of an .onnx file.
        root: Folder with the data sets.
        output: JSON file for the figures.
        labels_file: Label table.

    Returns:
        The figures as JSON.

    Raises:
        ValueError: The bundle does not label every frame.
    """
    measured = Measured(Bundle.load(bundle, device="cpu"), root, read_stream_labels(labels_file))
    record = measured.record()
    text = json.dumps(record, indent=1)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n", encoding="utf-8")
    return text


class Measured:
    """One bundle and its figures.

    Args:
        bundle: A stream bundle.
        root: Folder with the data sets.
        table: The label table that it was trained with.

    Raises:
        ValueError: The bundle does not label every frame.
    """

    def __init__(self, bundle: Bundle, root: Path, table: StreamLabels) -> None:
        if bundle.info.stream is None:
            raise ValueError(f"bundle {bundle.path} classifies windows; these are figures of bundles for streams")
        self._bundle, self._root, self._table = bundle, root, table
        self._delay_s = bundle.info.stream.delay_s
        self._names = [label.name for label in bundle.info.labels]
        self._flat = bundle.info.dims == 2

    def record(self) -> Record:
        """Everything, as plain values."""
        info = self._bundle.info
        streams = {name: self._labelled(name) for name in _SETS}
        return {
            "bundle": info.name,
            "digest": info.digest,
            "commit": info.commit,
            "measured_at": commit(),
            "hardware": hardware(torch.device("cpu")),
            "streams": {name: self.judged(some).to_record() for name, some in streams.items()},
            "streams_at_10_hz": {
                name: self.judged([_thinned(one, 10.0) for one in some]).to_record() for name, some in streams.items()
            },
            "clips": self.clips(),
            "desk": self.alarms(self._desk()),
            "signing": self.alarms(read_signing(self._root, self._table)[1::2]),
            "desk_waves": self.desk_waves(),
            "failures": {file.stem: self.told(file) for file in sorted((self._root / "live_fail").glob("*.mcap"))},
            **({"robot_view": self.robot_view()} if self._flat else {}),
        }

    def scores(self, streams: Sequence[Stream | ClipStream]) -> tuple[list[FloatArray], list[FloatArray]]:
        """``[T, labels]`` probabilities and ``[T, D]`` embeddings, each row for the instant of its own frame.

        The last frame stands for the time by which the network looks ahead.
        """
        delay = round(self._delay_s * RATE_HZ)
        inputs = [self._seen(one.positions, one.confidence) for one in streams]
        lengths = np.array([len(positions) for positions, _ in inputs]) + delay
        order = np.argsort(-lengths, kind="stable")
        states: States = self._bundle.beginning(len(order))
        logits: list[list[FloatArray]] = [[] for _ in streams]
        embeddings: list[list[FloatArray]] = [[] for _ in streams]
        for step in range(int(lengths.max(initial=0))):
            rows = order[: int((lengths > step).sum())]
            frames = [min(step, len(inputs[row][0]) - 1) for row in rows]
            positions = np.stack([inputs[row][0][frame] for row, frame in zip(rows, frames, strict=True)])
            confidence = np.stack([inputs[row][1][frame] for row, frame in zip(rows, frames, strict=True)])
            found, embedding, states = self._bundle.step(
                positions, confidence, {name: state[: len(rows)] for name, state in states.items()}
            )
            if step >= delay:
                for place, row in enumerate(rows):
                    logits[row].append(found[place])
                    embeddings[row].append(embedding[place])
        return [_softmax(np.stack(one)) for one in logits], [np.stack(one) for one in embeddings]

    def reports(self, streams: Sequence[Stream | ClipStream]) -> list[list[Report]]:
        """What a robot is told of each stream."""
        labels, settings = list(self._bundle.info.labels), self._bundle.decoding
        return [reports_of(one, labels, settings, RATE_HZ, self._delay_s) for one in self.scores(streams)[0]]

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
        views["mirrored"] = [self._mirrored(clip) for clip in clips]
        record: Record = {"number": len(clips)}
        for view, some in views.items():
            found, embeddings = self.scores(some)
            record[view] = round(right_share(some, found, self._names), 4)
            if view == "as they are":
                record |= self._by_label(some, found)
                record["nearest class mean of embeddings"] = round(self._nearest_mean(some, embeddings), 4)
        return record

    def alarms(self, streams: Sequence[Stream]) -> Record:
        """Reports where nothing of ours is done."""
        counts = Counter(report.label for reports in self.reports(streams) for report in reports)
        minutes = sum(map(len, streams)) / _MINUTE
        return {"minutes": round(minutes, 2), "per_minute": round(counts.total() / minutes, 3), "labels": dict(counts)}

    def desk_waves(self) -> Record:
        """How many waves are heard of people whose hips and legs no camera sees, by set."""
        waves = [clip for clip in read_clip_streams(self._root, "test") if clip.label in _WAVES]
        waves += _mocap_waves(self._root, self._table)
        hidden = list(hips()) + list(legs())
        heard: dict[str, list[bool]] = defaultdict(list)
        masked = []
        for clip in waves:
            confidence = clip.confidence.copy()
            confidence[:, hidden] = 0
            masked.append(replace(clip, confidence=confidence))
        for clip, reports in zip(masked, self.reports(masked), strict=True):
            heard[clip.source].append(any(report.label == clip.label for report in reports))
        return {source: {"clips": len(some), "heard": round(float(np.mean(some)), 3)} for source, some in heard.items()}

    def told(self, file: Path) -> list[str]:
        """Reports of one recording, with their times."""
        positions, confidence = on_grid(*read_recording(file))
        stream = Stream(positions, confidence, np.zeros(len(positions), int), (), "recording", 0, file.stem)
        (reports,) = self.reports([stream])
        return [f"{report.label} {report.start:.1f}-{report.end:.1f}" for report in reports]

    def robot_view(self) -> Record:
        """People as a robot saw them, two-dimensional: clips by class, and how many were told with which gestures."""
        with np.load(self._root / _ROBOT_VIEW) as store:
            arrays = {key: store[key] for key in store.files}
        mapping = LayoutMapping(get_layout("openpose25"), get_layout("body13_2d"))
        height = float(np.nanmax(arrays["frames"][..., 1]))
        streams, classes = [], []
        for offset, length, label in zip(arrays["offset"], arrays["length"], arrays["label"], strict=True):
            points = arrays["frames"][offset : offset + length].astype(np.float32) / height
            seen = (np.abs(points).sum(-1) > 0).astype(np.float32)
            stamps = np.arange(length) / _ROBOT_VIEW_HZ
            positions, confidence = on_grid(stamps, *mapping.apply(points, seen))
            streams.append(Stream(positions, confidence, np.zeros(len(positions), int), (), "robot", 0, ""))
            classes.append(str(arrays["class_name"][label - 1]))
        answers: dict[str, Counter[str]] = defaultdict(Counter)
        for name, reports in zip(classes, self.reports(streams), strict=True):
            gestures = {report.label for report in reports} - _IN_PLACE
            answers[name]["clips"] += 1
            answers[name]["any gesture"] += bool(gestures)
            answers[name]["greeting"] += bool(gestures & _GREETINGS)
            answers[name].update(sorted(gestures))
        return {name: dict(counts) for name, counts in answers.items()}

    def _labelled(self, name: str) -> list[Stream]:
        return [one for one in read_labelled(name, self._root, self._table, 0) if one.subject % 2 == 0]

    def _desk(self) -> list[Stream]:
        """A minute of every word that was held out."""
        desk, rng = read_desk(self._root, self._table), np.random.default_rng(0)
        words = sorted(HELD_OUT_WORDS)
        return [chained([one for one in desk if one.name == word], int(_MINUTE), rng) for word in words]

    def _truth(self, stream: Stream) -> Sequence[Interval]:
        names, background = self._table.names, self._table.background
        spans = ((names[self._table.parents[one.label]], one.start, one.end) for one in stream.spans)
        return merged([Interval(name, a / RATE_HZ, b / RATE_HZ) for name, a, b in spans if name not in background])

    def _seen(self, positions: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What the bundle is given: a flat one sees what a virtual camera makes of a body, always the same one."""
        if self._flat and positions.shape[-1] == 3:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                points, seen = VirtualCamera()(torch.from_numpy(positions)[None], torch.from_numpy(confidence)[None])
            positions, confidence = points[0].numpy(), seen[0].numpy()
        hidden = np.where((confidence > 0)[..., None], positions, np.nan)
        return hidden.astype(np.float32), confidence.astype(np.float32)

    def _mirrored(self, clip: ClipStream) -> ClipStream:
        mirror = list(BODY.mirror)
        flip = np.array((-1, 1, 1), np.float32)
        return replace(
            clip,
            positions=clip.positions[:, mirror] * flip,
            confidence=clip.confidence[:, mirror],
            label=self._table.mirror_of(clip.label),
        )

    def _by_label(self, clips: Sequence[ClipStream], found: Sequence[FloatArray]) -> Record:
        """Recall by label and by set, and what is most often taken for what."""
        known = [AS_WINDOWS.get(name, name) for name in self._names]
        of_label: dict[str, list[bool]] = defaultdict(list)
        of_set: dict[str, list[bool]] = defaultdict(list)
        mistakes: Counter[str] = Counter()
        for clip, probabilities in zip(clips, found, strict=True):
            sums: Counter[str] = Counter()
            for name, value in zip(known, probabilities[round(RATE_HZ) :].sum(axis=0), strict=True):
                sums[name] += float(value)  # type: ignore[assignment]
            said = max(sums, key=sums.__getitem__)
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
        _, others = self.scores(known)
        means = _class_means(known, others)
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


def _mocap_waves(root: Path, table: StreamLabels) -> list[ClipStream]:
    """Every sixth wave of the part of the mocap set that is kept from training, at most 8 s of each."""
    kept = [piece for piece in split_pieces(pieces_of(read_mocap(root), table))["test"] if piece.label in _WAVES]
    waves = []
    for piece in kept[::6]:
        positions = piece.at(0.0, min(len(piece.motion) / piece.rate, _LONGEST_WAVE_S), 1.0).positions()
        confidence = np.ones(positions.shape[:2], np.float32)
        waves.append(ClipStream(positions.astype(np.float32), confidence, piece.label, piece.source))
    return waves


def _thinned(stream: Stream, rate_hz: float) -> Stream:
    """A stream as if its source had given fewer frames a second."""
    stamps = np.arange(len(stream)) / RATE_HZ
    coarse = np.arange(0, stamps[-1], 1 / rate_hz)
    low = np.clip(np.round(coarse * RATE_HZ).astype(int), 0, len(stream) - 1)
    positions, confidence = on_grid(stamps[low], stream.positions[low], stream.confidence[low])
    count = min(len(positions), len(stream))
    return replace(stream, positions=positions[:count], confidence=confidence[:count], target=stream.target[:count])


def _softmax(logits: NDArray[np.float32]) -> FloatArray:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: FloatArray = shifted / shifted.sum(axis=-1, keepdims=True)
    return probabilities
