"""``csre demo``: a camera, file or recording in, labels on screen, in a video and as events."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from csre_ros.app.outputs import Outputs, captions
from csre_ros.app.terminal import console, say_latency
from csre_ros.config import option
from csre_ros.pipeline import Pipeline, PipelineConfig
from csre_ros.recordings import SHIPPED
from csre_ros.sources import SourceConfig, open_source
from csre_ros.sources.frames import Source, SourceFrame

_FALLBACK_FPS = 15.0


@dataclass(frozen=True)
class DemoConfig:
    """Where frames come from and where results go."""

    source: str = option(
        "auto",
        "camera:N, a video file, a folder of images, an RTSP or HTTP address, a recording (.mcap), 'recording' for the "
        "shipped one, or 'auto': a camera if one opens, else the shipped recording.",
    )
    headless: bool = option(False, "Open no window.")
    output: str = option("", "Write what is drawn to this .mp4 file, and a contact sheet beside it (.png).")
    events: str = option("", "Write events to this file, one JSON object per line; '-' is standard output.")
    ros: bool = option(False, "Run the ROS 2 node in a process of its own and show what arrives over its topics.")
    seconds: float = option(0.0, "End after this many seconds of source time; 0 runs to the end.", minimum=0.0)


@dataclass(frozen=True)
class DemoSettings:
    """Everything that ``csre demo`` can be told."""

    demo: DemoConfig = field(default_factory=DemoConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    capture: SourceConfig = field(default_factory=SourceConfig)


def resolve_source(spec: str, config: SourceConfig) -> str:
    """Turn ``auto`` and ``recording`` into something that opens."""
    if spec == "recording":
        return str(SHIPPED)
    if spec != "auto":
        return spec
    try:
        with open_source("camera:0", config):
            return "camera:0"
    except OSError:
        console.print(f"no camera opens; playing the shipped recording {SHIPPED.name}")
        return str(SHIPPED)


def run(settings: DemoSettings) -> int:
    """Run the demo until the source ends, the window is closed, or the user interrupts.

    Raises:
        OSError: The source does not open, or an output cannot be written.
        BundleError: The bundle cannot be used.
    """
    config = settings.demo
    pipeline = Pipeline(settings.pipeline)
    frames = 0
    with open_source(resolve_source(config.source, settings.capture), settings.capture) as source:
        fov = settings.pipeline.pose.horizontal_fov_deg
        fps = source.fps or _FALLBACK_FPS
        with Outputs(config.output, config.events, not config.headless, fps, fov) as outputs:
            try:
                for frame in _until(source, config.seconds):
                    frames += 1
                    if not _show(pipeline, frame, outputs):
                        break
            except KeyboardInterrupt:
                console.print("interrupted")
            finally:
                last = pipeline.recognizer.finish()
                outputs.events(event for person in last for event in person.events)
                pipeline.close()
        say_latency(pipeline.timer.summary(), frames, source.dropped, pipeline.recognizer.counts)
    return 0


def _until(source: Source, seconds: float) -> Iterable[SourceFrame]:
    first_ns: int | None = None
    for frame in source:
        first_ns = frame.stamp_ns if first_ns is None else first_ns
        if seconds and (frame.stamp_ns - first_ns) / 1e9 > seconds:
            return
        yield frame


def _show(pipeline: Pipeline, frame: SourceFrame, outputs: Outputs) -> bool:
    start = time.perf_counter()
    _, people = pipeline.step(frame)
    latency_ms = (time.perf_counter() - start) * 1e3
    outputs.begin(frame.stamp_ns)
    outputs.events(event for person in people for event in person.events)
    bundle = pipeline.recognizer.info.name
    with pipeline.timer("draw"):
        return outputs.picture(frame.image, captions(people), frame.stamp_ns, f"{bundle}   {latency_ms:.1f} ms")
