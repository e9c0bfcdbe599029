"""``csre demo``: a camera, file or recording in, labels on screen, in a video and as events."""

from __future__ import annotations

from dataclasses import replace

from csre_ros.app.demo_settings import DemoSettings
from csre_ros.app.screen.display import DRAWN_FPS, Display, captions, window_opens
from csre_ros.app.screen.progress import say_bundle, say_latency
from csre_ros.app.screen.terminal import console, results
from csre_ros.app.session import Session, dims_of, events_of, recognise
from csre_ros.app.source import open_any
from csre_ros.foreign_text import quoted
from csre_ros.pipeline import Pipeline
from csre_ros.sources import Source
from csre_ros.sources.cameras import list_cameras


def run(settings: DemoSettings) -> int:
    """Run the demo until the source ends, the window is closed, or the user interrupts.

    Returns:
        0, or 1 where nothing arrived over ROS 2, or no camera is there to be listed.

    Raises:
        OSError: The source does not open, or an output cannot be written.
        BundleError: The bundle cannot be used.
        ImportError: Something is to be drawn, or read from images, and OpenCV is missing; or ROS 2 is.
    """
    config = settings.demo
    if config.camera_list:
        return _list_cameras()
    if config.ros:
        from csre_ros.app import ros_demo

        return ros_demo.run(settings)
    window = window_opens(config.headless)
    capture = replace(settings.capture, realtime=settings.capture.realtime or window)  # somebody is watching
    with open_any(config.source, capture) as source, Pipeline(settings.pipeline, dims_of(source)) as pipeline:
        _show(settings, pipeline, source, window)
    return 0


def _list_cameras() -> int:
    """Print the cameras; 1 where there is none."""
    cameras = list_cameras()
    for camera in cameras:
        results.print(f"{camera.spec:<10} {quoted(camera.name)}  {camera.device}")
    if not cameras:
        console.print("no camera is there; recordings, files and addresses work without")
    return 0 if cameras else 1


def _show(settings: DemoSettings, pipeline: Pipeline, source: Source, window: bool) -> None:
    config, bundle = settings.demo, pipeline.recognizer.bundle
    fov, fps = settings.pipeline.pose.horizontal_fov_deg, source.fps or DRAWN_FPS
    with (
        Session(source, config.seconds) as session,
        Display(config.output, config.events, window, fps, fov) as display,
    ):
        say_bundle(bundle)
        try:
            for now in recognise(session, pipeline):
                display.begin(now.frame.stamp_ns)
                display.events(events_of(now.people))
                status = f"{bundle.info.name}   {now.status}"
                with pipeline.timer("draw"):
                    watched = display.picture(
                        now.frame.image, captions(now.people), now.frame.stamp_ns, status, now.warning
                    )
                if not watched:
                    break
        finally:
            display.events(events_of(pipeline.recognizer.finish()))
        stages = pipeline.timer.summary() + session.timer.summary()
        say_latency(stages, session.frames, source.dropped, pipeline.recognizer.counts, session.interrupted)
