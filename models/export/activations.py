"""``python -m models activations``: how often taught labels are heard, told of other movement, and cost known ones.

Everything runs through the decoder and the matcher of the runtime. Examples are of odd subjects; clips, recordings and
what else people do are of even ones, or of words and clips that no training saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2

from csre_ros.evaluation import JudgedStream, Report, judge
from csre_ros.evaluation.detection import hears
from csre_ros.recognition.bundle import Bundle
from csre_ros.teaching.gallery import REACH
from models.data.streams.labels import read_stream_labels
from models.data.streams.scenes import CLIPS, CONTINUOUS, Scene, other_scenes, to_hear
from models.data.streams.stream import RATE_HZ
from models.data.taught import read_taught
from models.export.online import Measured
from models.export.record import head, write_record
from models.export.teach import Taught, taught_clips
from models.export.with_gallery import Runtime, drawn_lesson

_TABLE = Path("models/configs/labels_stream.yaml")
_SURE = 0.95


def activations(
    bundle: str,
    without: str,
    root: Path = Path("../shared/data"),
    output: Path | None = None,
    settings_of: str = "default",
    shots: int = 5,
    reaches: Sequence[float] = (REACH,),
    seed: int = 0,
) -> str:
    """Measure galleries in continuous use.

    Args:
        bundle: A bundle that labels every frame; best one of ``python -m models taught``, which never saw the labels.
        without: The set of ``models/suites/taught.yaml`` that it is taught.
        root: Folder with the data sets.
        output: JSON file for the figures.
        settings_of: Bundle whose thresholds and decoder are taken for the labels of this one.
        shots: Examples of each label.
        reaches: Distances at which an example is as likely meant as not.
        seed: Of the draw of examples.

    Returns:
        The figures as JSON, by set, or ``SET/DATA SET`` where it is of two, and by reach.

    Raises:
        ValueError: An unknown set, or a bundle that classifies windows.
    """
    if without not in read_taught():
        raise ValueError(f"unknown set {without!r}; choose among: {', '.join(read_taught())}")
    loaded, settings = (Bundle.load(one, device="cpu") for one in (bundle, settings_of))
    table = read_stream_labels(_TABLE)
    if loaded.info.dims == 2:
        raise ValueError(f"bundle {loaded.path} takes people in the image; these are figures of bundles in space")
    thresholds = {label.name: label.threshold for label in settings.info.labels}
    labels = [replace(label, threshold=thresholds[label.name]) for label in loaded.info.labels]
    runtime = Runtime(loaded, labels, settings, Measured(loaded, root, table))
    names = [label.name for label in labels if not label.background]
    scenes = other_scenes(root, table, table.without(read_taught()[without]), names)
    record = {
        **head(loaded.info),
        "settings of": settings.info.digest,
        "seed": seed,
        "examples of each label": shots,
        "sets": {
            key: _measured(clips, runtime, scenes, shots, reaches, seed)
            for key, clips in taught_clips(without, root).items()
        },
    }
    return write_record(record, output)


def _measured(
    clips: Taught,
    runtime: Runtime,
    scenes: Mapping[str, Sequence[Scene]],
    shots: int,
    reaches: Sequence[float],
    seed: int,
) -> dict[str, Any]:
    lesson = drawn_lesson(clips.examples, runtime, shots, seed)
    taught = [to_hear(clip) for clip in clips.told]
    told = {name: runtime.told(some, lesson, reaches) for name, some in {"taught": taught, **scenes}.items()}

    def at(place: int, name: str) -> list[list[Report]]:
        return [one[place] for one in told[name]]

    others = {name: some for name, some in scenes.items() if name != CLIPS}
    return {
        "classes": lesson.names,
        "clips": len(taught),
        "known clips": len(scenes[CLIPS]),
        "without a gallery": _known(scenes, {name: at(0, name) for name in scenes}),
        "by reach": {
            f"{reach:g}": {
                "heard": round(heard(taught, at(place, "taught")), 4),
                "another taught label told first": round(_mistaken(taught, at(place, "taught"), lesson.names), 4),
                "false": false(others, {name: at(place, name) for name in others}, lesson.names),
                "known": _known(scenes, {name: at(place, name) for name in scenes}),
            }
            for place, reach in enumerate(reaches, 1)
        },
    }


def heard(scenes: Sequence[Scene], told: Sequence[Sequence[Report]]) -> float:
    """Share of scenes of one action of which a report tells, at the latest in the second behind it."""
    return float(
        np.mean([any(hears(scene.truth[0], one) for one in some) for scene, some in zip(scenes, told, strict=True)])
    )


def _mistaken(scenes: Sequence[Scene], told: Sequence[Sequence[Report]], names: Sequence[str]) -> float:
    firsts = [next((one.label for one in some if one.label in names), None) for some in told]
    return float(
        np.mean([first not in (None, scene.truth[0].label) for scene, first in zip(scenes, firsts, strict=True)])
    )


def false(
    scenes: Mapping[str, Sequence[Scene]], told: Mapping[str, Sequence[Sequence[Report]]], names: Sequence[str]
) -> dict[str, Any]:
    """Reports of taught labels where nothing taught is done: minutes, counts by kind of scene, and their rate.

    Args:
        scenes: By kind.
        told: Reports of each scene.
        names: The taught labels.
    """
    counts = {
        name: sum(
            one.label in names and not any(spared.start < one.end and one.start < spared.end for spared in scene.spared)
            for scene, reports in zip(some, told[name], strict=True)
            for one in reports
        )
        for name, some in scenes.items()
    }
    minutes = {name: sum(one.seconds for one in some) / 60 for name, some in scenes.items()}
    count, duration = sum(counts.values()), sum(minutes.values())
    return {
        "minutes": {name: round(some, 2) for name, some in minutes.items()},
        "activations": counts,
        "per_minute": round(count / duration, 3),
        "interval": [round(limit / duration, 3) for limit in poisson_interval(count)],
    }


def poisson_interval(count: int, sure: float = _SURE) -> tuple[float, float]:
    """The exact confidence interval of a Poisson mean of which one count is known.

    Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28(3/4), 1936.

    >>> [round(limit, 2) for limit in poisson_interval(0)]
    [0.0, 3.69]
    """
    tail = (1 - sure) / 2
    lower = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    return lower, float(chi2.ppf(1 - tail, 2 * count + 2)) / 2


def _known(scenes: Mapping[str, Sequence[Scene]], told: Mapping[str, Sequence[Sequence[Report]]]) -> dict[str, float]:
    """How well the labels of the bundle are told: share of clips that are heard, and detection rate of recordings."""
    found = {f"{CLIPS} heard": heard(scenes[CLIPS], told[CLIPS])}
    for name in CONTINUOUS:
        streams = [
            JudgedStream(str(number), 0.0, len(scene.stream.positions) / RATE_HZ, scene.truth, tuple(reports))
            for number, (scene, reports) in enumerate(zip(scenes[name], told[name], strict=True))
        ]
        found[f"{name} detected"] = judge(streams).detection_rate
    return {name: round(share, 4) for name, share in found.items()}
