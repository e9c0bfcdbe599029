"""What a stream bundle knows about its own labels: prototypes and limits, measured on the exported file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from csre_ros.recognition.bundle import Bundle
from csre_ros.recognition.bundle_info import BundleInfo, Label, split_metadata
from csre_ros.recognition.open_set import UNKNOWN, OpenSet, directions
from csre_ros.skeleton import FloatArray
from models.data.clips import DATA_SETS, read_clips
from models.data.streams.clips import ClipStream
from models.data.streams.labels import StreamLabels, read_stream_labels, reported
from models.data.streams.mocap import read_mocap
from models.data.streams.module import split_pieces
from models.data.streams.pieces import Piece, pieces_of
from models.data.streams.stream import RATE_HZ
from models.data.windows import to_body
from models.export.online import Measured
from models.export.run import check_output, write_bundle

SHARES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares of known actions for which a bundle says the limit."""
_MOST_CLIPS = 40
"""Clips that make the prototype of a label."""
_LONGEST_S = 6.0
_LEAST_FRAMES = 10
_MOST_FRAMES = 1500
"""Frames of a label among which neighbours are sought."""
_TELLING_FRAMES = 3
"""An action is told when it was likely enough for so many frames on end."""
# Both chosen by odd subjects and networks that never saw the unknown movements (models/results/teach.md): for those
# that a network was trained with, and only its softmax lacks, embeddings look more telling than they are.
_PROTOTYPES = 16
"""Prototypes of a label."""
_LIKENESS_COUNTS = 10.0
"""Weight of the cosine beside the logarithm of the probability."""


def open_set(
    bundle: str,
    output: Path,
    root: Path = Path("../shared/data"),
    labels_file: Path = Path("models/configs/labels_stream.yaml"),
    settings_of: Path | None = None,
) -> BundleInfo:
    """Write a stream bundle again with the extension by which it tells movements without a label.

    Prototypes are of training subjects, limits of the validation subjects; nothing of the test subjects is read.

    Args:
        bundle: Name of a shipped bundle, or path of an .onnx file.
        output: Bundle to write; it may be the same file.
        root: Folder with the data sets.
        labels_file: Label table that the bundle was trained with.
        settings_of: Stream bundle whose limits are taken: of a run with the same labels that kept the validation
            subjects from training, where this one did not.

    Returns:
        The description inside the bundle.

    Raises:
        ValueError: A bundle does not label every frame, has other labels or no limits to take, or the output is not
            called ``.onnx``.
    """
    check_output(output)
    loaded, table = Bundle.load(bundle, device="cpu"), read_stream_labels(labels_file)
    info = loaded.info
    names = [label.name for label in info.labels]
    theirs = None if settings_of is None else _fitted_before(settings_of, names)
    parts, measured = _parts(root, table), Measured(loaded, root, table)
    fitted = fit_open_set(info.labels, _said(measured, parts["train"]), _said(measured, parts["val"]))
    if theirs is not None:
        fitted = replace(fitted, shares=theirs.shares, limits=theirs.limits)
    extension = fitted.extension(names)
    graph, _ = split_metadata(loaded.path.read_bytes())
    return write_bundle(output, graph, replace(info, extensions={**info.extensions, UNKNOWN: extension}))


Said = tuple[str, FloatArray, FloatArray]
"""Of one clip: its label, what the network says ``[T, labels]``, and the embeddings ``[T, D]``."""


def fit_open_set(labels: Sequence[Label], training: Sequence[Said], validation: Sequence[Said]) -> OpenSet:
    """Prototypes from clips of training, limits from those of people nobody was trained on.

    The limits keep what starts an action: the clip's best frames on end, wherever its label is the likeliest.

    Args:
        labels: In the order of the probabilities.
        training: Clips of training.
        validation: Clips of other people.

    Raises:
        ValueError: No label is told often enough in training, or none in validation.
    """
    names = [label.name for label in labels]
    frames: dict[str, list[FloatArray]] = defaultdict(list)
    for name, probabilities, embeddings in training:
        frames[name].append(embeddings[_told(names, name, probabilities)])
    told = {label.name: np.concatenate(frames[label.name]) for label in labels if frames[label.name]}
    told = {name: some for name, some in told.items() if len(some) >= _LEAST_FRAMES}
    told = {label.name: told[label.name] for label in labels if label.name in told and not label.background}
    known = [one for one in validation if one[0] in told and _told(names, one[0], one[1]).any()]
    if not told or not known:
        raise ValueError("the bundle tells no label of the clips; train it first, or give the label table it has")
    prototypes = {name: _prototypes(some) for name, some in told.items()}
    width = training[0][2].shape[1]
    plain = OpenSet.of(prototypes, names, width, _LIKENESS_COUNTS, SHARES, (0.0,) * len(SHARES))
    peaks = [peak(np.where(_told(names, *one[:2]), _own(plain, names, one), -np.inf)) for one in known]
    return replace(plain, limits=tuple(np.quantile([one for one in peaks if np.isfinite(one)], SHARES).tolist()))


def _prototypes(frames: FloatArray) -> FloatArray:
    """``[K, D]`` means of the embeddings ``[T, D]`` that point nearly the same way (k-means)."""
    some = np.random.default_rng(0).permutation(directions(frames))[:_MOST_FRAMES]
    means, _ = kmeans2(some.astype(np.float64), min(_PROTOTYPES, len(some)), minit="++", seed=0)
    found: FloatArray = means.astype(np.float32)
    return found


def _fitted_before(path: Path, names: Sequence[str]) -> OpenSet:
    """What another bundle of the same labels says about them."""
    bundle = Bundle.load(path, device="cpu")
    if (theirs := [label.name for label in bundle.info.labels]) != list(names):
        raise ValueError(f"{path} has the labels {', '.join(theirs)}, this bundle {', '.join(names)}")
    if bundle.open_set is None or bundle.open_set.weight != _LIKENESS_COUNTS:
        raise ValueError(
            f"{path} has no limits for scores of this kind; write it again with `python -m models open-set`"
        )
    return bundle.open_set


def _told(names: Sequence[str], label: str, probabilities: FloatArray) -> NDArray[np.bool_]:
    """``[T]`` where this label is the likeliest."""
    told: NDArray[np.bool_] = probabilities.argmax(axis=1) == (names.index(label) if label in names else -1)
    return told


def _own(model: OpenSet, names: Sequence[str], said: Said) -> NDArray[np.float64]:
    """``[T]`` how well the clip's own label fits."""
    label, probabilities, embeddings = said
    return model.scores(probabilities, embeddings)[:, names.index(label)]


def peak(scores: NDArray[np.float64]) -> float:
    """The best that enough frames on end reach."""
    width = min(_TELLING_FRAMES, len(scores))
    return float(np.lib.stride_tricks.sliding_window_view(scores, width).min(axis=1).max())


def _parts(root: Path, table: StreamLabels) -> dict[str, list[ClipStream]]:
    """Clips of training and of validation, at most so many of each label of training."""
    clips = to_body([clip for name in DATA_SETS for clip in read_clips(name, root)])
    split = split_pieces(pieces_of([*clips, *read_mocap(root)], table))
    parts: dict[str, list[ClipStream]] = {"train": [], "val": []}
    for part, streams in parts.items():
        pieces: dict[str, list[Piece]] = defaultdict(list)
        for piece in split[part]:
            if reported(piece.label) not in table.background:
                pieces[piece.label].append(piece)
        for some in pieces.values():
            chosen = some[:: max(len(some) // _MOST_CLIPS, 1)] if part == "train" else some
            streams += [_stream(piece) for piece in chosen]
    return parts


def _stream(piece: Piece) -> ClipStream:
    """A whole clip behind a second of its first pose."""
    seconds = min(len(piece.motion) / piece.rate, _LONGEST_S)
    positions = piece.at(0.0, seconds, 1.0).positions().astype(np.float32)
    positions = positions[np.r_[np.zeros(round(RATE_HZ), int), np.arange(len(positions))]]
    return ClipStream(positions, np.ones(positions.shape[:2], np.float32), reported(piece.label), piece.source)


def _said(measured: Measured, clips: Sequence[ClipStream]) -> list[Said]:
    probabilities, embeddings, _ = measured.scores(clips)
    start = round(RATE_HZ)
    return [
        (clip.label, said[start:], seen[start:])
        for clip, said, seen in zip(clips, probabilities, embeddings, strict=True)
    ]
