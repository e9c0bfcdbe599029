"""Domains for tests: none that another test, or any other node on the machine, is in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from csre_ros.ros.free_domain import take_domain

TAKE = "from csre_ros.ros.free_domain import take_domain; print(take_domain([{}]), flush=True); input()"
NODE = """
import os, sys
os.environ["ROS_DOMAIN_ID"], os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = sys.argv[1], "LOCALHOST"
import rclpy
rclpy.init()
node = rclpy.create_node("somebody_else")
print("up", flush=True)
input()
"""


def start(code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=20)


def test_two_processes_never_take_the_same_one() -> None:
    mine = take_domain()
    other = start(TAKE.format(99))
    try:
        with pytest.raises(RuntimeError, match="every ROS domain that was tried is in use"):
            take_domain([mine, 99])
    finally:
        end(other)
    assert take_domain([mine, 99]) == 99  # free again


@pytest.mark.ros
def test_a_domain_in_which_somebody_else_is_is_left_alone(tmp_path: Path) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
    other = start(NODE, "98", ROS_LOG_DIR=str(tmp_path))
    try:
        with pytest.raises(RuntimeError, match="is in use"):
            take_domain([98])
    finally:
        end(other)


def test_this_run_has_one() -> None:
    assert int(os.environ["ROS_DOMAIN_ID"]) in range(1, 101)
