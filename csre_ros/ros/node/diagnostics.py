"""The statuses that ``/diagnostics`` carries. Needs the message classes only, no graph and no rclpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from csre_ros.ros.health import ERROR, OK, Health, Status

if TYPE_CHECKING:
    from csre_ros.pipeline import Pipeline
    from csre_ros.ros.inputs.contract import Input


def runtime_statuses(
    health: Health,
    pipeline: Pipeline,
    source: Input | None,
    timeout_s: float,
    *,
    alive: bool,
    unpublished: Mapping[str, int],
) -> list[Status]:
    """One status each for model, input, pose stage, people, inference and publishing.

    Args:
        health: What the threads have told.
        pipeline: The runtime.
        source: The input; None while the node is inactive.
        timeout_s: Silence of the input that is worth a warning.
        alive: Whether the worker's thread runs.
        unpublished: How many people and frames were left out of what is published and recorded, by reason.
    """
    recognizer = pipeline.recognizer
    info = recognizer.info
    times = {stage.stage: {"p50_ms": stage.p50_ms, "p99_ms": stage.p99_ms} for stage in pipeline.timer.summary()}
    statuses = [Status("model", OK, info.name, {"digest": info.digest, "labels": len(info.labels)})]
    if source is None:
        return [*statuses, Status("input", OK, "inactive")]
    statuses.append(health.input_status(source.what, timeout_s))
    if source.images:
        statuses.append(health.stage_status("pose", times.get("pose", {})))
    statuses.append(health.people_status(dict(recognizer.counts)))  # a copy: the worker goes on counting
    inference = health.stage_status("inference", {"provider": recognizer.bundle.device, **times.get("infer", {})})
    if not alive:
        died = "the worker has died and nothing is recognised: deactivate and activate the node, and report its log"
        inference = replace(inference, level=ERROR, message=died)
    left_out = {f"left out: {reason}": count for reason, count in dict(unpublished).items()}
    publish = health.stage_status("publish", {**times.get("publish", {}), **left_out})
    return [*statuses, inference, publish]


def to_message(statuses: Sequence[Status], node_name: str, hardware_id: str, stamp: Any) -> DiagnosticArray:
    """The statuses as ``diagnostic_msgs/DiagnosticArray``; values are strings there."""
    message = DiagnosticArray()
    message.header.stamp = stamp
    message.status = [
        DiagnosticStatus(
            level=status.level,
            name=f"{node_name}: {status.task}",
            message=status.message,
            hardware_id=hardware_id,
            values=[KeyValue(key=key, value=str(value)) for key, value in status.values.items()],
        )
        for status in statuses
    ]
    return message
