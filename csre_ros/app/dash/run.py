"""``csre dash``: recognition, or a running node, shown on a local web page."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from csre_ros.app.dash.board import Board
from csre_ros.app.dash.server import DashServer, serving
from csre_ros.app.dash.settings import DashSettings
from csre_ros.app.screen.display import captions
from csre_ros.app.screen.progress import say_bundle, say_latency
from csre_ros.app.screen.terminal import console
from csre_ros.app.session import Recognised, Session, dims_of, events_of, recognise
from csre_ros.app.source import open_any
from csre_ros.overlay import BLANK, Caption, Image, Overlay, captions_of
from csre_ros.pipeline import Pipeline
from csre_ros.recognition import PersonAction
from csre_ros.skeleton import Frame


def run(settings: DashSettings) -> int:
    """Serve the page until the source ends or the user interrupts.

    A recording or file starts when the first browser looks.

    Returns:
        0.

    Raises:
        OSError: The source does not open, or the port is in use.
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
                    painter.tell(now.people)
                    painter.show(now.frame.stamp_ns, captions(now.people), now.frame.image, _speed(now))
            finally:
                painter.tell(pipeline.recognizer.finish())
        stages = pipeline.timer.summary() + session.timer.summary()
        say_latency(stages, session.frames, source.dropped, pipeline.recognizer.counts, session.interrupted)


def _watch_node(settings: DashSettings, board: Board, server: DashServer) -> None:
    from csre_ros.ros.listener import Listener

    name = settings.dash.node
    heard = _Heard(Painter(board, settings.pipeline.pose.horizontal_fov_deg))

    def on_classes(record: dict[str, Any]) -> None:
        labels = [one["action"] for one in record["classes"] if not one["background"]]
        board.introduce({"title": name, "bundle": record["model"]["name"], "labels": labels})

    board.introduce({"title": name, "bundle": "", "labels": []})
    _say_address(server, f"what {name} says")
    with Listener(name, heard.on_actions, heard.on_people, on_classes) as listener:
        try:
            while True:
                listener.spin_once(0.2)
        except KeyboardInterrupt:
            console.print("interrupted")


def _speed(now: Recognised) -> dict[str, float | str]:
    return {"latency_ms": round(now.latency_s * 1e3, 1), "rate_hz": round(now.rate_hz, 1), "warning": now.warning}


def _until(ready: Callable[[], bool]) -> None:
    while not ready():
        time.sleep(0.05)


class Painter:
    """Puts people and events on a board.

    Args:
        board: The board.
        horizontal_fov_deg: Field of view for skeletons without image points.
    """

    def __init__(self, board: Board, horizontal_fov_deg: float) -> None:
        self._board, self._overlay = board, Overlay(horizontal_fov_deg)

    def tell(self, people: Sequence[PersonAction]) -> None:
        """Put the events of some records on the board."""
        for event in events_of(people):
            self._board.tell(event.to_record())

    def record(self, event: dict[str, Any]) -> None:
        """Put an event that a node has sent on the board."""
        self._board.tell(event)

    def show(
        self, stamp_ns: int, people: Sequence[Caption], image: Image | None, speed: Mapping[str, float | str]
    ) -> None:
        """Put an instant on the board.

        Args:
            stamp_ns: When it is.
            people: Everybody in view.
            image: ``[H, W, 3]`` the picture that they stand in, of which only the size leaves this program; None: the
                view zooms out until everybody is inside.
            speed: ``latency_ms``, ``rate_hz`` and ``warning``.
        """
        shape = BLANK if image is None else image.shape
        height, width = shape[:2]
        points = self._overlay.points(people, shape, image is None)
        drawn = [
            {
                "id": caption.person,
                "action": caption.action,
                "best": caption.best,
                "score": round(float(caption.score), 3),
                "points": list(map(_point, *pixels.T.tolist(), caption.skeleton.confidence.tolist())),
                "bones": [list(map(int, bone)) for bone in caption.skeleton.layout.bone_indices],
            }
            for caption, pixels in zip(people, points, strict=True)
        ]
        self._board.show({"stamp": stamp_ns / 1e9, "width": width, "height": height, "people": drawn, **speed})


def _point(x: float, y: float, confidence: float) -> list[float] | None:
    """A joint as the page draws it; None where it is not seen."""
    seen = math.isfinite(x) and math.isfinite(y) and confidence >= 0.5
    return [round(x, 1), round(y, 1)] if seen else None


class _Heard:
    """Joins what a node says of people with where they are."""

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._people: dict[int, dict[str, Any]] = {}
        self._age_ms = 0.0

    def on_actions(self, record: dict[str, Any]) -> None:
        self._people = {person["id"]: person for person in record["persons"]}
        self._age_ms = record["age_ms"]
        for event in record["events"]:
            self._painter.record(event)

    def on_people(self, frame: Frame) -> None:
        people = captions_of(frame, self._people)
        self._painter.show(frame.stamp_ns, people, None, {"latency_ms": self._age_ms})
