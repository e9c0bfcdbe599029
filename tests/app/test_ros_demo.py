"""The demo over topics: the node is told everything, is heard in any layout, and never outlives the command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import Field
from typing import Any

import cv2
import numpy as np
import pytest

from csre_ros.app import main, ros_demo
from csre_ros.app.demo_settings import DemoSettings
from csre_ros.options import build, leaf_fields
from csre_ros.ros.free_domain import take_domain
from csre_ros.ros.settings import NodeConfig, NodeSettings, settings
from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.sources.recording_writer import RecordingWriter


def another(item: Field[Any]) -> Any:
    """A value that is allowed and not the default."""
    meta, default = item.metadata, item.default
    if meta["choices"]:
        return next(choice for choice in meta["choices"] if choice != default)
    if isinstance(default, str):
        return f"another {default}"
    if isinstance(default, bool):
        return not default
    low = default if meta["minimum"] is None else meta["minimum"]
    return low if low != default else default + 1


def test_every_setting_of_the_demo_reaches_the_node():
    values = {
        dotted: another(item)
        for dotted, item, _ in leaf_fields(DemoSettings)
        if not dotted.startswith("demo.") and item.metadata["choices"] != (item.default,)  # there is no other value
    }
    values["capture.fourcc"] = "YUYV"
    values["capture.realtime"] = False  # the node always plays at the speed of life
    wanted = build(DemoSettings, values)
    arguments = ros_demo.ros_arguments(wanted, "rec.mcap")
    assert set(arguments[::2]) == {"-p"}
    parameters = {name: json.loads(value) for name, value in (text.split(":=", 1) for text in arguments[1::2])}
    node = NodeConfig(source="rec.mcap", exit_at_end=True)
    assert settings(parameters) == NodeSettings(node, wanted.pipeline.recognizer, wanted.pipeline.pose, wanted.capture)
    assert len(parameters) == len(values) - 1 + 2


def test_a_node_that_does_not_end_is_killed(tmp_path, monkeypatch, capfd):
    deaf, ready = tmp_path / "deaf", tmp_path / "ready"
    deaf.write_text(f"#!/bin/sh\ntrap '' INT\ntouch {ready}\nexec sleep 60\n")
    deaf.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(deaf))
    monkeypatch.setattr(ros_demo, "_STOP_TIMEOUT_S", 0.2)
    with ros_demo.node_process(DemoSettings(), "rec.mcap") as process:
        while not ready.exists():
            time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL
    assert "was killed" in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.ros
def test_people_of_any_layout_are_heard_and_drawn_for_some_seconds(tmp_path):
    pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
    layout = get_layout("kinect20")
    positions = np.random.default_rng(0).normal((0, 0, 2.5), 0.3, (len(layout), 3)).astype(np.float32)
    body = Skeleton(layout, positions, np.ones(len(layout), np.float32))
    with RecordingWriter(tmp_path / "in.mcap", layout) as writer:
        for i in range(900):
            writer.write(Frame(round(i * 1e9 / 30), "camera", (body,)))
    command = [sys.executable, "-m", "csre_ros.app.main", "demo", "--ros", "--headless", "--seconds", "1"]
    command += ["--source", str(tmp_path / "in.mcap"), "--output", str(tmp_path / "out.mp4")]
    environment = {
        **os.environ,
        "ROS_DOMAIN_ID": str(take_domain()),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_LOG_DIR": str(tmp_path),
    }
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "runs on" in done.stderr
    messages = re.search(r"^(\d+) messages", done.stderr, re.MULTILINE)
    assert messages is not None
    assert int(messages[1]) <= 60  # of 900
    read, picture = cv2.VideoCapture(str(tmp_path / "out.mp4")).read()
    assert read
    assert picture.max() == 255


@pytest.mark.parametrize(("source", "words"), [("missing.mp4", "does not exist"), ("empty.mp4", "the file is empty")])
def test_a_source_that_does_not_open_is_told_at_once(tmp_path, monkeypatch, capsys, source, words):
    pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.mp4").touch()
    monkeypatch.setattr(ros_demo, "node_process", lambda *_: pytest.fail("the node was started"))
    assert main.main(["demo", "--ros", "--headless", "--source", source]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.ros
def test_a_node_that_is_to_end_with_its_source_ends_without_one(tmp_path):
    pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
    command = [sys.executable, "-m", "csre_ros.app.main", "node", "--ros-args", "-p", "exit_at_end:=true"]
    done = subprocess.run(
        [*command, "-p", "source:=missing.mp4"],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "ROS_LOG_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "'missing.mp4' does not exist" in done.stdout + done.stderr
