"""``csre recover``: a complete recording of everything that is whole in one that was cut or damaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from csre_ros.app.screen.terminal import console
from csre_ros.foreign_text import quoted
from csre_ros.options import MADE, READ, option
from csre_ros.sources.recording_writer import check_new
from csre_ros.sources.recover import recover


@dataclass(frozen=True)
class RecoverConfig:
    """What is recovered, and where it goes."""

    recording: str = option("", "An .mcap file that was cut or damaged; it is left as it is.", file=READ)
    output: str = option(
        "", "The new .mcap file; empty: beside the other, with '_recovered' behind its name.", file=MADE
    )


@dataclass(frozen=True)
class RecoverSettings:
    """Everything that ``csre recover`` can be told."""

    recover: RecoverConfig = field(default_factory=RecoverConfig)


def run(settings: RecoverSettings) -> int:
    """Write what is whole into a new file, and say what is lost.

    Raises:
        OSError: The recording cannot be read, or the new file exists or cannot be written.
        ValueError: Nothing of it is whole, or it is no MCAP file of ROS 2.
    """
    path = Path(settings.recover.recording)
    if not path.is_file():
        raise FileNotFoundError(f"{quoted(path)} is no file; name an .mcap file that was cut or damaged")
    output = Path(settings.recover.output or path.with_name(f"{path.stem}_recovered.mcap"))
    check_new(output)
    found = recover(path, output)
    for loss in found.lost or ["nothing is lost"]:
        console.print(f"{path}: {loss}")
    messages = sum(topic.count for topic in found.topics)
    console.print(f"wrote {output}: {messages} messages, {found.duration_s:.1f} s")
    return 0
