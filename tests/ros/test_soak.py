"""The soak itself: it passes the node, and each of six broken ones fails it for its own reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
pytest.importorskip("mediapipe", reason="the shipped recording is of the pose stage's layout")

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]


def soak(*options: str, restarts: int = 0) -> tuple[int, str]:
    """Twelve seconds of it per publisher, and what it says."""
    rounds = ["--minutes", str(0.2 * (restarts + 1)), "--restarts", str(restarts)]
    command = [sys.executable, "-m", "benchmarks.soak", *rounds, "--start_s", "25"]
    # So little is all warming up: growth is judged as coarsely, and so is the age on a busy machine.
    command += ["--limits.growth_mb", "60", "--limits.warm_up_s", "6", "--limits.age_ms", "1500"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=150, check=False, env=environment
    )
    assert "BROKEN" in done.stdout or done.returncode == 0, done.stdout + done.stderr
    return done.returncode, done.stdout


def broken(table: str) -> str:
    """The rows that are broken."""
    return "\n".join(line for line in table.splitlines() if "BROKEN" in line)


def test_the_node_passes() -> None:
    status, table = soak(restarts=1)
    assert status == 0, table
    assert "sent = received + lost" in table


@pytest.mark.parametrize(
    ("way", "rows"),
    [
        ("swallowing", ["received = observed"]),
        ("undecided", ["rounds in which labels came"]),
        ("mute", ["rounds in which labels came", "statuses of level ERROR"]),
        ("boasting", ["sent = received + lost"]),
        ("silent", ["diagnostics"]),
        ("leaking", ["memory growth"]),
    ],
)
def test_a_broken_node_fails(way: str, rows: list[str]) -> None:
    status, table = soak("--program", f'["tests/ros/broken_node.py", "{way}"]')
    assert status == 1, table
    for row in rows:
        assert row in broken(table), table
