"""The statuses that ``/diagnostics`` carries: what the counters of the node mean, once a second as its heartbeat.

Judging is pure: two observations in, statuses out. Needs the message classes only, no graph and no rclpy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from csre_ros.foreign_text import sentence
from csre_ros.ros.health import CAPTURE, Health, Snapshot
from csre_ros.timing import SLOWEST_HZ

if TYPE_CHECKING:
    from csre_ros.pipeline import Pipeline
    from csre_ros.ros.inputs.contract import Input

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
_INPUT_COUNTS = ("received", "lost", "observed", "skipped", "undecided", "stamped_on_arrival")


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


@dataclass(frozen=True)
class Observation:
    """What is known of an active node at one moment.

    Attributes:
        health: What the threads have told.
        left_out: People whom recognition left out, by reason.
        unpublished: What was left out of what is published and recorded, by reason.
        times: Percentiles in milliseconds by stage.
        provider: What the encoder runs on.
        what: The topic or source, for the operator.
        images: Whether there is a pose stage.
        alive: Whether the worker's thread runs.
        recording_failure: Why nothing is recorded any more; empty while all is well.
    """

    health: Snapshot
    left_out: Mapping[str, int]
    unpublished: Mapping[str, int]
    times: Mapping[str, Mapping[str, float]]
    provider: str
    what: str
    images: bool
    alive: bool
    recording_failure: str = ""


def observe(
    health: Health,
    pipeline: Pipeline,
    feed: Input,
    *,
    alive: bool,
    unpublished: Mapping[str, int],
    recording_failure: str = "",
) -> Observation:
    """Look at an active node; counters of other threads are copied, and go on."""
    recognizer = pipeline.recognizer
    return Observation(
        health.snapshot(),
        pipeline.left_out,
        dict(unpublished),
        {stage.stage: {"p50_ms": stage.p50_ms, "p99_ms": stage.p99_ms} for stage in pipeline.timer.summary()},
        recognizer.bundle.device,
        feed.what,
        feed.images,
        alive,
        recording_failure,
    )


def model_status(pipeline: Pipeline) -> Status:
    """Which bundle decides."""
    recognizer = pipeline.recognizer
    values = {"digest": recognizer.info.digest, "labels": len(recognizer.labels)}
    return Status("model", OK, recognizer.info.name, values)


def runtime_statuses(now: Observation, before: Observation | None, timeout_s: float) -> list[Status]:
    """One status each for input, pose stage, people, inference and publishing.

    Args:
        now: The node as it is.
        before: As it was when it was judged last: what has been counted since then is worth a warning; None: never.
        timeout_s: Silence of the input that is worth a warning.
    """
    statuses = [input_status(now, before, timeout_s)]
    if now.images:
        statuses.append(_stage_status("pose", now, now.times.get("pose", {})))
    statuses.append(people_status(now, before))
    inference = _stage_status("inference", now, {"provider": now.provider, **now.times.get("infer", {})})
    if not now.alive:
        died = "the worker has died and nothing is recognised: deactivate and activate the node, and report its log"
        inference = replace(inference, level=ERROR, message=died)
    left_out = {f"left out: {reason}": count for reason, count in now.unpublished.items()}
    publish = _stage_status("publish", now, {**now.times.get("publish", {}), **left_out})
    if now.recording_failure and publish.level == OK:
        publish = replace(publish, level=ERROR, message=now.recording_failure)
    return [*statuses, inference, publish]


def input_status(now: Observation, before: Observation | None, timeout_s: float) -> Status:
    """ERROR while capture has failed, WARN in silence and when more was rejected or lost; arguments as above."""
    health = now.health
    values = {
        "source": now.what,
        "rate_hz": round(health.rate_hz, 1),
        "observed_hz": round(health.observed_hz, 1),
        "silence_s": round(health.silence_s, 2),
        **{name: health.counts.get(name, 0) for name in _INPUT_COUNTS},
        "rejected": sum(health.rejections.values()),
        **{f"rejected: {reason}": count for reason, count in sorted(health.rejections.items())},
        "incompatible_qos": health.incompatible or "none",
        **({} if health.ages_ms is None else _percentiles("age", health.ages_ms)),
    }
    if failure := health.failures.get(CAPTURE):
        return Status("input", ERROR, failure, values)
    if message := _complaint(now, before, timeout_s):
        return Status("input", WARN, message, values)
    return Status("input", OK, f"{health.rate_hz:.1f} Hz", values)


def _complaint(now: Observation, before: Observation | None, timeout_s: float) -> str:
    health, what = now.health, now.what
    if health.silence_s > timeout_s and health.incompatible:
        return (
            f"no input: a publisher of {what} offers incompatible QoS ({health.incompatible}); set "
            f"qos_overrides.{what}.subscription.{health.incompatible} in the parameter file"
        )
    if health.silence_s > timeout_s and health.waiting:
        return f"waiting for {what}: {health.waiting}"
    if health.silence_s > timeout_s:
        came = "for" if health.counts.get("received") else "yet, after"
        return f"no input {came} {health.silence_s:.1f} s: check that {what} delivers"
    old = before.health if before is not None else None
    if rejected := sum(health.rejections.values()) - (sum(old.rejections.values()) if old else 0):
        return f"{rejected} rejected: {health.refusal}"
    if lost := health.counts.get("lost", 0) - (old.counts.get("lost", 0) if old else 0):
        return (
            f"{lost} messages lost in transport or overwritten before they were taken; for raw images load "
            "config/fastdds_images.xml on both ends, or use compressed images"
        )
    if 0 < health.observed_hz < SLOWEST_HZ:
        slow = (
            f"{health.observed_hz:.1f} frames per second are too few to recognise actions by; {SLOWEST_HZ:g} are needed"
        )
        if health.rate_hz < SLOWEST_HZ:
            return f"{slow}: let {what} send at least {SLOWEST_HZ:g}"
        return f"{slow}, and {health.rate_hz:.1f} come: lower pose.max_people, or let somebody else do the pose stage"
    return ""


def people_status(now: Observation, before: Observation | None) -> Status:
    """How many people are followed; WARN while those who are left out become more; arguments as above."""
    new = Counter(now.left_out) - Counter(before.left_out if before is not None else {})
    health = now.health
    values: dict[str, Any] = {"followed": health.people, "full_windows": health.full, "unknown": health.unknown}
    values |= {f"left out: {reason}": count for reason, count in sorted(now.left_out.items()) if count}
    if new:
        more = ", ".join(f"left out: {reason} {count}" for reason, count in new.items())
        return Status("people", WARN, more, values)
    return Status("people", OK, f"{now.health.people} followed", values)


def _stage_status(stage: str, now: Observation, values: Mapping[str, Any]) -> Status:
    """ERROR from the first frame on which a stage failed until one goes through again."""
    shown = {**values, "failures": now.health.counts.get(f"{stage} failures", 0)}
    failure = now.health.failures.get(stage)
    return Status(stage, ERROR, failure, shown) if failure else Status(stage, OK, "working", shown)


def _percentiles(name: str, found: tuple[float, float]) -> dict[str, float]:
    return {f"{name}_p50_ms": round(found[0], 2), f"{name}_p99_ms": round(found[1], 2)}


def to_message(statuses: Sequence[Status], node_name: str, hardware_id: str, stamp: Any) -> DiagnosticArray:
    """The statuses as ``diagnostic_msgs/DiagnosticArray``; values are strings there."""
    message = DiagnosticArray()
    message.header.stamp = stamp
    message.status = [
        DiagnosticStatus(
            level=status.level,
            name=f"{node_name}: {status.task}",
            message=sentence(status.message),
            hardware_id=hardware_id,
            values=[KeyValue(key=key, value=sentence(value)) for key, value in status.values.items()],
        )
        for status in statuses
    ]
    return message
