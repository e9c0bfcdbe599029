"""The node under faults for as long as you like: what it survives, and what it costs. Loopback only.

    python benchmarks/soak.py --minutes 10

Four people at 30 Hz from ``soak_publisher.py``, which is killed and started again; prints a table, and ends with status
1 where the node crashed, grew, or refused a message without counting it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from csre_ros.ros.free_domain import take_domain

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_DOMAIN_ID"] = str(take_domain())

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from jsonargparse import auto_cli
from rclpy.executors import SingleThreadedExecutor
from rich.console import Console
from rich.table import Table
from soak_publisher import REASONS
from std_msgs.msg import String

WARM_UP_S = 20.0
MOST_GROWTH_MB = 5.0
_TICKS = os.sysconf("SC_CLK_TCK")
_MB_PER_PAGE = os.sysconf("SC_PAGE_SIZE") / 1e6
_START_S = 60.0


class Ears:
    """Hears what the node says, from this process."""

    def __init__(self) -> None:
        self.ages_ms: list[float] = []
        self.resumed_s: list[float] = []
        self.statuses: dict[str, dict[str, str]] = {}
        self.levels: Counter[str] = Counter()
        self.windows: set[float] = set()
        self._first_s: float | None = None
        self._waiting = False
        rclpy.init()
        self._node = rclpy.create_node("soak")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._node.create_subscription(String, "/action_node/actions", self._on_actions, 100)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def expect_labels(self) -> None:
        """A publisher was started: measure from its first frame to the first label."""
        self._waiting, self._first_s = True, None

    def spin(self, seconds: float) -> None:
        """Listen for so long."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def _on_actions(self, message: String) -> None:
        record = json.loads(message.data)
        if not record["persons"]:
            return
        now_s = time.monotonic()
        self.ages_ms.append(record["age_ms"])
        if self._waiting:
            self._first_s = self._first_s or now_s
            if any(person["action"] for person in record["persons"]):
                self.resumed_s.append(now_s - self._first_s)
                self._waiting = False

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            task = status.name.rpartition(": ")[2]
            self.statuses[task] = {value.key: value.value for value in status.values}
            if status.level == b"\2":
                self.levels[f"{task}: {status.message}"] += 1


class Watch:
    """Memory and processor time of a process."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        self.resident_mb: list[float] = []
        self._begin = time.monotonic(), self._ticks()

    def sample(self) -> None:
        """Note the memory in use."""
        pages = int((self._folder / "statm").read_text().split()[1])
        self.resident_mb.append(pages * _MB_PER_PAGE)

    def cpu_percent(self) -> float:
        """Of one core, since the beginning."""
        begin_s, ticks = self._begin
        return 100 * (self._ticks() - ticks) / _TICKS / (time.monotonic() - begin_s)

    def _ticks(self) -> int:
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


def start_publisher(log: Path, seed: int) -> subprocess.Popen[bytes]:
    """Over UDP: whoever is killed leaves no shared memory behind then."""
    script = Path(__file__).with_name("soak_publisher.py")
    return subprocess.Popen(
        [sys.executable, script, "--log", str(log), "--seed", str(seed)],
        env={**os.environ, "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"},
    )


def soak(minutes: float = 10.0, restarts: int = 20, bundle: str = "default") -> None:
    """Run the node under faults and print what happened.

    Args:
        minutes: How long.
        restarts: How often the publisher is killed and started again.
        bundle: Name or path of the bundle.
    """
    folder = Path(tempfile.mkdtemp(prefix="soak"))
    sent_log, node_log = folder / "sent.txt", folder / "node.log"
    ears = Ears()
    parameters = {"input": "skeletons", "layout": "mediapipe33", "bundle": bundle}
    arguments = [part for name, value in parameters.items() for part in ("-p", f"{name}:={json.dumps(value)}")]
    with node_log.open("wb") as log:
        node = subprocess.Popen(
            [sys.executable, "-m", "csre_ros.ros.main", "--ros-args", *arguments], stdout=log, stderr=log
        )
    publisher: subprocess.Popen[bytes] | None = None
    try:
        limit_s = time.monotonic() + _START_S
        while "model" not in ears.statuses and time.monotonic() < limit_s:
            ears.spin(0.2)
        watch, begin_s = Watch(node.pid), time.monotonic()
        round_s = minutes * 60 / (restarts + 1)
        for seed in range(restarts + 1):
            publisher = start_publisher(sent_log, seed)
            ears.expect_labels()
            while time.monotonic() - begin_s < (seed + 1) * round_s and node.poll() is None:
                ears.spin(0.5)
                if time.monotonic() - begin_s > min(WARM_UP_S, minutes * 20):
                    watch.sample()
            publisher.kill()
            publisher.wait()
        crashed = node.poll() is not None
        cpu = float("nan") if crashed else watch.cpu_percent()
        ears.spin(3.0)  # the last diagnostics
    finally:
        for process in (publisher, node):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(20)
        ears.close()
    sent = Counter(sent_log.read_text().split("\n")[:-1])
    text = node_log.read_text()
    crashes = int(crashed) + text.count("Traceback")
    sys.exit(report(ears, watch, sent, crashes, cpu, restarts))


def report(ears: Ears, watch: Watch, sent: Counter[str], crashes: int, cpu: float, restarts: int) -> int:
    """Print the table; 0 where everything is as it should be."""
    received, people = ears.statuses.get("input", {}), ears.statuses.get("people", {})
    table = Table("", "value", title=f"publisher killed and restarted {restarts} times")
    edge = max(1, len(watch.resident_mb) // 10)
    growth_mb = float(np.median(watch.resident_mb[-edge:]) - np.median(watch.resident_mb[:edge]))
    rows: dict[str, Any] = {
        "crashes and tracebacks": crashes,
        "statuses of level ERROR": dict(ears.levels) or 0,
        "memory after warm-up": f"{np.median(watch.resident_mb[:edge]):.1f} MB",
        "memory growth": f"{growth_mb:+.2f} MB",
        "CPU of the node": f"{cpu:.1f} % of one core",
        "labels after a restart": _spread(ears.resumed_s, "s") + f", {len(ears.resumed_s)} of {restarts + 1} rounds",
        "frame age": _spread(ears.ages_ms, "ms") + f", {len(ears.ages_ms)} records",
        "inference": f"p50 {ears.statuses.get('inference', {}).get('p50_ms')} ms, "
        f"p99 {ears.statuses.get('inference', {}).get('p99_ms')} ms",
        "messages sent / received / lost": f"{sent.total()} / {received.get('received')} / {received.get('lost')}",
        "frames skipped / undecided": f"{received.get('skipped')} / {received.get('undecided')}",
    }
    unreported = sent.total() - int(received.get("received", 0))
    counted = {
        reason: int(received.get(f"rejected: {reason}", people.get(f"left out: {reason}", 0))) for reason in REASONS
    }
    for reason, count in counted.items():
        rows[f"{reason}: sent / counted"] = f"{sent[reason]} / {count}"
    rows["other reasons"] = {
        key: value
        for key, value in (received | people).items()
        if ": " in key and key.partition(": ")[2] not in REASONS
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    Console(width=140).print(table)
    missing = sum(max(0, sent[reason] - count) for reason, count in counted.items())
    return int(crashes > 0 or growth_mb >= MOST_GROWTH_MB or missing > max(0, unreported))


def _spread(values: list[float], unit: str) -> str:
    if not values:
        return "none"
    middle, high = np.percentile(values, (50, 99))
    return f"p50 {middle:.2f} {unit}, p99 {high:.2f} {unit}, worst {max(values):.2f} {unit}"


if __name__ == "__main__":
    auto_cli(soak, as_positional=False)
