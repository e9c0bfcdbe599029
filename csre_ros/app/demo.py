"""``csre demo``: a camera, file or recording in, labels on screen, in a video and as events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from csre_ros.app.screen.outputs import Outputs, captions, window_opens
from csre_ros.app.screen.terminal import console
from csre_ros.app.session import Session, events_of, recognise
from csre_ros.options import check, option
from csre_ros.pipeline import Pipeline, PipelineConfig
from csre_ros.recognition import PersonAction
from csre_ros.recordings import SHIPPED
from csre_ros.sources import SourceConfig, open_source
from csre_ros.sources.frames import SourceFrame

_FALLBACK_FPS = 15.0


@dataclass(frozen=True)
class DemoConfig:
    """Where frames come from and where results go."""

    source: str = option(
        "auto",
        "camera:N, a video file, a folder of images, an RTSP or HTTP address, a recording (.mcap), 'recording' for the "
        "shipped one, or 'auto': a camera if one opens, else the shipped recording.",
    )
    headless: bool = option(False, "Open no window; files and recordings run as fast as the machine can.")
    output: str = option("", "Write what is drawn to this .mp4 file, and a contact sheet beside it (.png).")
    events: str = option("", "Write events to this file, one JSON object per line; '-' is standard output.")
    ros: bool = option(False, "Run the ROS 2 node in a process of its own and show what arrives over its topics.")
    seconds: float = option(0.0, "End after this many seconds of source time; 0 runs to the end.", minimum=0.0)

    def __post_init__(self) -> None:
        check(self)


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
    except (OSError, ImportError):
        console.print(f"no camera opens; playing the shipped recording {SHIPPED.name}")
        return str(SHIPPED)


def run(settings: DemoSettings) -> int:
    """Run the demo until the source ends, the window is closed, or the user interrupts.

    Raises:
        OSError: The source does not open, or an output cannot be written.
        BundleError: The bundle cannot be used.
        ImportError: Something is to be drawn, or read from images, and OpenCV is missing.
    """
    config = settings.demo
    window = window_opens(config.headless)
    capture = replace(settings.capture, realtime=settings.capture.realtime or window)  # somebody is watching
    pipeline = Pipeline(settings.pipeline)
    bundle = pipeline.recognizer.info.name
    with open_source(resolve_source(config.source, capture), capture) as source:
        fov = settings.pipeline.pose.horizontal_fov_deg
        fps = source.fps or _FALLBACK_FPS
        with (
            Session(source, config.seconds) as session,
            Outputs(config.output, config.events, window, fps, fov) as outputs,
        ):

            def show(frame: SourceFrame, people: list[PersonAction], latency_ms: float) -> bool:
                outputs.begin(frame.stamp_ns)
                outputs.events(events_of(people))
                with pipeline.timer("draw"):
                    return outputs.picture(
                        frame.image, captions(people), frame.stamp_ns, f"{bundle}   {latency_ms:.1f} ms"
                    )

            recognise(session, pipeline, show, lambda last: outputs.events(events_of(last)))
    return 0
