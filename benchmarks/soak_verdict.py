"""What a soak must show: evidence in, findings out. Pure, so that it is clear what each verdict rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmarks.soak_publisher import INFINITE, REASONS, UNREADABLE


@dataclass(frozen=True)
class Limits:
    """What is still good.

    Attributes:
        labels_s: Longest time in seconds from the first frame of a publisher to the first label.
        share: Share of messages by which counters may disagree, of all that were sent.
        per_round: Messages by which they may disagree beside, per publisher: what it sends while it is being found,
            and what is under way when it is killed.
        growth_mb: Most growth of memory in MB per minute, after warming up.
        warm_up_s: How long that takes at most, in seconds.
        age_ms: Largest 99th percentile of the age of frames at publication, in milliseconds.
        diagnostics_s: Longest time in seconds between two diagnostics.
    """

    labels_s: float = 12.0
    share: float = 0.002
    per_round: int = 3
    growth_mb: float = 1.0
    warm_up_s: float = 60.0
    age_ms: float = 250.0
    diagnostics_s: float = 2.5


@dataclass
class Evidence:
    """What was seen and heard.

    Attributes:
        rounds: How many publishers there were.
        seconds: How long it took.
        sent: Messages by the reason for which the node should refuse them, or ``good``.
        labels_after_s: Seconds from the first frame to the first label, of the rounds in which one came.
        ages_ms: Ages of frames in the records that name people.
        diagnostics_s: When diagnostics came.
        statuses: Their last values by task.
        errors: How often a status of level ERROR was said, by task and message.
        resident_mb: Minutes and memory of the node after warming up.
        crashed: Whether the node ended by itself.
        tracebacks: How many its log holds.
    """

    rounds: int
    seconds: float = 0.0
    sent: Counter[str] = field(default_factory=Counter)
    labels_after_s: list[float] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    diagnostics_s: list[float] = field(default_factory=list)
    statuses: dict[str, Mapping[str, str]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    resident_mb: list[tuple[float, float]] = field(default_factory=list)
    crashed: bool = False
    tracebacks: int = 0


@dataclass(frozen=True)
class Finding:
    """One row of the table.

    Attributes:
        what: What was measured.
        measured: The figure.
        limit: What is still good.
        good: Whether it is.
    """

    what: str
    measured: str
    limit: str
    good: bool


def judge(evidence: Evidence, limits: Limits) -> list[Finding]:
    """Everything that a healthy node shows, each with its limit."""
    came = evidence.labels_after_s
    ages = np.percentile(evidence.ages_ms, (50, 99)) if evidence.ages_ms else (np.nan, np.nan)
    gaps = np.diff(evidence.diagnostics_s)
    gap = float(gaps.max()) if len(gaps) else float("inf")
    times = len(evidence.diagnostics_s)
    growth = _growth(evidence)
    crashes = int(evidence.crashed) + evidence.tracebacks
    return [
        Finding("crashes and tracebacks", str(crashes), "0", crashes == 0),
        Finding("statuses of level ERROR", str(dict(evidence.errors) or 0), "none", not evidence.errors),
        Finding(
            "rounds in which labels came", f"{len(came)} of {evidence.rounds}", "all", len(came) == evidence.rounds
        ),
        Finding(
            "first frame to first label",
            f"median {np.median(came):.1f} s, worst {max(came):.1f} s" if came else "none came",
            f"{limits.labels_s:g} s",
            bool(came) and max(came) <= limits.labels_s,
        ),
        *_balance(evidence, limits),
        Finding("memory growth", f"{growth:+.2f} MB per minute", f"{limits.growth_mb:g}", growth <= limits.growth_mb),
        Finding(
            "frame age",
            f"p50 {ages[0]:.1f} ms, p99 {ages[1]:.1f} ms",
            f"p99 {limits.age_ms:g} ms",
            ages[1] <= limits.age_ms,
        ),
        Finding(
            "diagnostics",
            f"{times} in {evidence.seconds:.0f} s, longest gap {gap:.1f} s",
            f"gap {limits.diagnostics_s:g} s",
            times >= 0.9 * evidence.seconds - 2 and gap <= limits.diagnostics_s,
        ),
    ]


def _balance(evidence: Evidence, limits: Limits) -> list[Finding]:
    """Every message has one fate, and no fate is counted that no message had."""
    values, people = evidence.statuses.get("input", {}), evidence.statuses.get("people", {})
    count = {name: int(values.get(name, 0)) for name in ("received", "lost", "skipped", "observed")}
    refused = {
        reason: int(values.get(f"rejected: {reason}", people.get(f"left out: {reason}", 0))) for reason in REASONS
    }
    most = limits.per_round * evidence.rounds + limits.share * evidence.sent.total()
    unseen = sum(number for reason, number in refused.items() if reason != INFINITE)  # of people, in good messages
    accounts = {
        "sent = received + lost": (evidence.sent.total(), count["received"] + count["lost"]),
        "received = observed + refused + skipped": (count["received"], count["observed"] + unseen + count["skipped"]),
    }
    # What is lost on the way is not refused.
    spare = most + count["lost"]
    findings = [
        Finding(what, f"{left} = {right}", f"within {most:.0f}", abs(left - right) <= most)
        for what, (left, right) in accounts.items()
    ]
    for reason, number in refused.items():
        sent = evidence.sent[reason]
        # A jump is confirmed, and taken, where the next message was lost or jumps too.
        allowed = spare if reason != UNREADABLE else most + min(count["lost"], sent)
        what, good = f"{reason}: sent = counted", abs(sent - number) <= allowed
        findings.append(Finding(what, f"{sent} = {number}", f"within {allowed:.0f}", good))
    return findings


def _growth(evidence: Evidence) -> float:
    """MB per minute, as a straight line through the medians of ten parts."""
    if len(evidence.resident_mb) < 10:
        return float("nan")
    parts = np.array_split(np.array(evidence.resident_mb), 10)
    minutes, resident = np.array([np.median(part, axis=0) for part in parts]).T
    return float(np.polyfit(minutes, resident, 1)[0])
