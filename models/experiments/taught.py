"""Labels that are taught to networks which never saw them, or refused: trained, exported and measured by one command.

Each network is a chain of ``fit``, ``export-stream``, ``open-set`` and ``unknown``, then, where it is taught, of
``teach`` and ``activations``; the next start goes on where one was stopped.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from models.data.taught import TAUGHT, read_taught
from models.experiments.live import Run, call, chosen, made
from models.experiments.suite import RESULTS

_NAME = "taught"
_REACHES = [0.6, 0.75, 0.9]


def taught(
    root: Path = Path("../shared/data"),
    runs: Path = Path("runs"),
    only: list[str] | None = None,
    results: Path = RESULTS,
    suite: Path = TAUGHT,
) -> None:
    """Train a network without each of the sets, and measure how well it refuses them, and how well it is taught them.

    Args:
        root: Folder with the data sets.
        runs: Folder for the runs.
        only: Names of the sets to do now, such as [msr, utd_a]; all by default.
        results: Folder for the figures, which lie in its ``runs/taught``.
        suite: The suite file.

    Raises:
        ValueError: There is no set of such a name.
        subprocess.CalledProcessError: A step failed; its own words are above.
    """
    known = {run.name: run for run in read_runs(suite)}
    to_teach = read_taught(suite)
    folder = results.resolve() / "runs" / _NAME
    for run in chosen(known, only or None, "set"):
        steps: dict[Path, tuple[str, ...]] = {folder / f"{run.name}_unknown.json": ("unknown", f"--without={run.name}")}
        if run.name in to_teach:
            steps |= {
                folder / f"{run.name}.json": ("teach", f"--sets=[{run.name}]"),
                folder / f"{run.name}_activations.json": (
                    "activations", f"--without={run.name}", f"--reaches={_REACHES}",
                ),
            }  # fmt: skip
        missing = {figures: step for figures, step in steps.items() if not figures.is_file()}
        if missing:
            bundle = made(run, _NAME, root.resolve(), runs.resolve(), "--plain=true")
            call("open-set", f"--bundle={bundle}", f"--output={bundle}", f"--root={root.resolve()}")
        for figures, (command, *options) in missing.items():
            call(command, f"--bundle={bundle}", *options, f"--root={root.resolve()}", f"--output={figures}")


def read_runs(suite: Path) -> list[Run]:
    """The training runs of a suite file, in order."""
    content = yaml.safe_load(suite.read_text(encoding="utf-8"))
    configs, settings = tuple(content["configs"]), content["settings"]
    return [
        Run(name, configs, {**settings, "data.init_args.left_out": classes})
        for name, classes in (content["taught"] | content["unknown"]).items()
    ]
