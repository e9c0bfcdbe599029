"""The ensemble table of a suite: all streams of an encoder fused, with fixed and with fitted weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.experiments.fusion import fitted_weights, fixed_weights
from models.experiments.groups import Group, with_means
from models.experiments.records import Result
from models.experiments.suite import RESULTS, SUITES, Experiment, Suite, read_suite
from models.network.input_stream import STREAMS
from models.training.record import write_json
from models.training.spread import spread


def ensemble(
    suite: str,
    streams: list[str] | None = None,
    epoch: str = "last",
    runs: Path = Path("runs/suites"),
    results: Path = RESULTS,
    suites: Path = SUITES,
) -> str:
    """Fuse the streams of every encoder of a suite, seed by seed, and write ``NAME_ensemble.md`` and ``.json``.

    Args:
        suite: Name of a file in ``models/suites``; its runs must be done, and lie here.
        streams: Which streams; all four by default.
        epoch: Scores of the ``last`` epoch, or of the ``best`` one on the validation part.
        runs: Folder of the runs.
        results: Folder for the table.
        suites: Folder of the suite files.

    Returns:
        The table.

    Raises:
        ValueError: No encoder has all the streams, or those of one differ in data, samples, classes or epochs.
    """
    if epoch not in ("last", "best"):
        raise ValueError(f"epoch is {epoch!r}; choose last or best")
    chosen = tuple(streams or STREAMS)
    content = read_suite(suite, runs.resolve(), suites, results)
    rows = []
    for by_stream in _by_stream(content):
        if set(chosen) <= set(by_stream):
            experiments, found = zip(*(by_stream[stream] for stream in chosen), strict=True)
            folders, first = [content.run_folder(one) for one in experiments], experiments[0]
            row = {key: getattr(first, key) for key in ("encoder", "csre", "seed", "change", "part")}
            rows.append(row | _fuse(folders, found, chosen, epoch))
    if not rows:
        raise ValueError(f"no encoder of suite {suite!r} has finished runs on all of {', '.join(chosen)}")
    write_json(results / f"{suite}_ensemble.json", {"streams": chosen, "epoch": epoch, "results": rows})
    text = _markdown(content, chosen, epoch, rows)
    (results / f"{suite}_ensemble.md").write_text(text, encoding="utf-8")
    return text


def _by_stream(suite: Suite) -> Iterable[Mapping[str, tuple[Experiment, Result]]]:
    """Runs that differ in the stream only."""
    found: dict[Experiment, dict[str, tuple[Experiment, Result]]] = defaultdict(dict)
    for one in suite.experiments()[0]:
        result = suite.result(one)
        # A run that was made elsewhere has left its record here, and not its logits.
        if result is not None and (suite.run_folder(one) / "result.json").is_file():
            found[replace(one, stream="")][one.stream] = (one, result)
    return found.values()


def _fuse(folders: Sequence[Path], results: Sequence[Result], streams: Sequence[str], epoch: str) -> dict[str, Any]:
    _check_same_training(results, folders)
    scores = [dict(np.load(folder / f"scores_{epoch}.npz")) for folder in folders]
    _check_same_samples(scores, folders)
    result = results[0]
    subsets = {key.removeprefix("mask_"): scores[0][key] for key in scores[0] if key.startswith("mask_")}
    weights = {"fixed": fixed_weights(result["encoder"], streams, result["data"])}
    if result["held_out"]:
        weights["fitted"] = fitted_weights(np.stack([s["val_logits"] for s in scores]), scores[0]["val_label"])
    logits = np.stack([one["test_logits"] for one in scores])
    found: dict[str, Any] = {"data": result["data"]}
    for kind, values in weights.items():
        right = np.tensordot(values, logits, 1).argmax(1) == scores[0]["test_label"]
        top1 = {"all test clips": right.mean()} | {name: right[mask].mean() for name, mask in subsets.items()}
        found[kind] = {
            "weights": [round(float(value), 3) for value in values],
            "top1": {name: float(value) for name, value in top1.items()},
        }
    return found


def _check_same_training(results: Sequence[Result], folders: Sequence[Path]) -> None:
    for result, folder in zip(results, folders, strict=True):
        for key in ("data", "held_out", "epochs"):
            if result[key] != results[0][key]:
                raise ValueError(
                    f"{key} of {folder} is {result[key]!r}, of {folders[0]} {results[0][key]!r}; train both alike"
                )


def _check_same_samples(scores: Sequence[Mapping[str, NDArray[Any]]], folders: Sequence[Path]) -> None:
    recorded = {
        "classes": ("classes",),
        "val samples": ("val_label", "val_slot"),
        "test samples": ("test_label", "test_slot"),
    }
    for one, folder in zip(scores, folders, strict=True):
        if "test_logits" not in one:
            raise ValueError(f"{folder} has no test scores; run it with --data.watch_test true")
        for what, keys in recorded.items():
            if not all(np.array_equal(one.get(key, ()), scores[0].get(key, ())) for key in keys):
                raise ValueError(f"the {what} of {folder} are not those of {folders[0]}; run both again")


def _markdown(suite: Suite, streams: Sequence[str], epoch: str, rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(rows[0]["fixed"]["top1"])
    words = {"last": "the last epoch", "best": "the best epoch on the validation part"}
    lines = [
        f"# {suite.title}: {' + '.join(streams)}",
        "",
        f"    python -m models ensemble --suite {suite.name}",
        "",
        f"Weighted sums of the raw logits after {words[epoch]}. Top-1 in percent, mean and standard deviation over "
        f"seeds: {' / '.join(names)}. Fixed weights are the published ones; fitted ones minimise the cross-entropy on "
        "the validation part. No weight has seen the test part. The difference is CSRE minus plain, paired by seed. "
        f"Commit and hardware of the runs: [{suite.name}.md]({suite.name}.md).",
        "",
        "| encoder | weights | seeds | plain | CSRE | difference |",
        "|---|---|---|---|---|---|",
    ]
    for kind in ("fixed", "fitted"):
        for group, scores in with_means(_scores(rows, kind, names), _mean):
            paired = sorted(set(scores[False]) & set(scores[True]))
            cells = (
                group.name, kind, f"{max(map(len, scores.values()))}",
                spread([*scores[False].values()]), spread([*scores[True].values()]),
                spread([scores[True][seed] - scores[False][seed] for seed in paired], signed=True),
            )  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


_Top1 = NDArray[np.float64]
"""Top-1 in percent of every figure."""


def _scores(
    rows: Sequence[Mapping[str, Any]], kind: str, names: Sequence[str]
) -> Mapping[Group, Mapping[bool, Mapping[int, _Top1]]]:
    """What one kind of weights gives, by group, then by CSRE off or on, then by seed."""
    found: dict[Group, dict[bool, dict[int, _Top1]]] = defaultdict(lambda: {False: {}, True: {}})
    for row in rows:
        if kind in row:
            group = Group(row["change"], row["part"], row["encoder"], "")
            top1 = row[kind]["top1"]
            found[group][row["csre"]][row["seed"]] = np.array([100 * top1[name] for name in names])
    return found


def _mean(parts: Sequence[_Top1]) -> _Top1:
    mean: _Top1 = np.mean(parts, axis=0)
    return mean
