"""``csre record``: the people in any source, with or without its images, as a recording that replays anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from csre_ros.app.screen.progress import say_latency
from csre_ros.app.screen.terminal import console
from csre_ros.app.session import Session
from csre_ros.app.source import SPELLINGS, open_any
from csre_ros.options import MADE, READ, check, option
from csre_ros.pipeline import PoseStage
from csre_ros.pose.settings import PoseConfig
from csre_ros.sources import SourceConfig
from csre_ros.sources.recording_writer import RecordingWriter, check_new
from csre_ros.timing import StageTimer

# In ROS a stamp of 0 says that there is none, and a file begins at 0.
_FILE_BEGIN_NS = 1_000_000_000


@dataclass(frozen=True)
class RecordConfig:
    """What is recorded, and where it goes."""

    output: str = option("", "The new .mcap file; an existing one is never overwritten.", file=MADE)
    source: str = option("camera:0", f"{SPELLINGS}.", file=READ)
    images: bool = option(False, "Keep the images too, as JPEG; otherwise skeletons only, about 1 kB per frame.")
    label: str = option("", "Write this annotation to every frame; empty keeps the source's own.")
    seconds: float = option(0.0, "End after this many seconds of source time; 0 runs to the end.", minimum=0.0)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class RecordSettings:
    """Everything that ``csre record`` can be told."""

    record: RecordConfig = field(default_factory=RecordConfig)
    pose: PoseConfig = field(default_factory=PoseConfig)
    capture: SourceConfig = field(default_factory=SourceConfig)


def run(settings: RecordSettings) -> int:
    """Record until the source ends or the user interrupts; the file is complete either way.

    Returns:
        0, or 1 where the source gave no frame and nothing was written.

    Raises:
        OSError: The source does not open, or the file exists or cannot be written.
        ValueError: The file is not called ``.mcap``.
    """
    config = settings.record
    path = Path(config.output)
    check_new(path)
    timer = StageTimer()
    pose = PoseStage(settings.pose, timer)
    seen = shift_ns = 0
    with open_any(config.source, settings.capture) as source:
        layout = source.layout or pose.layout
        console.print(f"recording {source.name} to {path}; Ctrl-C ends")
        with (
            Session(source, config.seconds) as session,
            RecordingWriter(path, layout, rounded=source.layout is None) as recording,
            console.status("waiting for the first frame") as status,
        ):
            for frame in session:
                if session.frames == 1 and not frame.stamp_ns:
                    shift_ns = _FILE_BEGIN_NS
                seen_now = pose.step(frame)
                people = replace(seen_now, stamp_ns=seen_now.stamp_ns + shift_ns)
                with timer("write"):
                    recording.write(people, frame.image if config.images else None, config.label or frame.label)
                seen += bool(people.skeletons)
                status.update(
                    f"{session.covered_s:.1f} s, {session.frames} frames, {len(people.skeletons)} people in view"
                )
        pose.close()
        say_latency(timer.summary(), session.frames, source.dropped, {})
    if not session.frames:
        return 1
    console.print(
        f"wrote {path}: {session.covered_s:.1f} s, people in {seen} of {session.frames} frames, "
        f"{path.stat().st_size / 1e6:.1f} MB"
    )
    return 0
