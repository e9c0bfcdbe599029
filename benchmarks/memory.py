"""Memory of a node that reads skeletons, and of one that looks at a camera."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.answers import Listener
from benchmarks.nodes import a_node, memory_mb
from benchmarks.report import Row
from csre_ros.recordings import SHIPPED


def measure(seconds: float = 20.0, source: Path | None = None) -> Iterator[Row]:
    """Memory of nodes after they have run for a while.

    Args:
        seconds: How long they run.
        source: Clip with one person that takes the place of a camera; by default the squats in CSRE_DATA. Without one
            only people from elsewhere are measured.
    """
    kinds = {
        "skeletons": ["-p", "input:=skeletons"],
        "recording": ["-p", "input:=camera", "-p", f"source:={SHIPPED}"],
    }
    clip = source or Path(os.environ.get("CSRE_DATA", ".")) / "video" / "pose_squats.mp4"
    if clip.is_file():
        kinds["camera"] = ["-p", "input:=camera", "-p", f"source:={clip.resolve()}"]
    for name, words in kinds.items():
        listener = Listener()
        with a_node(*words, "-p", "exit_at_end:=false") as node:
            listener.until_active()
            listener.spin(seconds)
            yield Row(name, [memory_mb(node)], "MB")
            yield Row(f"{name}, peak", [memory_mb(node, "VmHWM")], "MB")
        listener.close()
