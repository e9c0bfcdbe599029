"""``python -m models teach``: how well a gallery tells classes that were taught by examples of other people.

Every clip that was kept is told by its nearest example, by the features and the distance of the runtime. The bundles
that ship were trained on odd subjects with most of these classes; ``python -m models taught`` trains some that never
saw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from csre_ros.recognition.bundle import Bundle
from csre_ros.recognition.encoder import Evidence
from csre_ros.skeleton import get_layout
from csre_ros.teaching import Recording, TeachError, trim
from csre_ros.teaching.features import Features, FeatureStream
from csre_ros.teaching.matching import sequence_distances
from models.data.clips import read_clips
from models.data.streams.clips import ClipStream, behind_rest, on_own_grid
from models.data.streams.held_hands import held_hands
from models.data.streams.held_out import robot_view
from models.data.streams.labels import read_stream_labels
from models.data.streams.stream import RATE_HZ
from models.data.taught import read_taught
from models.data.windows import to_body
from models.export.online import Measured
from models.export.record import head, write_record

_ROBOT, _MOCAP = "robot_view", "mocap"
_STILL = round(RATE_HZ)
_STREAM_TABLE = Path("models/configs/labels_stream.yaml")


class Taught(NamedTuple):
    """Clips of one set: those that teach and those that are told."""

    examples: list[ClipStream]
    told: list[ClipStream]


def teach(
    bundle: str,
    sets: Sequence[str],
    root: Path = Path("../shared/data"),
    output: Path | None = None,
    shots: Sequence[int] = (1, 5),
    draws: int = 200,
    seed: int = 0,
    whole: bool = False,
) -> str:
    """Measure taught labels.

    Args:
        bundle: Name or path of a bundle that labels every frame.
        sets: Of those in ``models/suites/taught.yaml``, and robot_view (for a bundle of two dimensions).
        root: Folder with the data sets.
        output: JSON file for the figures.
        shots: Examples of each label.
        draws: How often examples are drawn.
        seed: Of the draws.
        whole: Keep examples as they are cut in the set, as ``csre teach --whole`` does.

    Returns:
        The figures as JSON, by set, or ``SET/DATA SET`` where it is of two: mean and standard deviation over the draws.

    Raises:
        ValueError: An unknown set, or a bundle that classifies windows.
    """
    known = (*read_taught(), _ROBOT)
    if unknown := [name for name in sets if name not in known]:
        raise ValueError(f"unknown set {unknown[0]!r}; choose among: {', '.join(known)}")
    loaded = Bundle.load(bundle, device="cpu")
    measured = Measured(loaded, root, read_stream_labels(_STREAM_TABLE))
    record = {
        **head(loaded.info),
        "draws": draws,
        "seed": seed,
        "whole": whole,
        "sets": {
            key: _measured(clips, loaded, measured, shots, draws, seed, whole)
            for name in sets
            for key, clips in taught_clips(name, root).items()
        },
    }
    return write_record(record, output)


def _measured(
    clips: Taught, bundle: Bundle, measured: Measured, shots: Sequence[int], draws: int, seed: int, whole: bool
) -> dict[str, object]:
    told = _features(clips.told, bundle, measured)
    if whole:
        examples, refused = _features(clips.examples, bundle, measured), 0
    else:
        examples, refused = examples_of(clips.examples, bundle, measured)
    distances = np.stack([sequence_distances(one, examples) for one in told])
    names = sorted({clip.label for clip in clips.examples})
    labels, truth = (np.array([names.index(clip.label) for clip in some]) for some in clips)
    found = {shot: shares(distances, labels, truth, shot, draws, seed) for shot in shots}
    return {
        "classes": names,
        "examples": len(examples),
        "examples taken whole, since they were refused": refused,
        "clips": len(told),
        "right": {
            str(shot): {"mean": round(float(some.mean()), 4), "std": round(float(some.std()), 4)}
            for shot, some in found.items()
        },
    }


def shares(
    distances: NDArray[np.float64],
    labels: NDArray[np.int64],
    truth: NDArray[np.int64],
    shots: int,
    draws: int,
    seed: int,
) -> NDArray[np.float64]:
    """``[draws]`` share of clips whose nearest example has their label.

    Args:
        distances: ``[clips, examples]``.
        labels: ``[examples]``.
        truth: ``[clips]``.
        shots: Examples drawn of each label, without repeating one.
        draws: How often.
        seed: Of the draws.
    """
    rng, found = np.random.default_rng(seed), []
    for _ in range(draws):
        own = [rng.choice(np.flatnonzero(labels == label), shots, replace=False) for label in np.unique(labels)]
        columns = np.concatenate(own)
        found.append(float((labels[columns][distances[:, columns].argmin(axis=1)] == truth).mean()))
    return np.array(found)


def taught_clips(name: str, root: Path) -> dict[str, Taught]:
    """Clips of a set; by data set, where it is of several."""
    if name == _ROBOT:
        return {name: _robot_clips(root)}
    table = read_taught()[name]
    return {
        name if len(table) == 1 else f"{name}/{source}": (
            Taught(*held_hands(root)) if source == _MOCAP else _clips(source, classes, root)
        )
        for source, classes in table.items()
    }


def examples_of(clips: Sequence[ClipStream], bundle: Bundle, measured: Measured) -> tuple[list[Features], int]:
    """Clips as an enrolment keeps them, and how many it would refuse: those are taken whole."""
    examples, whole = [], 0
    for clip, features in zip(clips, _features(clips, bundle, measured), strict=True):
        part = _trimmed(clip, bundle)
        whole += part is None
        examples.append(features if part is None else features[part])
    return examples, whole


def _clips(source: str, classes: Sequence[str], root: Path) -> Taught:
    """Examples of odd subjects, and the clips of even ones, behind a second of their first pose."""
    taught = Taught([], [])
    for clip in to_body([one for one in read_clips(source, root) if one.label in classes and len(one) > 1]):
        (taught.examples if clip.subject % 2 else taught.told).append(on_own_grid(clip, clip.label))
    return taught


def _robot_clips(root: Path) -> Taught:
    """Every second clip of each class may teach; who is seen in it nobody says."""
    taught, seen = Taught([], []), dict[str, int]()
    for stream in robot_view(root):
        seen[stream.name] = seen.get(stream.name, 0) + 1
        clip = behind_rest(stream.positions, stream.confidence, stream.name, "robot")
        (taught.examples if seen[stream.name] % 2 else taught.told).append(clip)
    return taught


def _features(clips: Sequence[ClipStream], bundle: Bundle, measured: Measured) -> list[Features]:
    """Of each clip without the rest before it."""
    layout, found = get_layout(bundle.info.layout), []
    for clip, logits, embeddings in zip(clips, *measured.scores(clips)[:2], strict=True):
        stream = FeatureStream(layout, RATE_HZ)
        rows = zip(logits, embeddings, clip.positions, clip.confidence, strict=True)
        steps = [stream.step(Evidence(said, seen, (0, 0), 0, at, sure)) for said, seen, at, sure in rows]
        found.append(Features.joined(steps)[_STILL:])
    return found


def _trimmed(clip: ClipStream, bundle: Bundle) -> slice | None:
    """The part of a clip, without the rest before it, that an enrolment keeps; None where it refuses the clip."""
    stamps = (1e9 * (1 + np.arange(len(clip.positions)) / RATE_HZ)).astype(np.int64)
    hidden = np.where(clip.confidence[..., None] > 0, clip.positions, np.nan).astype(np.float32)
    with suppress(TeachError):
        kept = trim(Recording(bundle.info.layout, stamps, hidden, clip.confidence), bundle).stamps_ns
        first, last = (int(np.searchsorted(stamps, one)) - _STILL for one in (kept[0], kept[-1]))
        return slice(max(first, 0), last + 1) if last >= 0 else None
    return None
