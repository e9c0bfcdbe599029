"""The same benchmark of another commit, in turn with this one, on the same machine in the same minutes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import ROOT

Figures = dict[str, dict[str, Any]]
_ORDER = (0, 1, 1, 0)
"""Who runs when: what a machine does beside falls on both alike."""


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A worktree of a commit with the benchmarks of this one; it is gone afterwards.

    Raises:
        SystemExit: There is no such commit.
    """
    folder = Path(tempfile.mkdtemp(prefix="benchmarks")) / "other"
    git = ["git", "-C", str(ROOT), "worktree"]
    made = subprocess.run([*git, "add", "--detach", str(folder), commit], capture_output=True, text=True, check=False)
    if made.returncode:
        raise SystemExit(f"--against {commit}: {made.stderr.strip()}")
    try:
        shutil.rmtree(folder / "benchmarks", ignore_errors=True)
        shutil.copytree(ROOT / "benchmarks", folder / "benchmarks")
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=False)
        shutil.rmtree(folder.parent, ignore_errors=True)


def compare(name: str, options: Sequence[str], commit: str) -> tuple[Figures, Figures]:
    """Figures of this checkout and of a commit: the medians over two runs each, in turn.

    The commit runs with the packages that are installed here; where it needs others, the row is missing.
    """
    runs: tuple[list[Figures], list[Figures]] = ([], [])
    with checkout(commit) as folder:
        for which in _ORDER:
            runs[which].append(_run((ROOT, folder)[which], name, options))
    mine, others = (_merged(found) for found in runs)
    return mine, others


def _run(root: Path, name: str, options: Sequence[str]) -> Figures:
    # With -m the working directory comes before everything installed, this checkout included.
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, *options], cwd=root, stdout=subprocess.PIPE, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{name} failed in {root}")
    figures: Figures = json.loads(done.stdout)["rows"]
    return figures


def _merged(runs: Sequence[Figures]) -> Figures:
    return {
        what: row | {key: round(float(np.median([run[what][key] for run in runs])), 4) for key in ("p50", "p95", "p99")}
        for what, row in runs[0].items()
        if all(what in run for run in runs)
    }
