"""How long somebody waits: for the command's help, for its list of models, for a node that is active."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.report import Row, timed


def measure(repeats: int = 10) -> Iterator[Row]:
    """Time starts.

    Args:
        repeats: Starts of each.
    """
    for words in (["--help"], ["models"], ["replay", "recording"]):
        command = [sys.executable, "-m", "csre_ros.app.main", *words]
        yield Row(f"csre {' '.join(words)}", timed(lambda: _run(command), repeats, warm_up=1))  # noqa: B023
    from benchmarks.answers import Listener
    from benchmarks.nodes import a_node

    found = []
    for _ in range(repeats):
        listener, begin_s = Listener(), time.perf_counter()
        with a_node("-p", "input:=skeletons"):
            listener.until_active()
            found.append(1e3 * (time.perf_counter() - begin_s))
        listener.close()
    yield Row("node until its first diagnostics", found)


def _run(command: list[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
