"""``python -m models unknown``: how well a network tells that it was never shown a movement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from csre_ros.recognition.bundle import Bundle
from models.data.clips import DATA_SETS, read_clips
from models.data.streams.clips import ClipStream, on_own_grid
from models.data.streams.labels import read_stream_labels, reported
from models.data.streams.stream import RATE_HZ
from models.data.taught import read_taught, read_unknown
from models.data.windows import to_body
from models.export.online import Measured
from models.export.open_set import peak
from models.export.record import head, write_record

_TABLE = Path("models/configs/labels_stream.yaml")
_LEAST_CLIPS = 20
"""Of a label in the union; with fewer it is not counted."""


def unknown(bundle: str, without: str, root: Path = Path("../shared/data"), output: Path | None = None) -> str:
    """Measure how well clips of known labels are told from those of movements that a network never saw.

    Clips of the even subjects. Known are those whose label the bundle reports, unknown those that were left out; what
    it takes for background is neither. Of the union, labels with fewer than twenty clips do not count.

    Args:
        bundle: A bundle of ``python -m models taught``.
        without: The set of ``models/suites/taught.yaml`` that its network never saw.
        root: Folder with the data sets.
        output: JSON file for the figures.

    Returns:
        Area under the receiver operating characteristic (AUROC), as JSON.

    Raises:
        ValueError: There is no such set, or the bundle cannot tell what it does not know.
    """
    sets = {**read_taught(), **read_unknown()}
    if without not in sets:
        raise ValueError(f"unknown set {without!r}; choose among: {', '.join(sets)}")
    left_out = sets[without]
    loaded, table = Bundle.load(bundle, device="cpu"), read_stream_labels(_TABLE)
    model = loaded.open_set
    if model is None:
        raise ValueError(f"bundle {loaded.path} has no extension 'unknown'; write it with `python -m models open-set`")
    left = table.without(left_out)
    names = [label.name for label in loaded.info.labels]
    own = np.array([not label.background for label in loaded.info.labels])
    clips: list[ClipStream] = []
    new: list[bool] = []
    for clip in to_body([clip for name in DATA_SETS for clip in read_clips(name, root)]):
        kept, full = left.of(clip.source, clip.label), table.of(clip.source, clip.label)
        taught = clip.label in left_out.get(clip.source, ()) or (kept is None and full is not None)
        label = reported(full or clip.label)
        if clip.subject % 2 or len(clip) < 2 or not (taught or (kept is not None and reported(kept) in names)):
            continue
        if not taught and not own[names.index(label)]:
            continue
        clips.append(on_own_grid(clip, label if full else clip.label))
        new.append(taught)
    said = Measured(loaded, root, left).scores(clips)[:2]
    scores: dict[str, list[float]] = {"probability alone": [], "and likeness": []}
    for probabilities, embeddings in zip(*said, strict=True):
        own_frames = slice(round(RATE_HZ), None)
        for name, how in (("probability alone", replace(model, weight=0.0)), ("and likeness", model)):
            found = how.scores(probabilities[own_frames], embeddings[own_frames])
            scores[name].append(peak(np.where(own & np.isfinite(found), found, -np.inf).max(axis=1)))
    labels, unseen = np.array([clip.label for clip in clips]), np.array(new)
    counted = np.isin(labels, [name for name in set(labels) if (labels == name).sum() >= _LEAST_CLIPS])
    parts = {"utd_mhad": np.array([clip.source == "utd_mhad" for clip in clips]), "union": counted}
    record = {
        **head(loaded.info),
        "without": without,
        "auroc": {
            part: {
                "known clips": int((some & ~unseen).sum()),
                "unknown clips": int((some & unseen).sum()),
                "unknown labels": sorted(set(labels[some & unseen].tolist())),
                **{how: round(auroc(np.array(one)[some], unseen[some]), 4) for how, one in scores.items()},
            }
            for part, some in parts.items()
        },
    }
    return write_record(record, output)


def auroc(scores: NDArray[np.float64], unseen: NDArray[np.bool_]) -> float:
    """Chance that a known clip scores higher than an unknown one, of ``[clips]`` and ``[clips]``; equal ones half."""
    wins = mannwhitneyu(scores[~unseen], scores[unseen], method="asymptotic").statistic
    return float(wins) / (int((~unseen).sum()) * int(unseen.sum()))
