"""How the node is doing: counters that its threads add to, and snapshots of them. Needs no ROS.

What they mean is judged in :mod:`csre_ros.ros.node.diagnostics`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from csre_ros.foreign_text import sentence

CAPTURE = "capture"
"""The stage that the input itself is."""
_RATE_WINDOW_S = 3.0


@dataclass(frozen=True)
class Snapshot:
    """All counters at one moment; those that count grow from when the node was configured.

    Attributes:
        counts: ``received``, ``lost``, ``observed`` (frames that reached the windows), ``skipped``, ``undecided``,
            ``stamped_on_arrival``, and ``STAGE failures``.
        rejections: What was refused at the border, by reason.
        refusal: The last of them, in a sentence for the operator.
        incompatible: The policy by which a publisher's quality of service does not fit; empty: none.
        waiting: Why the source cannot be opened yet; empty: it is open, or was not tried.
        failures: What a stage raised last, of the stages that have failed since a frame went through all of them.
        rate_hz: Input over the last seconds.
        observed_hz: Frames that reached the windows over the last seconds.
        silence_s: Seconds since the last input, or since activation if there was none.
        ages_ms: Median and 99th percentile of the ages at publication; None before the first.
        people: How many are followed.
        full: Of how many of them a whole window has been seen.
        unknown: How many of them do something that no label fits.
    """

    counts: Mapping[str, int]
    rejections: Mapping[str, int]
    refusal: str
    incompatible: str
    waiting: str
    failures: Mapping[str, str]
    rate_hz: float
    observed_hz: float
    silence_s: float
    ages_ms: tuple[float, float] | None
    people: int
    full: int
    unknown: int


class Health:
    """Counts what happens from when the node is configured. Every method may be called from any thread.

    Args:
        clock: Seconds that never jump.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since = clock()
        self._arrivals: deque[float] = deque(maxlen=1000)
        self._observed: deque[float] = deque(maxlen=1000)
        self._ages_ms: deque[float] = deque(maxlen=1000)
        self._counts: Counter[str] = Counter()
        self._rejections: Counter[str] = Counter()
        self._refusal = ""
        self._incompatible = self._waiting = ""
        self._failures: dict[str, str] = {}
        self._people, self._full, self._unknown = 0, 0, 0
        self._published_at = self._since

    def begin(self) -> None:
        """The input was opened; from now on it may be expected to deliver."""
        with self._lock:
            self._since = self._published_at = self._clock()
            self._arrivals.clear()
            self._observed.clear()
            self._incompatible = self._waiting = ""
            self._failures.clear()

    def arrived(self) -> None:
        """A message or captured frame came in."""
        with self._lock:
            self._arrivals.append(self._clock())
            self._counts["received"] += 1
            self._waiting = ""
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
            self._refusal = sentence(detail or reason)

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

    def observed(self) -> None:
        """A frame reached the windows of the people in it."""
        with self._lock:
            self._observed.append(self._clock())
            self._counts["observed"] += 1

    def waits_for(self, reason: str) -> None:
        """The source cannot be opened yet, and is tried again."""
        with self._lock:
            self._waiting = reason

    def incompatible(self, policy: str) -> None:
        """A publisher's quality of service does not fit ours, so nothing arrives from it."""
        with self._lock:
            self._incompatible = policy

    def failed(self, stage: str, error: BaseException) -> None:
        """A stage raised."""
        with self._lock:
            self._counts[f"{stage} failures"] += 1
            self._failures[stage] = f"{type(error).__name__}: {sentence(error)}"

    def followed(self, people: int, full: int, unknown: int) -> None:
        """So many people are followed, of so many a whole window has been seen, and so many do something unknown."""
        with self._lock:
            self._people, self._full, self._unknown = people, full, unknown

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
        """Staleness: seconds for which nothing new could be known, as the input is silent or no frame gets through."""
        with self._lock:
            failing = self._clock() - self._published_at if self._failures else 0.0
        return max(self.silence_s, failing)

    def snapshot(self) -> Snapshot:
        """All counters now. Asking changes nothing."""
        silence_s = self.silence_s
        with self._lock:
            now = self._clock()
            return Snapshot(
                counts=self._counts.copy(),
                rejections=self._rejections.copy(),
                refusal=self._refusal,
                incompatible=self._incompatible,
                waiting=self._waiting,
                failures=dict(self._failures),
                rate_hz=_rate(self._arrivals, now),
                observed_hz=_rate(self._observed, now),
                silence_s=silence_s,
                ages_ms=_percentiles(self._ages_ms),
                people=self._people,
                full=self._full,
                unknown=self._unknown,
            )


def _rate(instants: Sequence[float], now: float) -> float:
    recent = [at for at in instants if now - at < _RATE_WINDOW_S]
    return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 2 and recent[-1] > recent[0] else 0.0


def _percentiles(samples: Sequence[float]) -> tuple[float, float] | None:
    if not samples:
        return None
    middle, high = np.percentile(np.asarray(samples), (50, 99))
    return float(middle), float(high)
