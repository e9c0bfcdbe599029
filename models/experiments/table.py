"""The table of a suite, made from the records of its runs: means, spread over seeds, paired differences, and cost."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from models.encoders import ENCODERS
from models.experiments.groups import LAST, grouped, groups, paired
from models.experiments.intervals import change_intervals, csre_intervals, metric_name
from models.experiments.recipe import check_recipes
from models.experiments.records import Result, answers_of
from models.experiments.suite import RESULTS, SUITES, Experiment, Suite, read_suite
from models.experiments.work import work
from models.training.spread import spread

_VALIDATION = "best validation epoch"
FIGURES = {
    LAST: "After the last epoch; nothing was chosen. The headline.",
    _VALIDATION: "After the epoch that was best on the validation part of the training data.",
    "best test epoch": "The protocol of most papers: the test part itself chose the epoch, so this is optimistic.",
}

_HELD_OUT = " The models were trained without the validation part; in most papers it trains too."


def table(
    suite: str,
    root: Path = Path("../shared/data"),
    runs: Path = Path("runs/suites"),
    encoders: list[str] | None = None,
    options: list[str] | None = None,
    results: Path = RESULTS,
    suites: Path = SUITES,
) -> None:
    """Run what is left of a suite, keep a record of every finished run, and write the table.

    Args:
        suite: Name of a file in ``models/suites``.
        root: Data folder.
        runs: Folder for the runs.
        encoders: Whose runs to make now, such as [hcn]; all by default, none for []. The table shows all there is.
        options: Further arguments of ``fit`` for every run, such as --trainer.max_epochs=2; with other options give
            other ``runs`` and ``results``.
        results: Folder for the table; the records lie in its ``runs``.
        suites: Folder of the suite files.

    Raises:
        SystemExit: Runs have failed; the others are done.
        ValueError: There is no such encoder, or the folder of a run holds another one.
    """
    if wrong := set(encoders or []) - set(ENCODERS):
        raise ValueError(f"there is no encoder {', '.join(sorted(wrong))}; choose from: {', '.join(ENCODERS)}")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    content, options = read_suite(suite, runs.resolve(), suites, results.resolve()), options or []
    check_recipes(content, content.experiments()[0], options)
    write_table(content, results)
    failed = work(content, root.resolve(), options, lambda: write_table(content, results), encoders)
    write_table(content, results)
    if failed:
        raise SystemExit(f"{len(failed)} runs failed: {', '.join(failed)}")


def write_table(suite: Suite, folder: Path) -> None:
    """Write ``NAME.md`` from the records there are."""
    known, waiting = suite.experiments()
    records = {one: record for one in known if (record := suite.record(one)) is not None}
    if not records:
        return
    folder.mkdir(parents=True, exist_ok=True)
    text = _markdown(suite, records, len(known), waiting)
    (folder / f"{suite.name}.md").write_text(text, encoding="utf-8")


def _markdown(suite: Suite, records: Mapping[Experiment, Result], known: int, waiting: int) -> str:
    # Means over variants have the answers of several test parts, hence a list.
    done = {one: record["result"] | {"answers": [answers_of(record)]} for one, record in records.items()}
    results = list(done.values())
    metrics = [key for key in results[0]["figures"][LAST] if key.startswith("test/top1")]
    lines = [
        f"# {suite.title}",
        "",
        f"    python -m models table --suite {suite.name}",
        "",
        *([suite.note.strip(), ""] if suite.note else []),
        f"{len(done)} of {known} runs" + (f"; {waiting} entries wait for others" if waiting else "") + ". "
        f"Hardware: {_all(result['hardware'] for result in results)}, {_all(r['precision'] for r in results)}. "
        f"Commit: {_all(result['commit'] for result in results)}. "
        f"Validation part held out of training: {_all('yes' if r['held_out'] else 'no' for r in results)}.",
        "",
        f"Top-1 in percent, mean and standard deviation over seeds: {' / '.join(metric_name(key) for key in metrics)}. "
        "The difference is CSRE minus plain, paired by seed where both have trained for as many epochs.",
    ]
    if outdated := suite.outdated():
        lines += ["", f"Left out, since they were made before the numbers changed: {', '.join(outdated)}."]
    if mixed := _mixed_pairs(done):
        lines += ["", f"Pairs whose two runs stem from different commits (of one family): {', '.join(mixed)}."]
    held_out = {one: result for one, result in done.items() if result["held_out"]}
    # Where some epochs were not scored, the best of the others says little.
    every_epoch = all(None not in record["curve"]["val/top1"] for record in records.values())
    for figure, meaning in FIGURES.items() if every_epoch else [(LAST, FIGURES[LAST])]:
        shown = held_out if figure == _VALIDATION else done
        if shown and all(figure in result["figures"] for result in shown.values()):
            text = meaning + (_HELD_OUT if held_out and figure == "best test epoch" else "")
            lines += ["", f"## {figure.capitalize()}", "", text, "", *_rows(shown, figure, metrics)]
            if figure == LAST:
                lines += [*csre_intervals(done, metrics), *change_intervals(done, metrics)]
    return "\n".join(lines) + "\n"


def _mixed_pairs(done: Mapping[Experiment, Result]) -> list[str]:
    return [
        f"{group.name} {group.stream} seed {seed}"
        for group, runs in groups(done).items()
        for seed in paired(runs)
        if runs[False][seed]["commit"] != runs[True][seed]["commit"]
    ]


def _rows(done: Mapping[Experiment, Result], figure: str, metrics: Sequence[str]) -> list[str]:
    lines = [
        "| encoder | stream | seeds | plain | CSRE | difference | parameters | epochs | s per epoch, plain / CSRE |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for group, runs in grouped(done):
        scores = {
            csre: {seed: [100 * result["figures"][figure][key] for key in metrics] for seed, result in seeds.items()}
            for csre, seeds in runs.items()
        }
        difference = [np.subtract(scores[True][seed], scores[False][seed]) for seed in paired(runs)]
        some = next(iter((runs[False] or runs[True]).values()))
        epochs = np.unique(np.hstack([result["epochs"] for seeds in runs.values() for result in seeds.values()]))
        seconds = (_median(result["seconds_per_epoch"] for result in runs[csre].values()) for csre in (False, True))
        cells = (
            group.name, group.stream, f"{max(len(seeds) for seeds in runs.values())}",
            spread(list(scores[False].values())), spread(list(scores[True].values())), spread(difference, signed=True),
            f"{some['parameters'] / 1e6:.2f} M", ", ".join(map(str, epochs)), " / ".join(seconds),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _median(values: Iterable[float]) -> str:
    found = list(values)
    return f"{np.median(found):.1f}" if found else "-"


def _all(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))
