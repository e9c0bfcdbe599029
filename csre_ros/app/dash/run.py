"""``csre dash``: recognition, or a running node, shown on a local web page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from csre_ros.app.dash.board import Board
from csre_ros.app.dash.painter import Painter
from csre_ros.app.dash.server import DashServer, serving
from csre_ros.app.dash.settings import DashSettings
from csre_ros.app.screen.display import captions
from csre_ros.app.screen.progress import say_bundle, say_latency
from csre_ros.app.screen.terminal import console
from csre_ros.app.session import Recognised, Session, dims_of, events_of, recognise
from csre_ros.app.source import open_any
from csre_ros.pipeline import Pipeline


def run(settings: DashSettings) -> int:
    """Serve the page until the source ends or the user interrupts.

    A recording or file starts when the first browser looks.

    Returns:
        0.

    Raises:
        OSError: The source does not open, or the port is in use.
        ValueError: What is named is no node.
        BundleError: The bundle cannot be used.
        ImportError: A node is named and ROS 2 is missing, or the source has images and OpenCV is missing.
    """
    config, board = settings.dash, Board()
    with serving(board, config.host, config.port) as server:
        if config.node:
            _watch_node(settings, board, server)
        else:
            _watch_source(settings, board, server)
    return 0


def _say_address(server: DashServer, what: str) -> None:
    console.print(f"{what} is shown on {server.url} (Ctrl-C ends)")
    if not server.is_private:
        console.print("everybody who reaches this address sees it; there is no password")


def _watch_source(settings: DashSettings, board: Board, server: DashServer) -> None:
    config = settings.dash
    capture = replace(settings.capture, realtime=True)  # somebody is watching
    with open_any(config.source, capture) as source, Pipeline(settings.pipeline, dims_of(source)) as pipeline:
        info, labels = pipeline.recognizer.info, pipeline.recognizer.labels
        board.introduce(
            {"title": source.name, "bundle": info.name, "labels": [one.name for one in labels if not one.background]}
        )
        say_bundle(pipeline.recognizer.bundle)
        _say_address(server, source.name)
        if not source.live:
            _until(board.watched.is_set)
        painter = Painter(board, settings.pipeline.pose.horizontal_fov_deg)
        with Session(source, config.seconds) as session:
            try:
                for now in recognise(session, pipeline):
                    painter.tell(events_of(now.people))
                    painter.show(now.frame.stamp_ns, captions(now.people), now.frame.image, _speed(now))
            finally:
                painter.tell(events_of(pipeline.recognizer.finish()))
        stages = pipeline.timer.summary() + session.timer.summary()
        say_latency(stages, session.frames, source.dropped, pipeline.recognizer.counts, session.interrupted)


def _watch_node(settings: DashSettings, board: Board, server: DashServer) -> None:
    from csre_ros.app.dash.heard import Heard

    name = settings.dash.node
    with Heard(name, board, Painter(board, settings.pipeline.pose.horizontal_fov_deg)) as heard:
        _say_address(server, f"what {name} says")
        try:
            while not 0 < settings.dash.seconds < heard.covered_s:
                heard.spin_once(0.2)
        except KeyboardInterrupt:
            console.print("interrupted")


def _speed(now: Recognised) -> dict[str, float | str]:
    return {"latency_ms": round(now.latency_s * 1e3, 1), "rate_hz": round(now.rate_hz, 1), "warning": now.warning}


def _until(ready: Callable[[], bool]) -> None:
    while not ready():
        time.sleep(0.05)
