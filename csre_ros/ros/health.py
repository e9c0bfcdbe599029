"""How the node is doing: what its threads tell, and how it is judged.

Needs the message classes only, no graph and no rclpy.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
CAPTURE = "capture"
"""The stage that the input itself is."""
_RATE_WINDOW_S = 3.0


@dataclass(frozen=True)
class Status:
    """One line of the diagnostics.

    Attributes:
        task: What is judged; the published name is ``<node>: <task>``.
        level: ``OK``, ``WARN`` or ``ERROR``.
        message: One sentence; for anything but OK it says what to do.
        values: Figures behind it.
    """

    task: str
    level: bytes
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)


class Health:
    """What happened since the node was configured. Every method may be called from any thread.

    Args:
        clock: Seconds that never jump.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since = clock()
        self._arrivals: deque[float] = deque(maxlen=1000)
        self._ages_ms: deque[float] = deque(maxlen=1000)
        self._counts: Counter[str] = Counter()
        self._rejections: Counter[str] = Counter()
        self._reported_input: Counter[str] = Counter()
        self._reported_people: Counter[str] = Counter()
        self._refusal = ""
        self._incompatible = ""
        self._failures: dict[str, str] = {}
        self._people, self._full = 0, 0
        self._published_at = self._since

    def begin(self) -> None:
        """The input was opened; from now on it may be expected to deliver."""
        with self._lock:
            self._since = self._published_at = self._clock()
            self._arrivals.clear()
            self._incompatible = ""
            self._failures.clear()

    def arrived(self) -> None:
        """A message or captured frame came in."""
        with self._lock:
            self._arrivals.append(self._clock())
            self._counts["received"] += 1
            self._failures.pop(CAPTURE, None)

    def rejected(self, reason: str, count: int = 1, detail: str = "") -> None:
        """Input was refused at the border.

        Args:
            reason: One of a fixed set, so that hostile input cannot grow the table.
            count: People or messages refused.
            detail: The sentence for the operator; the reason where it says enough.
        """
        with self._lock:
            self._rejections[reason] += count
            self._refusal = detail or reason

    def lost(self, count: int) -> None:
        """The middleware lost messages on the way."""
        with self._lock:
            self._counts["lost"] += count

    def stamped_on_arrival(self) -> None:
        """A message carried no stamp, so its age and its place in the window are those of its arrival."""
        with self._lock:
            self._counts["stamped_on_arrival"] += 1

    def skipped(self, count: int) -> None:
        """Frames were never looked at because newer ones had come."""
        with self._lock:
            self._counts["skipped"] += count

    def undecided(self, count: int) -> None:
        """Frames reached the windows, but newer ones had come before a decision on them."""
        with self._lock:
            self._counts["undecided"] += count

    def incompatible(self, policy: str) -> None:
        """A publisher's quality of service does not fit ours, so nothing arrives from it."""
        with self._lock:
            self._incompatible = policy

    def failed(self, stage: str, error: BaseException) -> None:
        """A stage raised."""
        with self._lock:
            self._counts[f"{stage} failures"] += 1
            self._failures[stage] = f"{type(error).__name__}: {error}"

    def followed(self, people: int, full: int) -> None:
        """So many people are followed, and of so many of them a whole window has been seen."""
        with self._lock:
            self._people, self._full = people, full

    def published(self, age_ms: float) -> None:
        """A frame went through all stages; ``age_ms`` runs from its stamp to publication."""
        with self._lock:
            self._ages_ms.append(age_ms)
            self._published_at = self._clock()
            # Frames that waited may go through after the source was lost.
            self._failures = {stage: text for stage, text in self._failures.items() if stage == CAPTURE}

    @property
    def silence_s(self) -> float:
        """Seconds since the last input, or since activation if there was none."""
        with self._lock:
            return self._clock() - (self._arrivals[-1] if self._arrivals else self._since)

    @property
    def stale_s(self) -> float:
        """Seconds for which nothing new could be known: the input is silent, or no frame gets through what fails."""
        with self._lock:
            failing = self._clock() - self._published_at if self._failures else 0.0
        return max(self.silence_s, failing)

    def input_status(self, what: str, timeout_s: float) -> Status:
        """Judge the input over the time since the last call.

        Args:
            what: The topic or source, for the operator.
            timeout_s: Silence that is worth a warning.
        """
        silence = self.silence_s
        with self._lock:
            now = Counter(lost=self._counts["lost"], rejected=self._rejections.total())
            new = now - self._reported_input
            self._reported_input = now
            recent = [at for at in self._arrivals if self._clock() - at < _RATE_WINDOW_S]
            rate = (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 2 else 0.0
            values = {
                "source": what,
                "rate_hz": round(rate, 1),
                "silence_s": round(silence, 2),
                **{
                    name: self._counts[name]
                    for name in ("received", "lost", "skipped", "undecided", "stamped_on_arrival")
                },
                "rejected": now["rejected"],
                **{f"rejected: {reason}": count for reason, count in sorted(self._rejections.items())},
                "incompatible_qos": self._incompatible or "none",
                **_percentiles("age", self._ages_ms),
            }
            if failure := self._failures.get(CAPTURE):
                return Status("input", ERROR, failure, values)
            if message := self._complaint(what, silence, timeout_s, new):
                return Status("input", WARN, message, values)
        return Status("input", OK, f"{rate:.1f} Hz", values)

    def _complaint(self, what: str, silence: float, timeout_s: float, new: Mapping[str, int]) -> str:
        if silence > timeout_s and self._incompatible:
            return (
                f"no input: a publisher of {what} offers incompatible QoS ({self._incompatible}); set "
                f"qos_overrides.{what}.subscription.{self._incompatible} in the parameter file"
            )
        if silence > timeout_s:
            came = "for" if self._counts["received"] else "yet, after"
            return f"no input {came} {silence:.1f} s: check that {what} delivers"
        if new.get("rejected"):
            return f"{new['rejected']} rejected: {self._refusal}"
        if new.get("lost"):
            return (
                f"{new['lost']} messages lost in transport; for raw images load config/fastdds_images.xml on both "
                "ends, or use compressed images"
            )
        return ""

    def stage_status(self, stage: str, values: Mapping[str, Any]) -> Status:
        """ERROR from the first frame on which a stage failed until one goes through again."""
        with self._lock:
            shown = {**values, "failures": self._counts[f"{stage} failures"]}
            failure = self._failures.get(stage)
        return Status(stage, ERROR, failure, shown) if failure else Status(stage, OK, "working", shown)

    def people_status(self, left_out: Mapping[str, int]) -> Status:
        """How many people are followed; WARN while ``left_out``, counters by reason, grow."""
        with self._lock:
            now = Counter({f"left out: {reason}": count for reason, count in left_out.items() if count})
            new = now - self._reported_people
            self._reported_people = now
            values = {"followed": self._people, "full_windows": self._full, **dict(sorted(now.items()))}
        if new:
            return Status("people", WARN, ", ".join(f"{reason} {count}" for reason, count in new.items()), values)
        return Status("people", OK, f"{values['followed']} followed", values)


def _percentiles(name: str, samples: Sequence[float]) -> dict[str, float]:
    if not samples:
        return {}
    middle, high = np.percentile(np.asarray(samples), (50, 99))
    return {f"{name}_p50_ms": round(float(middle), 2), f"{name}_p99_ms": round(float(high), 2)}
