"""The node on the shipped recording, at its own speed and over DDS, says what `csre replay` says of it offline."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from std_msgs.msg import String

from csre_ros.recordings import SHIPPED

pytestmark = [pytest.mark.ros, pytest.mark.slow]
JSON_ROUNDING_S = 1e-5


def test_events_of_the_replay_are_those_of_the_node(run_node, graph):
    replay = [sys.executable, "-m", "csre_ros.app.main", "replay", "recording", "--events", "-"]
    done = subprocess.run(replay, capture_output=True, text=True, timeout=120, check=True)
    offline = [json.loads(line) for line in done.stdout.splitlines()]

    live = []
    graph.listen(
        String, "/action_node/actions", read=lambda message: live.extend(json.loads(message.data)["events"]), qos=100
    )
    node = run_node("-p", "input:=camera", "-p", f"source:={SHIPPED}", "-p", "exit_at_end:=true")
    graph.until(lambda: node.poll() is not None, 90.0)
    graph.spin(0.2)

    # What was said before the listener was found is not heard: some events of the first second or two.
    assert len(live) >= len(offline) - 6
    offline = offline[-len(live) :]
    shift = live[0]["stamp"] - offline[0]["stamp"]  # the node stamps a file with the time at which it plays
    for event in live:
        for key in {"stamp", "since", "until"} & event.keys():
            event[key] = pytest.approx(event[key] - shift, abs=JSON_ROUNDING_S)
        # Buffers of another alignment are added up in another order.
        event["score"] = pytest.approx(event["score"], abs=2e-4)
    assert offline == live
