"""``csre evaluate``: how well actions are heard in recordings whose truth is known."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from csre_ros.app.screen.judgement import label_table, measure_table
from csre_ros.app.screen.terminal import console, results
from csre_ros.app.screen.timelines import write_timelines
from csre_ros.app.session import events_of
from csre_ros.app.source import resolve_recording
from csre_ros.evaluation import NOTHING, JudgedStream, intervals_of_runs, judge, match, merged, renamed, reports_of
from csre_ros.foreign_text import quoted, sentence
from csre_ros.options import MADE, READ, REPLACED, check, option
from csre_ros.paths import user_path
from csre_ros.pipeline import Pipeline, PipelineConfig
from csre_ros.recognition import ActionEvent
from csre_ros.sources import SourceFrame, open_source
from csre_ros.sources.open import is_recording
from csre_ros.sources.stream_arrays import read_stream_arrays


@dataclass(frozen=True)
class EvaluateConfig:
    """What is judged, and where the judgement goes."""

    recordings: Sequence[str] = option(
        (),
        "Recordings (.mcap) or rosbag2 folders with annotated frames, folders of them, or .npz files of labelled "
        "streams.",
        file=READ,
    )
    words: str = option(
        "",
        "YAML file that says what annotations are called by the bundle, such as carry: walk; none leaves one out.",
        file=READ,
    )
    json: str = option("", "Write every figure, truth and report to this file; '-' is standard output.", file=REPLACED)
    timelines: str = option(
        "", "Write a picture of every recording to this folder: truth above, reports below.", file=MADE
    )
    unannotated: str = option(
        "", "Labels, separated by commas, that people may well do where nothing is annotated, such as walk: what is "
        "wrong without them is printed beside."
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class EvaluateSettings:
    """Everything that ``csre evaluate`` can be told."""

    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)


def run(settings: EvaluateSettings) -> int:
    """Recognise actions in recordings, compare them with their truth, and print how well that went.

    Raises:
        OSError: A recording does not open, or a file cannot be written.
        ValueError: A recording is damaged or has no truth, or an annotation is no label of the bundle.
        BundleError: The bundle cannot be used.
        ImportError: Timelines are wanted and OpenCV is missing.
    """
    config = settings.evaluate
    recordings = _named(_recordings(config.recordings))
    words = _read_words(config.words)
    pipeline = Pipeline(settings.pipeline, _dims(recordings))
    info, free = pipeline.recognizer.info, [word for word in config.unannotated.split(",") if word]
    labels = {label.name: label.background for label in info.labels}
    for word in free:
        if word not in labels:
            raise ValueError(f"unannotated names {word!r}, which {info.name} never says; choose from: {_list(labels)}")
    streams: list[JudgedStream] = []
    with console.status("evaluating") as status:
        for name, frames in recordings:
            status.update(f"{len(streams)} of {len(recordings)} recordings: {name}")
            streams.append(_judged(name, frames(), pipeline, words))
    pipeline.close()
    figures = judge(streams, free)
    show = console if config.json == "-" else results
    show.print(label_table(figures))
    show.print(measure_table(figures))
    if config.json:
        bundle = {"name": info.name, "file": str(pipeline.recognizer.bundle.path), "commit": info.commit}
        record = {"bundle": bundle, "figures": figures.to_record(), "streams": [_record(one) for one in streams]}
        text = json.dumps(record, indent=1) + "\n"
        if config.json == "-":
            results.file.write(text)
        else:
            Path(config.json).write_text(text, encoding="utf-8")
    if config.timelines:
        write_timelines(streams, Path(config.timelines))
        console.print(f"{len(streams)} timelines under {config.timelines}")
    return 0


_Opens = Callable[[], Iterator[SourceFrame]]


def _named(found: Iterable[tuple[str, _Opens]]) -> list[tuple[str, _Opens]]:
    """Number recordings of one name, which come from several folders."""
    seen: Counter[str] = Counter()
    named = []
    for name, opens in found:
        seen[name] += 1
        named.append((name if seen[name] == 1 else f"{name}_{seen[name]}", opens))
    return named


def _dims(recordings: Sequence[tuple[str, _Opens]]) -> int | None:
    """Dimensions of the first person in any recording; None where there is nobody."""
    people = (person for _, opens in recordings for frame in opens() for person in frame.skeletons or ())
    return next((person.layout.dims for person in people), None)


def _recordings(given: Sequence[str]) -> Iterator[tuple[str, _Opens]]:
    """Name of every recording, and what opens it."""
    for name in given:
        path = user_path(resolve_recording(name))
        if not path.exists():
            raise FileNotFoundError(
                f"{quoted(name)} does not exist; name .mcap files, bags, .npz files or folders of them"
            )
        if path.suffix == ".npz":
            for one in read_stream_arrays(path):
                yield f"{path.stem}_s{one.subject:02d}_{one.name}", one.skeleton_frames
            continue
        single = is_recording(str(path)) or not path.is_dir()
        found = [path] if single else sorted(path.rglob("*.mcap"))
        if not found:
            raise FileNotFoundError(f"{name} is a folder without recordings; name .mcap files, bags or folders of them")
        for file in found:
            yield file.stem, partial(_frames, file)


def _frames(path: Path) -> Iterator[SourceFrame]:
    with open_source(str(path)) as source:
        yield from source


def _read_words(file: str) -> Mapping[str, str]:
    if not file:
        return {}
    try:
        words = yaml.safe_load(user_path(file).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is no YAML file: {sentence(error)}") from error
    if not isinstance(words, dict) or not all(isinstance(text, str) for pair in words.items() for text in pair):
        raise ValueError(f"{file} must hold lines of the form 'annotation: label'; write none to leave one out")
    return words


def _word(annotation: str, words: Mapping[str, str], labels: Mapping[str, bool], recording: str) -> str:
    """What the bundle calls an annotation; empty where that is nothing in particular."""
    word = words.get(annotation, annotation)
    if word in NOTHING or labels.get(word):
        return ""
    if word not in labels:
        mapped = f" ({quoted(word)} in the file of words)" if annotation in words else ""
        raise ValueError(
            f"{recording}: the annotation {quoted(annotation)}{mapped} is no label of the bundle; --words FILE maps "
            f"it to none, or to one of: {_list(labels)}"
        )
    return word


def _judged(name: str, frames: Iterable[SourceFrame], pipeline: Pipeline, words: Mapping[str, str]) -> JudgedStream:
    """Recognise the actions in one recording."""
    stamps: list[float] = []
    annotations: list[str | None] = []
    events: list[ActionEvent] = []
    for frame in frames:
        stamps.append(round(frame.stamp_ns / 1e9, 6))  # as events are written, so that equal instants stay equal
        annotations.append(frame.label)
        events += events_of(pipeline.step(frame)[1])
    events += events_of(pipeline.recognizer.finish())
    pipeline.reset()
    if all(annotation is None for annotation in annotations):
        raise ValueError(f"{name} has no truth: none of its {len(stamps)} frames has an annotation on the topic /label")
    try:
        spans = intervals_of_runs(stamps, [annotation or "" for annotation in annotations])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    labels = {label.name: label.background for label in pipeline.recognizer.info.labels}
    told = {one.label: _word(one.label, words, labels, name) for one in spans}
    truth = merged(renamed(spans, told))
    return JudgedStream(name, stamps[0], stamps[-1], tuple(truth), reports_of(event.to_record() for event in events))


def _record(stream: JudgedStream) -> dict[str, Any]:
    """A stream for JSON; seconds from its first frame."""
    right = match(stream.truth, stream.reports).right
    found, said = ({id(pair[k]) for pair in right} for k in (0, 1))

    def since(seconds: float) -> float:
        return round(seconds - stream.start, 3)

    return {
        "name": stream.name,
        "seconds": round(stream.seconds, 3),
        "truth": [
            {"label": one.label, "start": since(one.start), "end": since(one.end), "detected": id(one) in found}
            for one in stream.truth
        ],
        "reports": [
            {"label": one.label, "start": since(one.start), "end": since(one.end), "decided": since(one.decided),
             "score": round(float(one.score), 4), "right": id(one) in said}
            for one in stream.reports
        ],
    }  # fmt: skip


def _list(labels: Mapping[str, bool]) -> str:
    return ", ".join(name for name, background in labels.items() if not background)
