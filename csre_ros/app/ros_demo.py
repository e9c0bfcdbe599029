"""``csre demo --ros``: the node in a process of its own, and a subscriber that shows only what its topics say."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from csre_ros.app.demo_settings import DemoSettings
from csre_ros.app.screen.display import DRAWN_FPS, Display, window_opens
from csre_ros.app.screen.terminal import console
from csre_ros.app.source import resolve
from csre_ros.overlay import captions_of
from csre_ros.recognition import ActionEvent
from csre_ros.ros.settings import NodeConfig, NodeSettings, overrides
from csre_ros.skeleton import Frame
from csre_ros.sources import open_source

_NODE = "/action_node"
_START_TIMEOUT_S, _STOP_TIMEOUT_S = 30.0, 15.0


class Heard:
    """Remembers and shows what was heard.

    Args:
        display: Where to show it.

    Attributes:
        ages_ms: Age of every record at its publication.
        covered_s: Source time from the first to the newest record, in seconds.
        closed: Whether the user closed the window.
    """

    def __init__(self, display: Display) -> None:
        self.ages_ms: list[float] = []
        self.covered_s = 0.0
        self.closed = False
        self._first_s: float | None = None
        self._display = display
        self._people: dict[int, dict[str, Any]] = {}

    def on_actions(self, record: dict[str, Any]) -> None:
        """Print and log the events of a record, and remember what everybody does."""
        self.ages_ms.append(record["age_ms"])
        self._first_s = record["stamp"] if self._first_s is None else self._first_s
        self.covered_s = record["stamp"] - self._first_s
        self._people = {person["id"]: person for person in record["persons"]}
        self._display.begin(round(record["stamp"] * 1e9))
        self._display.events(map(ActionEvent.from_record, record["events"]))

    def on_people(self, frame: Frame) -> None:
        """Draw the people of a frame with what the last record said of them."""
        captions = captions_of(frame, self._people)
        status = f"heard on {_NODE}/actions and {_NODE}/skeletons"
        self.closed = not self._display.picture(None, captions, frame.stamp_ns, status)


def ros_arguments(settings: DemoSettings, source: str) -> list[str]:
    """The ROS arguments of a node that works on a source as these settings say, and ends with it."""
    pipeline = settings.pipeline
    node = NodeConfig(input="camera", source=source, exit_at_end=True)
    parameters = overrides(NodeSettings(node, pipeline.recognizer, pipeline.pose, settings.capture))
    return [part for name, value in parameters.items() for part in ("-p", f"{name}:={json.dumps(value)}")]


@contextmanager
def node_process(settings: DemoSettings, source: str) -> Iterator[subprocess.Popen[bytes]]:
    """The node on a source, as ``ros2 run`` would start it; interrupted at the end, killed if that does not help."""
    arguments = ros_arguments(settings, source)
    process = subprocess.Popen([sys.executable, "-m", "csre_ros.app.main", "node", "--ros-args", *arguments])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            console.print(f"the node did not end within {_STOP_TIMEOUT_S:g} s and was killed")
            process.kill()
            process.wait()


def run(settings: DemoSettings) -> int:
    """Start the node, show what arrives, and end with it.

    Returns:
        0, or 1 where nothing arrived.

    Raises:
        ImportError: ROS 2 is not installed.
        OSError: The source does not open, or an output cannot be written.
        ValueError: What arrived on the topics of the node's name is not what it says.
    """
    from csre_ros.ros.listener import Listener

    config = settings.demo
    source = resolve(config.source, settings.capture)
    with open_source(source, settings.capture):
        pass  # one that does not open is told here, in one line
    console.print(f"starting the node on {source}; everything below arrived over {_NODE}/actions")
    fov = settings.pipeline.pose.horizontal_fov_deg
    with Display(config.output, config.events, window_opens(config.headless), DRAWN_FPS, fov) as display:
        heard = Heard(display)
        try:
            with (
                Listener(_NODE, heard.on_actions, heard.on_people) as listener,
                node_process(settings, source) as node,
            ):
                started = time.monotonic()
                while node.poll() is None and not heard.closed:
                    listener.spin_once(0.1)
                    silent = not heard.ages_ms and time.monotonic() - started > _START_TIMEOUT_S
                    if silent or 0 < config.seconds < heard.covered_s:
                        break
        except KeyboardInterrupt:
            console.print("interrupted")
    if not heard.ages_ms:
        console.print("nothing arrived; run `csre doctor` to see what is missing")
        return 1
    console.print(f"{len(heard.ages_ms)} messages; median age at publication {statistics.median(heard.ages_ms):.1f} ms")
    return 0
