"""What ``csre dash`` can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from csre_ros.app.source import SPELLINGS
from csre_ros.options import READ, check, option
from csre_ros.pipeline import PipelineConfig
from csre_ros.sources import SourceConfig


@dataclass(frozen=True)
class DashConfig:
    """What the page shows, and where it is served."""

    source: str = option(
        "auto", f"{SPELLINGS}, or 'auto': a camera if one opens, else the shipped recording.", file=READ
    )
    node: str = option("", "Show a running node of this full name, such as /action_node, instead of a source.")
    host: str = option(
        "127.0.0.1", "Address to serve on. The default is this machine alone; 0.0.0.0 lets everybody in the network in."
    )
    port: int = option(8765, "Port to serve on; 0 takes a free one.", minimum=0, maximum=65535)
    seconds: float = option(0.0, "End after this many seconds of source time; 0 runs to the end.", minimum=0.0)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class DashSettings:
    """Everything that ``csre dash`` can be told."""

    dash: DashConfig = field(default_factory=DashConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    capture: SourceConfig = field(default_factory=SourceConfig)
