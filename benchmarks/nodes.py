"""The node in a process of its own, in a ROS domain that nobody else is in. Loopback only."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.domain import take_domain

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_DOMAIN_ID"] = str(take_domain())


@contextmanager
def a_node(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A node with these ROS arguments; what it logs is thrown away."""
    with tempfile.TemporaryDirectory() as logs:
        node = subprocess.Popen(
            [sys.executable, "-m", "csre_ros.ros.main", "--ros-args", *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "ROS_LOG_DIR": logs},
        )  # fmt: skip
        try:
            yield node
        finally:
            node.terminate()
            node.wait(60)


def processor_s(process: subprocess.Popen[bytes]) -> float:
    """Processor time of a process until now, all threads of it."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory_mb(process: subprocess.Popen[bytes], kind: str = "VmRSS") -> float:
    """Present (``VmRSS``) or peak (``VmHWM``) memory of a process."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1e3 for line in file if line.startswith(kind))
