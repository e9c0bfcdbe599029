"""``csre models``: the shipped bundles, what they can say, and how well."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from csre_ros.app.screen.terminal import results
from csre_ros.recognition import BundleInfo
from csre_ros.recognition.bundle import shipped_bundles


def run() -> int:
    """Print every bundle with labels, figures and protocol.

    Returns:
        0.

    Raises:
        BundleError: A shipped file is damaged.
    """
    for file, info in shipped_bundles().items():
        results.print(
            Text(file, "bold"), f"({info.name}, {info.encoder}, digest {info.digest[:12]}, commit {info.commit})"
        )
        results.print(f"  {_reach(info)}, {info.layout} skeletons, seed {info.seed}")
        results.print(f"  reports: {', '.join(label.name for label in info.labels if not label.background)}")
        results.print(_figures(info))
        for source in info.data:
            results.print(f"  trained on {source.name}: {source.terms}")
    return 0


def _reach(info: BundleInfo) -> str:
    """How much of a stream the bundle sees, and how often it says something."""
    if info.stream is None:
        return f"{info.window_s:g} s windows, {info.time_steps} steps"
    rate, delay = f"{info.stream.rate_hz:g} frames a second", f"{info.stream.delay_s:g} s late"
    return f"labels {rate}, {delay}, and looks {info.window_s:g} s back"


def _figures(info: BundleInfo) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2))
    for heading in ("figure", "value", "protocol"):
        table.add_column(heading)
    for metric in info.metrics:
        table.add_row(metric.name, f"{metric.value:.1%}", metric.protocol)
    return table
