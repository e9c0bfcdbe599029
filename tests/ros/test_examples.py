"""The controllers of `examples/`, each in a process of its own, fed over DDS and judged by what they publish."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
from geometry_msgs.msg import PoseStamped, Twist
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, Int32, String

from csre_ros.recordings import SHIPPED

pytestmark = pytest.mark.ros
EXAMPLES = Path(__file__).parents[2] / "examples"
LATCHED = QoSProfile(depth=10, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)


def command(name, **parameters):
    given = [part for key, value in parameters.items() for part in ("-p", f"{key}:={json.dumps(value)}")]
    return [sys.executable, str(EXAMPLES / f"{name}.py"), "--ros-args", *given]


@pytest.fixture
def run_example():
    """Starts an example; at the end of the test it must leave by SIGINT with status 0."""
    started = []

    def run(name, environment=(), **parameters):
        process = subprocess.Popen(
            command(name, **parameters), stderr=subprocess.PIPE, text=True, env={**os.environ, **dict(environment)}
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.send_signal(signal.SIGINT)
    for process in started:
        try:
            _, stderr = process.communicate(timeout=15)
        finally:
            process.kill()
        assert process.returncode == 0, stderr
        assert "Traceback" not in stderr


class Talker:
    """Publishes records as the action node does, of whoever is in view."""

    def __init__(self, graph):
        self.graph = graph
        self.publisher = graph.publisher(String, "/action_node/actions")

    def say(self, *persons, action=None, state="started", by=None, age_s=0.0, decision="idle"):
        """One record; with ``action``, the person ``by`` (the first in view if not given) does it."""
        stamp = time.time() - age_s
        by = persons[0] if by is None and persons else by
        record = {
            "schema": 1,
            "stamp": stamp,
            "frame_id": "camera",
            "age_ms": age_s * 1e3,
            "model": {"name": "test", "digest": "0"},
            "persons": [
                {"id": person, "action": action, "decision": "action"}
                if action and person == by
                else {"id": person, "action": None, "decision": decision}
                for person in persons
            ],
            "events": [{"stamp": stamp, "person": by, "action": action, "state": state, "score": 0.9}]
            if action
            else [],
        }
        self.publisher.publish(String(data=json.dumps(record)))
        self.graph.spin(0.05)

    def stay(self, seconds, *persons):
        """Nobody does anything for a while."""
        for _ in range(round(seconds / 0.05)):
            self.say(*persons)


@pytest.mark.slow
def test_the_robot_stops_while_the_person_of_the_shipped_recording_waves(run_example, run_node, graph):
    velocities = graph.listen(Twist, "/cmd_vel")
    stops = graph.listen(Bool, "/stopped", LATCHED, read=lambda message: message.data)
    run_example("stop_on_wave")
    graph.until(lambda: stops == [False])
    run_node("-p", f"source:={SHIPPED}", "-p", "exit_at_end:=true")
    # One arm and two arms with 0.8 s between them are one stop; the squats that follow are none.
    graph.until(lambda: stops == [False, True, False], 60.0)
    assert len(velocities) >= 40  # at 10 Hz; a wave is told in parts
    assert all(twist == Twist() for twist in velocities)


def test_only_the_gestures_stop_the_robot_and_only_while_they_are_fresh(run_example, graph):
    stops = graph.listen(Bool, "/stopped", LATCHED, read=lambda message: message.data)
    run_example("stop_on_wave", gestures=["wave", "arms_crossed"], hold_s=0.6, max_age_ms=500.0)
    talker = Talker(graph)
    graph.until(lambda: stops == [False])
    talker.say(1, action="clap")
    talker.say(1, action="wave", age_s=1.0)
    talker.stay(0.2, 1)
    assert stops == [False]
    talker.say(1, 2, action="arms_crossed", by=2)
    graph.until(lambda: stops == [False, True, False])


@pytest.fixture
def follow(run_example, graph):
    """A running `follow_on_clap`, and the ids that it has published."""
    ids = graph.listen(Int32, "/follow", LATCHED, read=lambda message: message.data)
    run_example("follow_on_clap", refractory_s=0.5, silence_s=1.0)
    talker = Talker(graph)
    graph.until(lambda: ids == [0])
    return talker, ids


@pytest.mark.slow
def test_a_clap_starts_to_follow_and_another_one_of_the_same_person_ends_it(follow):
    talker, ids = follow
    talker.say(3, 4, action="clap", by=4)
    talker.graph.until(lambda: ids == [0, 4])
    talker.stay(0.6, 3, 4)
    talker.say(3, 4, action="clap", by=3)  # somebody else
    talker.say(3, 4, action="wave", by=4)
    talker.stay(0.2, 3, 4)
    assert ids == [0, 4]
    talker.say(3, 4, action="clap", by=4)
    talker.graph.until(lambda: ids == [0, 4, 0])


def test_who_does_something_unknown_is_asked_once_each_time_and_not_followed(follow):
    talker, ids = follow
    asked = talker.graph.listen(Int32, "/asked", read=lambda message: message.data)

    def puzzle(*heard):
        def told():
            talker.say(3, decision="unknown")
            return asked == list(heard)

        talker.graph.until(told)

    puzzle(3)
    for _ in range(10):
        talker.say(3, decision="unknown")
    assert asked == [3]
    talker.say(3)
    puzzle(3, 3)
    assert ids == [0]


def test_one_applause_toggles_once(follow):
    talker, ids = follow
    talker.say(3, action="clap")
    talker.say(3, action="clap", state="ongoing")
    talker.say(3, action="clap", state="ended")
    talker.say(3, action="clap")  # the same applause, heard as two
    talker.stay(0.2, 3)
    assert ids == [0, 3]


def test_a_clap_of_long_ago_is_not_obeyed(follow):
    talker, ids = follow
    talker.say(3, action="clap", age_s=5.0)
    talker.stay(0.3, 3)
    assert ids == [0]


def test_whoever_leaves_is_not_followed_any_more(follow):
    talker, ids = follow
    talker.say(3, 4, action="clap")
    talker.graph.until(lambda: ids == [0, 3])
    talker.say(4)
    talker.graph.until(lambda: ids == [0, 3, 0])


@pytest.mark.slow
def test_nobody_is_followed_when_the_action_node_falls_silent(follow):
    talker, ids = follow
    talker.say(3, action="clap")
    talker.graph.until(lambda: ids == [0, 3])
    talker.graph.until(lambda: ids == [0, 3, 0], 5.0)


@pytest.mark.slow
def test_a_goal_is_paused_and_resumed_by_gestures(run_example, graph):
    states = graph.listen(String, "/navigation_state", LATCHED, read=lambda message: message.data)
    run_example("nav2_states", backend="rehearsal", drive_s=1.5)
    talker, goal = Talker(graph), graph.publisher(PoseStamped, "/goal")
    talker.say(1, action="clap")  # without a goal there is nothing to resume
    graph.until(lambda: states == ["idle"])
    goal.publish(goal_at(1.0))
    graph.until(lambda: states == ["idle", "driving"])
    talker.say(1, action="wave", age_s=3.0)
    talker.say(1, action="wave", state="ongoing")
    talker.say(1, action="wave_two_hands")
    graph.until(lambda: states[2:] == ["paused"])
    talker.stay(1.6, 1)  # as long as the drive would have taken
    talker.say(1, action="clap")
    graph.until(lambda: states[2:] == ["paused", "driving", "idle"])


COMMANDER = '''
"""Stands in for nav2_simple_commander: writes down what it is told."""
import sys

class BasicNavigator:
    def _note(self, text):
        print(text, file=sys.stderr, flush=True)

    def goToPose(self, pose):
        self._note(f"goToPose x={pose.pose.position.x}")

    def cancelTask(self):
        self._note("cancelTask")

    def isTaskComplete(self):
        return False
'''


def goal_at(x):
    goal = PoseStamped()
    goal.pose.position.x = x
    return goal


def test_nav2_is_told_to_go_to_cancel_and_to_go_to_the_newest_goal(run_example, graph, tmp_path):
    package = tmp_path / "nav2_simple_commander"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "robot_navigator.py").write_text(COMMANDER)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    states = graph.listen(String, "/navigation_state", LATCHED, read=lambda message: message.data)
    process = run_example("nav2_states", {"PYTHONPATH": path})
    talker, goal = Talker(graph), graph.publisher(PoseStamped, "/goal")
    goal.publish(goal_at(1.0))
    graph.until(lambda: states == ["idle", "driving"])
    talker.say(1, action="wave")
    graph.until(lambda: states == ["idle", "driving", "paused"])
    goal.publish(goal_at(2.0))  # waits
    talker.stay(0.3, 1)
    talker.say(1, action="clap")
    graph.until(lambda: states == ["idle", "driving", "paused", "driving"])
    process.send_signal(signal.SIGINT)
    told = [line for line in process.communicate(timeout=15)[1].splitlines() if not line.startswith("[")]
    assert told == ["goToPose x=1.0", "cancelTask", "goToPose x=2.0"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "nav2_simple_commander is not installed: apt install ros-$ROS_DISTRO-nav2-simple-commander"),
        ({"backend": "moveit"}, "backend is 'moveit'; choose one of: nav2, rehearsal"),
    ],
)
def test_without_nav2_it_says_what_to_do(parameters, words):
    done = subprocess.run(command("nav2_states", **parameters), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
