"""The bundles that ship: trained, exported and measured by one command, with pairs of training with and without CSRE.

Each run is a chain of ``fit``, ``export-stream`` and ``online``, processes of their own. Kill it at any time: the next
start goes on from the last finished epoch, and a run whose figures are there is done.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from models.experiments.suite import RESULTS, ROOT, SUITES
from models.training.spread import spread

_NAME = "live"
_PLAIN, _CSRE = "plain", "csre"
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One training run and its bundle.

    Attributes:
        name: Of its folder.
        configs: Configuration files, the later ones over the earlier ones.
        settings: Options of ``fit`` over them.
        initial: Name of the run whose network it goes on with, or empty.
        settings_of: Name of the run whose thresholds and decoder its bundle takes, or empty: fitted for itself.
        beside: Names of further runs that its thresholds and decoder are fitted on.
        title: Name inside the bundle, or empty: that of the run behind that of the suite.
    """

    name: str
    configs: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    initial: str = ""
    settings_of: str = ""
    beside: tuple[str, ...] = ()
    title: str = ""


def live(
    root: Path = Path("../shared/data"),
    runs: Path = Path("runs"),
    only: list[str] | None = None,
    results: Path = RESULTS,
    suite: Path = SUITES / f"{_NAME}.yaml",
) -> None:
    """Train, export and measure whatever is left of ``suites/live.yaml``, and write its table.

    Args:
        root: Folder with the data sets.
        runs: Folder for the runs.
        only: Names of the runs to make now, such as [default, flat]; all by default, none for [].
        results: Folder for the table; the figures lie in its ``runs/live``.
        suite: The suite file.

    Raises:
        ValueError: There is no run of such a name.
        subprocess.CalledProcessError: A step failed; its own words are above.
    """
    known = {run.name: run for run in read_runs(suite)}
    for run in chosen(known, only, "run"):
        if not _figures(results, run.name).is_file():
            bundle = made(run, _NAME, root.resolve(), runs.resolve())
            call("online", f"--bundle={bundle}", f"--root={root}", f"--output={_figures(results, run.name)}")
            write_table(known, results)
    write_table(known, results)


def chosen(known: Mapping[str, Run], only: Sequence[str] | None, what: str) -> list[Run]:
    """Runs of these names, in this order; all where none are given.

    Args:
        known: All there are.
        only: Names.
        what: What a run is called when there is none of a name.

    Raises:
        ValueError: There is none of such a name.
    """
    if wrong := set(only or []) - set(known):
        raise ValueError(f"there is no {what} {', '.join(sorted(wrong))}; choose from: {', '.join(known)}")
    return [known[name] for name in (known if only is None else only)]


def read_runs(suite: Path) -> list[Run]:
    """The runs of a suite file, in order: the bundles, then the pairs."""
    content = yaml.safe_load(suite.read_text(encoding="utf-8"))
    runs = []
    for name, one in content["bundles"].items():
        options: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in one.items()
        }
        runs.append(Run(name, **options))
    pairs = content["pairs"]
    for seed in pairs["seeds"]:
        for side in (_PLAIN, _CSRE):
            settings = {
                **pairs.get("settings", {}),
                "model.init_args.contrast.enabled": side == _CSRE,
                "seed_everything": seed,
                "data.init_args.seed": seed,
            }
            runs.append(Run(f"{side}_s{seed}", tuple(pairs["configs"]), settings))
    return runs


def made(run: Run, suite: str, root: Path, runs: Path, *options_of_export: str) -> Path:
    """Train a run, or go on with it, and export it.

    Args:
        run: The run.
        suite: Name of the folder for all runs of a suite.
        root: Folder with the data sets, absolute.
        runs: Folder for the runs, absolute.
        options_of_export: Further options of ``export-stream``.

    Returns:
        Its bundle.
    """
    folder = runs / suite / run.name
    last = folder / "checkpoints" / "last.ckpt"
    options = {
        **run.settings,
        "data.init_args.root": root,
        "trainer.default_root_dir": folder,
        "trainer.logger.init_args.save_dir": runs,
        "trainer.logger.init_args.name": suite,
        "trainer.logger.init_args.version": run.name,
    }
    if run.initial:
        options["model.init_args.initial"] = runs / suite / run.initial / "checkpoints" / "last.ckpt"
    resumed = [f"--ckpt_path={last}"] if last.is_file() else []
    configs = [f"--config={path}" for path in run.configs]
    if not (folder / "complete").is_file():
        call("fit", *configs, *(f"--{key}={json_value(value)}" for key, value in options.items()), *resumed)
        (folder / "complete").touch()
    bundle, title = folder / "bundle.onnx", run.title or f"{suite}-{run.name}"
    exported = list(options_of_export)
    if run.beside:
        exported.append(f"--beside={json_value([str(runs / suite / name) for name in run.beside])}")
    if run.settings_of:
        exported.append(f"--settings_of={runs / suite / run.settings_of / bundle.name}")
    call("export-stream", f"--run={folder}", f"--output={bundle}", f"--name={title}", *exported)
    return bundle


def json_value(value: Any) -> str:
    """A setting as the command line reads it."""
    return json.dumps(value) if isinstance(value, bool | int | float | list | dict) else str(value)


def call(*arguments: str) -> None:
    """Run a subcommand as a process of its own.

    Raises:
        subprocess.CalledProcessError: It failed; its own words are above.
    """
    subprocess.run([sys.executable, "-m", "models", *arguments], cwd=ROOT, check=True, stdout=sys.stderr)


def _figures(results: Path, name: str) -> Path:
    return results / "runs" / _NAME / f"{name}.json"


def write_table(runs: Mapping[str, Run], results: Path) -> None:
    """Write ``live.md`` from the figures there are."""
    records = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name in runs
        if (path := _figures(results, name)).is_file()
    }
    if records:
        results.mkdir(parents=True, exist_ok=True)
        (results / f"{_NAME}.md").write_text("\n".join(_markdown(records)) + "\n", encoding="utf-8")


_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "UTKinect detected": ("streams", "utkinect", "detection_rate"),
    "wrong per truth": ("streams", "utkinect", "wrong_per_truth"),
    "the same without walk where nothing is labelled": ("streams", "utkinect", "wrong_per_truth_without", "walk"),
    "PRECOG detected": ("streams", "precog", "detection_rate"),
    "wrong per truth ": ("streams", "precog", "wrong_per_truth"),
    "delay, s": ("streams", "precog", "delay_s"),
    "mAP": ("streams", "precog", "map_2d"),
    "clips": ("clips", "as they are"),
    "embedding: nearest class mean": ("clips", "nearest class mean of embeddings"),
    "desk, false a minute": ("desk", "per_minute"),
}


def _markdown(records: Mapping[str, Record]) -> Iterator[str]:
    yield "# The bundles that ship, and what CSRE does for them"
    yield ""
    yield f"    python -m models {_NAME} --root DATA"
    yield ""
    yield (
        "People and words that were kept from training, decoder as exported. What was chosen, and by what: "
        f"[stream.md](stream.md). All figures, with counts by label: `models/results/runs/{_NAME}/`."
    )
    yield ""
    yield f"| run | trained at | {' | '.join(name.strip() for name in _COLUMNS)} |"
    yield f"|---|---|{'---|' * len(_COLUMNS)}"
    for name, record in records.items():
        cells = [f"{_at(record, path):.3f}" for path in _COLUMNS.values()]
        yield f"| {name} | {record['trained_at']} | {' | '.join(cells)} |"
    yield from _differences(records)


def _differences(records: Mapping[str, Record]) -> Iterator[str]:
    """CSRE minus plain, paired by seed: mean and standard deviation over seeds."""
    seeds = [name.removeprefix(f"{_CSRE}_") for name in records if name.startswith(f"{_CSRE}_")]
    both = [seed for seed in seeds if f"{_PLAIN}_{seed}" in records]
    if not both:
        return
    cells = []
    for path in _COLUMNS.values():
        pairs = [_at(records[f"{_CSRE}_{seed}"], path) - _at(records[f"{_PLAIN}_{seed}"], path) for seed in both]
        cells.append(spread(pairs, digits=3, signed=True))
    yield f"| **CSRE minus plain**, {len(both)} pairs | | {' | '.join(cells)} |"


def _at(record: Record, path: Sequence[str]) -> float:
    value: Any = record
    for key in path:
        value = value[key]
    return float("nan") if value is None else float(value)
