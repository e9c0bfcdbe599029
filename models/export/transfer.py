"""``python -m models transfer``: what embeddings of runs are worth for classes that the runs never saw.

A run on one of the subsets of MSR-Action3D knows eight of its twenty classes. A few clips of each of the others, of the
subjects who train, are examples; the clips of the others, of the subjects who test, are told by the nearest example.
Runs with and without CSRE are paired by everything else.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize
from torch.utils.data import DataLoader

from models.data.batch import collate
from models.data.clips import Clip, read_clips
from models.data.module import SkeletonData
from models.data.protocol import ClipDataset
from models.export.record import write_record
from models.export.run import restore
from models.export.teach import shares
from models.network.network import Network
from models.training.classifier import ActionClassifier
from models.training.provenance import commit, hardware
from models.training.spread import spread

_BATCH = 64


class Transferred(NamedTuple):
    """What the embeddings of a run were worth.

    Attributes:
        run: Name of its folder.
        encoder: Key of ``models.encoders.ENCODERS``.
        csre: Whether the CSRE branch was on.
        data: What it was trained on.
        commit: What trained it.
        clips: Number of clips that were told.
        told: Share of them that was told rightly, by number of examples of each class.
    """

    run: str
    encoder: str
    csre: bool
    data: str
    commit: str
    clips: int
    told: Mapping[int, float]


def transfer(
    runs: Sequence[Path],
    name: str = "msr_action3d",
    root: Path = Path("../shared/data"),
    output: Path | None = None,
    shots: Sequence[int] = (1, 5),
    draws: int = 200,
    seed: int = 0,
) -> str:
    """Measure the embeddings of runs on the classes of a set that they were not trained on.

    Args:
        runs: Their folders, such as runs/suites/msr_quick/as1_agcn_joint_s0.
        name: The set; it must have a standard split.
        root: Folder with the data sets.
        output: JSON file for the figures.
        shots: Examples of each class.
        draws: How often examples are drawn.
        seed: Of the draws.

    Returns:
        A table: the share that was told rightly, and what CSRE makes of it, in percentage points.

    Raises:
        ValueError: The runs know all classes of the set, or it has no standard split.
    """
    clips: dict[str, list[Clip]] = {}
    found: list[Transferred] = []
    for run in runs:
        model, data, *_ = restore(run, "last", ActionClassifier)
        layout = data.layout
        if layout.name not in clips:
            clips[layout.name] = [clip for clip in read_clips(name, root, layout) if clip.split]
        unseen = [
            clip for clip in clips[layout.name] if not (data.identity.startswith(name) and clip.label in data.classes)
        ]
        if not unseen:
            raise ValueError(f"{run} leaves no clips of {name!r} to teach and to tell; choose a run on a part of it")
        told = _told(model.network, data, unseen, shots, draws, seed)
        known = json.loads((run / "result.json").read_text(encoding="utf-8"))
        tests = sum(clip.split == "test" for clip in unseen)
        own = (known["encoder"], known["csre"], data.identity, known["commit"])
        found.append(Transferred(run.name, *own, tests, told))
    head = {"set": name, "draws": draws, "seed": seed, "commit": commit(), "hardware": hardware(torch.device("cpu"))}
    write_record({**head, "runs": [one._asdict() for one in found]}, output)
    return table(found, shots)


def embed(network: Network, data: SkeletonData, clips: Sequence[Clip]) -> NDArray[np.float64]:
    """``[N, D]`` embeddings of length 1 of whole clips."""
    samples = ClipDataset(clips, sorted({clip.label for clip in clips}), data.spec.steps, (1.0, 1.0), seed=0)
    rows = []
    with torch.inference_mode():
        for batch in DataLoader(samples, _BATCH, collate_fn=collate):
            rows.append(normalize(network(batch.positions, batch.confidence)[1]))
    return torch.cat(rows).double().numpy()


def table(found: Sequence[Transferred], shots: Sequence[int]) -> str:
    """Runs by encoder and number of examples, as Markdown.

    Args:
        found: The runs; two whose names differ in ``+csre`` only are a pair.
        shots: Numbers of examples.
    """
    lines = [
        "| encoder | examples | plain | CSRE | pairs | difference, paired |",
        "|---|---|---|---|---|---|",
    ]
    encoders: dict[str, dict[str, dict[bool, Mapping[int, float]]]] = defaultdict(lambda: defaultdict(dict))
    for one in found:
        encoders[one.encoder][one.run.replace("+csre", "")][one.csre] = one.told
    for encoder, pairs in encoders.items():
        both = [sides for sides in pairs.values() if len(sides) == 2]
        for shot in shots:
            plain, csre = (
                [100 * sides[side][shot] for sides in pairs.values() if side in sides] for side in (False, True)
            )
            gains = [100 * (sides[True][shot] - sides[False][shot]) for sides in both]
            means = [spread(some, digits=1) for some in (plain, csre)]
            cells = (encoder, str(shot), *means, str(len(both)), spread(gains, digits=1, signed=True))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _told(
    network: Network, data: SkeletonData, clips: Sequence[Clip], shots: Sequence[int], draws: int, seed: int
) -> dict[int, float]:
    rows, names = embed(network, data, clips), sorted({clip.label for clip in clips})
    label = np.array([names.index(clip.label) for clip in clips])
    teaches = np.array([clip.split == "train" for clip in clips])
    distances = 1 - rows[~teaches] @ rows[teaches].T
    return {shot: float(shares(distances, label[teaches], label[~teaches], shot, draws, seed).mean()) for shot in shots}
