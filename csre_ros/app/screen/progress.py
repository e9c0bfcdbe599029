"""What a run says of itself: the bundle it starts with, events as they come, and the figures it ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from csre_ros.app.screen.terminal import console
from csre_ros.recognition import ActionEvent, Bundle, EventState
from csre_ros.timing import StageSummary

_SIGNS = {EventState.STARTED: Text(">", "green"), EventState.ENDED: Text("<", "red")}


def say_bundle(bundle: Bundle) -> None:
    """Which bundle runs, and where."""
    console.print(f"bundle {bundle.info.name} ({bundle.path}) runs on {bundle.device}")


def say_event(event: ActionEvent, origin_ns: int) -> None:
    """One line per change: seconds since the start, person, action, score. Ongoing actions are not repeated."""
    if event.state is EventState.ONGOING:
        return
    seconds = (event.stamp_ns - origin_ns) / 1e9
    console.print(
        f"{seconds:7.1f} s  person {event.person} ",
        _SIGNS[event.state],
        f"{event.action:<16} {event.state.value:<8} {event.score:.2f}",
    )


def say_latency(
    stages: Sequence[StageSummary], frames: int, dropped: int, counts: Mapping[str, int], interrupted: bool = False
) -> None:
    """The table that every run ends with: milliseconds per stage, frames dropped, and what was refused."""
    if interrupted:
        console.print("interrupted")
    if stages:
        table = Table(title="Latency in milliseconds", title_justify="left", box=None, header_style="bold")
        for heading in ("stage", "count", "p50", "p95", "p99", "worst", "over 33 ms"):
            table.add_column(heading, justify="left" if heading == "stage" else "right")
        for stage in stages:
            figures = (f"{value:.2f}" for value in (stage.p50_ms, stage.p95_ms, stage.p99_ms, stage.worst_ms))
            table.add_row(stage.stage, str(stage.count), *figures, str(stage.over_budget))
        console.print(table)
    refused = ", ".join(f"{count} {reason}" for reason, count in counts.items() if count)
    console.print(f"{frames} frames, {dropped} dropped" + (f"; refused: {refused}" if refused else ""))
