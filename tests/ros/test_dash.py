"""``csre dash --node`` beside a real node: what its page is told, by the node and by those who only use its name."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from contextlib import closing

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
import rclpy
from std_msgs.msg import String

from csre_ros.app.dash.board import Board
from csre_ros.app.dash.heard import Heard
from csre_ros.app.dash.painter import Painter
from csre_ros.app.main import main
from csre_ros.recordings import SHIPPED
from csre_ros.ros.qos import LATCHED

pytestmark = pytest.mark.ros
EVENT = {"stamp": 2.0, "person": 1, "action": "wave", "state": "started", "score": 0.9, "since": 1.0}
SILENT = {"stamp": 1.0, "age_ms": 1.0, "persons": [], "events": []}


def news(stream):
    """Kinds and records of the server-sent events of a stream; comments are skipped."""
    kind = ""
    while line := stream.readline().decode():
        name, _, value = line.rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


@pytest.mark.slow
def test_the_page_shows_what_a_node_says(run_node, tmp_path):
    command = [sys.executable, "-m", "csre_ros.app.main", "dash", "--node", "/action_node", "--port", "0"]
    with (tmp_path / "dash.log").open("w") as log:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=log, text=True)
    with process:
        try:
            while "is shown on" not in (line := process.stderr.readline()):
                assert line, "it ended"
            run_node("-p", f"source:={SHIPPED}", "-p", "loop:=true")
            with closing(http.client.HTTPConnection(line.split("/")[-2], timeout=60)) as connection:
                connection.request("GET", "/events")
                seen = {"about": {}, "action": {}, "moment": {}}
                told = news(connection.getresponse())
                while not (seen["about"].get("labels") and seen["action"] and seen["moment"].get("people")):
                    kind, record = next(told)
                    seen[kind] = record
            process.send_signal(signal.SIGTERM)
            _, rest = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert seen["about"]["title"] == "/action_node"
    assert seen["about"]["bundle"]
    assert {"wave", "squat"} <= set(seen["about"]["labels"])
    assert seen["action"]["action"] in seen["about"]["labels"]
    person = seen["moment"]["people"][0]
    assert len(person["points"]) == 33
    assert any(person["points"])


@pytest.fixture
def heard():
    """Who listens to a node that is not there, what a browser is told, and a function that speaks under its name."""
    board = Board()
    reader = board.reader()
    with Heard("/action_node", board, Painter(board, 60.0)) as listening:
        peer = rclpy.create_node("peer")  # in the context of the listener

        def say(topic, *texts, qos=10):
            publisher = peer.create_publisher(String, f"/action_node/{topic}", qos)
            while not publisher.get_subscription_count():
                listening.spin_once(0.05)
            for text in texts:
                publisher.publish(String(data=text))

        yield listening, reader, say
        peer.destroy_node()


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        '{"stamp": 1, "age_ms": NaN, "persons": [], "events": []}',
        '{"stamp": 1e999, "age_ms": 1, "persons": [], "events": []}',
        json.dumps(SILENT | {"persons": [{"id": 1, "action": 7, "best": None, "score": 1}]}),
        json.dumps(SILENT | {"persons": [{"id": 1, "action": None, "best": None, "score": None}]}),
        json.dumps(SILENT | {"events": [EVENT | {"state": "begun"}]}),
        json.dumps(SILENT | {"events": [EVENT | {"action": "\x1b[2J"}]}),
        json.dumps(SILENT | {"events": [EVENT | {"since": "now"}]}),
        json.dumps(SILENT | {"events": [EVENT | {"person": "<b>"}]}),
    ],
)  # fmt: skip
def test_what_is_no_record_is_left_out_and_the_next_is_shown(heard, capsys, text):
    listening, reader, say = heard
    say("actions", text, json.dumps({"stamp": 3.0, "age_ms": 5.0, "persons": [], "events": [EVENT]}))
    told = []
    while not told:
        listening.spin_once(0.1)
        fresh = reader.wait(0.01)
        told += fresh.events if fresh else ()
    assert told == [(1, EVENT)]
    assert listening.refused == 1
    assert capsys.readouterr().err.startswith("a message of /action_node is left out: ")


@pytest.mark.parametrize("record", [{"classes": 1}, {"classes": [{"action": ["x"], "background": False}]}])
def test_labels_that_are_none_are_left_out(heard, record):
    listening, reader, say = heard
    say("classes", json.dumps(record), qos=LATCHED)
    while not listening.refused:
        listening.spin_once(0.1)
    assert reader.wait(1).about == {"title": "/action_node", "bundle": "", "labels": []}


@pytest.mark.slow
def test_silence_is_said(heard, capsys):
    listening, reader, _ = heard
    warnings = ""
    while "nothing has come" not in warnings:
        listening.spin_once(0.1)
        fresh = reader.wait(0.01)
        warnings += ((fresh and fresh.moment) or {}).get("warning", "")
    assert "is it running and active, under this name and in this ROS domain?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bad name!", "/", "//", "/a/../b"])
def test_a_name_of_no_node_is_one_line(capsys, name):
    assert main(["dash", "--node", name, "--port", "0"]) == 2
    assert "is no full name of a node, such as /action_node" in capsys.readouterr().err
