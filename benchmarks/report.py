"""What every benchmark gives back: rows of values, and where they were measured."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("numpy", "onnxruntime", "onnxruntime-gpu", "mediapipe", "ros-rclpy", "torch")


@dataclass(frozen=True)
class Row:
    """One thing that was measured.

    Attributes:
        what: Name, the same in every run: rows of two commits are compared by it.
        values: Every single measurement.
        unit: Of the values.
    """

    what: str
    values: Sequence[float]
    unit: str = "ms"

    def figures(self) -> dict[str, Any]:
        """Median and percentiles, as they stand in the JSON."""
        p50, p95, p99 = (round(float(value), 4) for value in np.percentile(self.values, (50, 95, 99)))
        return {"unit": self.unit, "count": len(self.values), "p50": p50, "p95": p95, "p99": p99}


def timed(
    work: Callable[[], object], repeats: int, warm_up: int = 3, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Milliseconds of every call by a clock, after some that do not count."""
    for _ in range(warm_up):
        work()
    found = []
    for _ in range(repeats):
        begin_s = clock()
        work()
        found.append(1e3 * (clock() - begin_s))
    return found


def circumstances(root: Path = ROOT) -> dict[str, Any]:
    """Machine, load, versions and commit."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "load_1min": round(os.getloadavg()[0], 2),
        "threads": os.environ.get("OMP_NUM_THREADS", "as many as there are cores"),
        "python": platform.python_version(),
        "versions": dict(_versions()),
        "commit": commit(root),
    }


def commit(root: Path = ROOT) -> str:
    """Short name of the commit whose code is measured; ``-dirty`` where it differs from that."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    dirty = git("status", "--porcelain", "--untracked-files=no", "--", "csre_ros", "models")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("-dirty" if dirty else "")


def show(title: str, rows: dict[str, dict[str, Any]], others: dict[str, dict[str, Any]] | None, against: str) -> None:
    """Print a table on standard error; with another commit, its medians and ours over theirs."""
    table = Table(
        "", "p50", "p95", "p99", "", "times", *((f"p50 at {against}", "ratio") if others else ()), title=title
    )
    for what, row in rows.items():
        cells = [what, *(f"{row[name]:.4g}" for name in ("p50", "p95", "p99")), row["unit"], str(row["count"])]
        if others:
            other = others.get(what)
            cells += [f"{other['p50']:.4g}", f"{row['p50'] / other['p50']:.2f}"] if other and other["p50"] else ["", ""]
        table.add_row(*cells)
    console = Console(stderr=True, width=140)
    console.print(title)
    console.print(table)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
