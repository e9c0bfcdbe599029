"""What ``csre demo`` can be told, with and without ROS 2."""

from __future__ import annotations

from dataclasses import dataclass, field

from csre_ros.app.screen.video_names import check_video_name
from csre_ros.app.source import SPELLINGS
from csre_ros.options import READ, REPLACED, check, option
from csre_ros.pipeline import PipelineConfig
from csre_ros.sources import SourceConfig


@dataclass(frozen=True)
class DemoConfig:
    """Where frames come from and where results go."""

    source: str = option(
        "auto", f"{SPELLINGS}, or 'auto': a camera if one opens, else the shipped recording.", file=READ
    )
    headless: bool = option(False, "Open no window; files and recordings run as fast as the machine can.")
    output: str = option(
        "", "Write what is drawn to this .mp4 or .gif file, and a contact sheet beside it (.png).", file=REPLACED
    )
    events: str = option(
        "", "Write events to this file, one JSON object per line; '-' is standard output.", file=REPLACED
    )
    camera_list: bool = option(False, "List the cameras of this machine and end.")
    ros: bool = option(False, "Run the ROS 2 node in a process of its own and show what arrives over its topics.")
    seconds: float = option(0.0, "End after this many seconds of source time; 0 runs to the end.", minimum=0.0)

    def __post_init__(self) -> None:
        check(self)
        check_video_name(self.output)


@dataclass(frozen=True)
class DemoSettings:
    """Everything that ``csre demo`` can be told."""

    demo: DemoConfig = field(default_factory=DemoConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    capture: SourceConfig = field(default_factory=SourceConfig)
