"""What people read: news on standard error while the program runs, which leaves standard output to results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from csre_ros.recognition import ActionEvent, EventState
from csre_ros.timing import StageSummary


class _Plain(Console):
    """Prints text as it is: a path may hold square brackets and colons, which mean nothing here."""

    def __init__(self, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: an error like any other, with which the whole command ends."""
        raise BrokenPipeError


console = _Plain(stderr=True)
results = _Plain()

_SIGNS = {EventState.STARTED: Text(">", "green"), EventState.ENDED: Text("<", "red")}


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


def say_latency(stages: Sequence[StageSummary], frames: int, dropped: int, counts: Mapping[str, int]) -> None:
    """The table that every run ends with: milliseconds per stage, frames dropped, and what was refused."""
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
