"""How much work a start is: of the command's help, of its list of models, of a node until it is active.

Processor time, so that what else the machine does counts little.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.report import Row


def measure(repeats: int = 10) -> Iterator[Row]:
    """Time starts.

    Args:
        repeats: Starts of each.
    """
    for words in (["--help"], ["models"], ["replay", "recording"]):
        command = [sys.executable, "-m", "csre_ros.app.main", *words]
        yield Row(f"csre {' '.join(words)}", [_processor_ms(command) for _ in range(repeats + 1)][1:])
    from benchmarks.answers import Listener
    from benchmarks.nodes import a_node, processor_s

    found = []
    for _ in range(repeats):
        listener = Listener()
        with a_node("-p", "input:=skeletons") as node:
            listener.until_active()
            found.append(1e3 * processor_s(node))
        listener.close()
    yield Row("node until its first diagnostics", found)


def _processor_ms(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
