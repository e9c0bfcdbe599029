"""All plots of a suite, from what its runs have recorded."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.experiments import plots
from models.experiments.suite import RESULTS, SUITES, Suite, read_suite

Scores = Mapping[str, NDArray[Any]]
Runs = dict[bool, dict[int, Path]]
"""Folders of the finished runs of one encoder, by CSRE off or on, then by seed."""


def plot(
    suite: str,
    stream: str = "joint",
    epoch: str = "last",
    runs: Path = Path("runs/suites"),
    results: Path = RESULTS,
    suites: Path = SUITES,
) -> str:
    """Draw training curves of a suite, and per encoder confusion, gain by class and embedding maps.

    Args:
        suite: Name of a file in ``models/suites``.
        stream: One of ``models.network.input_stream.STREAMS``.
        epoch: Scores of the ``last`` epoch, or of the ``best`` one on the validation part.
        runs: Folder of the runs.
        results: Folder for the plots.
        suites: Folder of the suite files.

    Returns:
        The files that were written, one per line.

    Raises:
        ValueError: No run on that stream is done, or an unknown epoch.
    """
    if epoch not in ("last", "best"):
        raise ValueError(f"epoch is {epoch!r}; choose last or best")
    content = read_suite(suite, runs.resolve(), suites, results)
    finished = _finished(content, stream)
    if not finished:
        raise ValueError(f"suite {suite!r} has no finished run on the stream {stream!r} in {content.folder}")
    prefix = suite if stream == "joint" else f"{suite}_{stream}"
    histories = {
        name: {csre: [_history(folder) for folder in seeds.values()] for csre, seeds in folders.items()}
        for name, folders in finished.items()
    }
    written = [plots.save(plots.training_curves(histories), results / f"{prefix}_curves.png")]
    for name, folders in finished.items():
        scores = {
            csre: {seed: _scores(folder, epoch) for seed, folder in seeds.items()} for csre, seeds in folders.items()
        }
        figures = _figures(name, scores)
        stem = name.replace(" ", "_")
        written += [plots.save(figure, results / f"{prefix}_{stem}_{kind}.png") for kind, figure in figures.items()]
    return "\n".join(map(str, written))


def _finished(suite: Suite, stream: str) -> dict[str, Runs]:
    found: dict[str, Runs] = defaultdict(lambda: defaultdict(dict))
    for one in suite.experiments()[0]:
        if one.stream == stream and suite.result(one) is not None and (suite.run_folder(one) / "result.json").is_file():
            found[" ".join((*one.variant, one.encoder))][one.csre][one.seed] = suite.run_folder(one)
    return {name: dict(sorted(runs.items())) for name, runs in found.items()}


def _figures(name: str, scores: Mapping[bool, Mapping[int, Scores]]) -> dict[str, Figure]:
    """Confusion of the runs with CSRE, or else without; comparisons where both are there with the same seed."""
    shown = max(scores)
    some = next(iter(scores[shown].values()))
    classes = [str(label) for label in some["classes"]]
    counts = sum(_confusion(one, len(classes)) for one in scores[shown].values())
    title = f"{name}{' with CSRE' if shown else ''}, percent (seeds: {len(scores[shown])})"
    figures = {"confusion": plots.confusion(np.asarray(counts), classes, title)}
    paired = sorted(set(scores.get(False, {})) & set(scores.get(True, {})))
    if paired:
        recalls = {csre: np.array([_recall(scores[csre][seed], len(classes)) for seed in paired]) for csre in scores}
        figures["gain"] = plots.class_gain(100 * (recalls[True] - recalls[False]), classes, f"{name}: gain of CSRE")
        pair = {
            label: (scores[csre][paired[0]]["test_embedding"], scores[csre][paired[0]]["test_label"])
            for csre, label in ((False, "plain"), (True, "CSRE"))
        }
        figures["map"] = plots.embedding_map(pair, classes, f"{name}: embeddings of the test clips, seed {paired[0]}")
    return figures


def _confusion(scores: Scores, classes: int) -> NDArray[Any]:
    return plots.confusion_matrix(scores["test_label"], scores["test_logits"].argmax(1), classes)


def _recall(scores: Scores, classes: int) -> NDArray[Any]:
    counts = _confusion(scores, classes)
    recall: NDArray[Any] = counts.diagonal() / counts.sum(1).clip(1)
    return recall


def _history(folder: Path) -> plots.History:
    history: plots.History = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    return history


def _scores(folder: Path, epoch: str) -> Scores:
    with np.load(folder / f"scores_{epoch}.npz") as data:
        scores = dict(data)
    if "test_logits" not in scores:
        raise ValueError(f"{folder} has no test scores; run it with --data.watch_test true")
    return scores
