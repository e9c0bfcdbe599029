"""Memory of a node that reads skeletons, and of one that looks at a camera."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.answers import Listener
from benchmarks.nodes import a_node, memory_mb
from benchmarks.report import Row


def measure(seconds: float = 20.0, source: Path | None = None) -> Iterator[Row]:
    """Memory of nodes after they have run for a while.

    Args:
        seconds: How long they run.
        source: Clip with one person that takes the place of a camera; without one only skeletons are measured.
    """
    kinds = {"skeletons": ["-p", "input:=skeletons"], "recording": ["-p", "input:=camera", "-p", "source:=recording"]}
    if source is not None:
        kinds["camera"] = ["-p", "input:=camera", "-p", f"source:={source.resolve()}"]
    for name, words in kinds.items():
        listener = Listener()
        with a_node(*words, "-p", "exit_at_end:=false") as node:
            listener.until_active()
            begin_s = time.monotonic()
            listener.spin(seconds)
            yield Row(f"{name}, {time.monotonic() - begin_s:.0f} s", [memory_mb(node)], "MB")
            yield Row(f"{name}, peak", [memory_mb(node, "VmHWM")], "MB")
        listener.close()
