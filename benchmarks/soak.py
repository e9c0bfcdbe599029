"""The node under faults for as long as you like: what it survives, what it costs, and whether it tells the truth.

    python -m benchmarks.soak --minutes 10
    python -m benchmarks.soak --minutes 0.5 --restarts 1 --program '["tests/ros/broken_node.py", "leaking"]'

Four people at 30 Hz from ``soak_publisher.py``, which is killed and started again. Loopback only. Prints a table of
what was measured beside its limit, and ends with status 1 where any limit is broken.
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

from csre_ros.ros.free_domain import take_domain

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_DOMAIN_ID"] = str(take_domain())

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from jsonargparse import auto_cli
from rclpy.executors import SingleThreadedExecutor
from rich.console import Console
from rich.table import Table
from std_msgs.msg import String

from benchmarks.soak_verdict import Evidence, Limits, judge

_TICKS = os.sysconf("SC_CLK_TCK")
_MB_PER_PAGE = os.sysconf("SC_PAGE_SIZE") / 1e6


class Ears:
    """Hears what the node says, from this process, and keeps it as evidence."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
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
        self._evidence.ages_ms.append(record["age_ms"])
        if self._waiting:
            self._first_s = self._first_s or now_s
            if any(person["action"] for person in record["persons"]):
                self._evidence.labels_after_s.append(now_s - self._first_s)
                self._waiting = False

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self._evidence.diagnostics_s.append(time.monotonic())
        for status in message.status:
            task = status.name.rpartition(": ")[2]
            self._evidence.statuses[task] = {value.key: value.value for value in status.values}
            if status.level == b"\2":
                self._evidence.errors[f"{task}: {status.message}"] += 1


class Watch:
    """Memory and processor time of a process."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        self._begin = time.monotonic(), self._ticks()

    def resident_mb(self) -> float:
        """Memory in use."""
        return int((self._folder / "statm").read_text().split()[1]) * _MB_PER_PAGE

    def cpu_percent(self) -> float:
        """Of one core, since the beginning."""
        begin_s, ticks = self._begin
        return 100 * (self._ticks() - ticks) / _TICKS / (time.monotonic() - begin_s)

    def _ticks(self) -> int:
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


def start_publisher(log: Path, seed: int) -> subprocess.Popen[bytes]:
    """Over UDP: whoever is killed leaves no shared memory behind then."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.soak_publisher", "--log", str(log), "--seed", str(seed)],
        env={**os.environ, "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"},
    )


def soak(
    minutes: float = 10.0,
    restarts: int = 20,
    bundle: str = "default",
    program: tuple[str, ...] = ("-m", "csre_ros.ros.main"),
    start_s: float = 60.0,
    limits: Limits | None = None,
) -> None:
    """Run the node under faults and judge what happened.

    Args:
        minutes: How long.
        restarts: How often the publisher is killed and started again.
        bundle: Name or path of the bundle.
        program: What Python is to run as the node.
        start_s: Longest wait in seconds until the node first says how it is, and for the first message of a publisher.
        limits: What is still good.
    """
    limits, evidence = limits or Limits(), Evidence(rounds=restarts + 1)
    folder = Path(tempfile.mkdtemp(prefix="soak"))
    sent_log, node_log = folder / "sent.txt", folder / "node.log"
    sent_log.touch()
    ears = Ears(evidence)
    parameters = {"input": "skeletons", "layout": "mediapipe33", "bundle": bundle}
    arguments = [part for name, value in parameters.items() for part in ("-p", f"{name}:={json.dumps(value)}")]
    with node_log.open("wb") as log:
        node = subprocess.Popen([sys.executable, *program, "--ros-args", *arguments], stdout=log, stderr=log)
    publisher: subprocess.Popen[bytes] | None = None
    try:
        end_s = time.monotonic() + start_s
        while "model" not in evidence.statuses and time.monotonic() < end_s and node.poll() is None:
            ears.spin(0.2)
        watch, begin_s = Watch(node.pid), time.monotonic()
        evidence.diagnostics_s.clear()
        round_s = minutes * 60 / (restarts + 1)
        for seed in range(restarts + 1):
            said, publisher = sent_log.stat().st_size, start_publisher(sent_log, seed)
            ears.expect_labels()
            end_s = time.monotonic() + start_s
            while sent_log.stat().st_size == said and time.monotonic() < end_s and node.poll() is None:
                ears.spin(0.2)  # a round begins with its first message, however long a busy machine takes
            end_s = time.monotonic() + round_s
            while time.monotonic() < end_s and node.poll() is None:
                ears.spin(0.5)
                now_s = time.monotonic() - begin_s
                if node.poll() is None and now_s > min(limits.warm_up_s, minutes * 20):
                    evidence.resident_mb.append((now_s / 60, watch.resident_mb()))
            publisher.kill()
            publisher.wait()
        evidence.seconds = time.monotonic() - begin_s
        evidence.crashed = node.poll() is not None
        cpu = float("nan") if evidence.crashed else watch.cpu_percent()
        ears.spin(3.0)  # the last diagnostics
    finally:
        for process in (publisher, node):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(20)
        ears.close()
    evidence.sent = Counter(sent_log.read_text().split("\n")[:-1])
    evidence.tracebacks = node_log.read_text(errors="replace").count("Traceback")
    findings = judge(evidence, limits)
    table = Table(
        "", "measured", "limit", "", title=f"{minutes:g} minutes, publisher killed and restarted {restarts} times"
    )
    for finding in findings:
        table.add_row(finding.what, finding.measured, finding.limit, "" if finding.good else "BROKEN")
    table.add_row("lost on the way", evidence.statuses.get("input", {}).get("lost", "unknown"), "", "")
    inference = evidence.statuses.get("inference", {})
    table.add_row("CPU of the node", f"{cpu:.1f} % of one core", "", "")
    table.add_row("inference", f"p50 {inference.get('p50_ms')} ms, p99 {inference.get('p99_ms')} ms", "", "")
    Console(width=150).print(table)
    sys.exit(int(not all(finding.good for finding in findings)))


if __name__ == "__main__":
    auto_cli(soak, as_positional=False)
