"""``csre replay``: recognition over a recording as fast as the machine can, with the labels that it would have live."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console

from csre_ros.app.screen.display import DRAWN_FPS, captions, open_canvas
from csre_ros.app.screen.events import EventLog
from csre_ros.app.screen.progress import say_bundle, say_latency
from csre_ros.app.screen.terminal import console, results
from csre_ros.app.screen.video_names import check_video_name
from csre_ros.app.session import Session, dims_of, events_of, recognise
from csre_ros.app.source import open_stored, open_topic
from csre_ros.options import READ, REPLACED, check, option
from csre_ros.pipeline import Pipeline, PipelineConfig
from csre_ros.recognition import ActionEvent, PersonAction
from csre_ros.ros.settings import AUTO, INPUTS
from csre_ros.skeleton import LAYOUTS
from csre_ros.sources import Source, SourceConfig

if TYPE_CHECKING:
    from csre_ros.app.screen.canvas import Canvas


@dataclass(frozen=True)
class ReplayConfig:
    """What is replayed, and where its events go."""

    bag: str = option(
        "",
        "A recording (.mcap), a rosbag2 folder with skeletons, a video file, a folder of images, or 'recording' for "
        "the shipped one.",
        file=READ,
    )
    topic: str = option(
        "", "Topic of the bag to read, for example one with images; empty: the one with skeletons and their layout."
    )
    layout: str = option(
        "mediapipe33", "Joint convention of a topic that does not name its own.", choices=tuple(LAYOUTS)
    )
    input: str = option(
        AUTO,
        "Input of the node that would read the topic live; 'auto' finds it by the type of the messages.",
        choices=(AUTO, *(name for name in INPUTS if name != "camera")),
    )
    depth_topic: str = option(
        "", "Topic of the bag with depth images, aligned with the picture, by which people are placed."
    )
    camera_info: str = option(
        "",
        "Topic of the bag with the camera's calibration, for depth; empty: the one beside the topic, or the only one.",
    )
    image_width: int = option(
        0, "Width in pixels of the images behind image points; 0: unknown.", minimum=0, maximum=16384
    )
    image_height: int = option(
        0, "Height in pixels of the images behind image points; 0: unknown.", minimum=0, maximum=16384
    )
    events: str = option(
        "", "Write events to this file, one JSON object per line; '-' is standard output.", file=REPLACED
    )
    output: str = option(
        "", "Draw what is recognised to this .mp4 or .gif file, and a contact sheet beside it (.png).", file=REPLACED
    )
    seconds: float = option(0.0, "End after this many seconds of the recording; 0 runs to the end.", minimum=0.0)

    def __post_init__(self) -> None:
        check(self)
        check_video_name(self.output)


@dataclass(frozen=True)
class ReplaySettings:
    """Everything that ``csre replay`` can be told."""

    replay: ReplayConfig = field(default_factory=ReplayConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)


class Timeline:
    """Prints one line per action when it is over: from when to when, who, what, and how sure.

    Args:
        show: Where to print.
    """

    def __init__(self, show: Console) -> None:
        self._show = show
        self._begin_ns: int | None = None

    def begin(self, stamp_ns: int) -> None:
        """Print times relative to this stamp; only the first call counts."""
        if self._begin_ns is None:
            self._begin_ns = stamp_ns

    def tell(self, event: ActionEvent) -> None:
        """Take an event in."""
        if event.until_ns is not None:
            start, end = ((ns - (self._begin_ns or 0)) / 1e9 for ns in (event.since_ns, event.until_ns))
            self._show.print(
                f"{start:8.1f} s to {end:8.1f} s  person {event.person}  {event.action:<16} {event.score:.2f}"
            )


def _open(config: ReplayConfig) -> Source:
    width, height = config.image_width, config.image_height
    if config.topic:
        depth = (config.depth_topic, config.camera_info)
        return open_topic(config.bag, config.topic, config.layout, config.input, (width, height), *depth)
    if config.depth_topic:
        raise ValueError("depth_topic needs the topic with the pictures beside it: name that by --topic")
    return open_stored(config.bag, SourceConfig(width=width, height=height))


def _canvas(settings: ReplaySettings, source: Source) -> AbstractContextManager[Canvas | None]:
    if not settings.replay.output:
        return nullcontext()
    fov = settings.pipeline.pose.horizontal_fov_deg
    return open_canvas(settings.replay.output, False, source.fps or DRAWN_FPS, fov)


def run(settings: ReplaySettings) -> int:
    """Replay a recording to its end and print who did what from when to when.

    Raises:
        OSError: The recording does not open, or the events or the video cannot be written.
        ValueError: The source is live, or the recording is damaged or has no such topics.
        ImportError: A topic is named and ROS 2 is not installed, or something is to be drawn and OpenCV is missing.
        BundleError: The bundle cannot be used.
    """
    config = settings.replay
    with (
        _open(config) as source,
        Pipeline(settings.pipeline, dims_of(source)) as pipeline,
        Session(source, config.seconds) as session,
        EventLog(config.events) as log,
        _canvas(settings, source) as canvas,
    ):
        timeline = Timeline(console if config.events == "-" else results)

        def tell(people: Sequence[PersonAction]) -> None:
            for event in events_of(people):
                log.write(event)
                timeline.tell(event)
            if canvas is not None:
                canvas.tell(events_of(people))

        say_bundle(pipeline.recognizer.bundle)
        start_s = time.perf_counter()
        try:
            for now in recognise(session, pipeline):
                timeline.begin(now.frame.stamp_ns)
                tell(now.people)
                if canvas is not None:
                    status = f"{pipeline.recognizer.bundle.info.name}   {now.status}"
                    canvas.draw(now.frame.image, captions(now.people), now.frame.stamp_ns, status, now.warning)
        finally:
            tell(pipeline.recognizer.finish())
        took_s = time.perf_counter() - start_s
        stages = pipeline.timer.summary() + session.timer.summary()
        say_latency(stages, session.frames, source.dropped, pipeline.recognizer.counts, session.interrupted)
    console.print(
        f"{session.covered_s:.1f} s of recording in {took_s:.2f} s: {session.covered_s / took_s:.1f} times real time"
    )
    return 0
