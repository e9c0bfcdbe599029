"""Extras and markers resolve by themselves to what a machine can run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


@lru_cache
def extras() -> dict[str, list[str]]:
    """The extras as the setup script says them."""
    code = (
        "import json, setuptools; setuptools.setup = lambda **k: print(json.dumps(k['extras_require'])); import setup"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, env=environment)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def required(machine: str, python: str, extra: str) -> list[str]:
    """What an extra asks for on a machine."""
    environment = default_environment() | {"platform_machine": machine, "python_version": python}
    asked = map(Requirement, extras()[extra])
    return [f"{one.name}{one.specifier}" for one in asked if one.marker is None or one.marker.evaluate(environment)]


@pytest.mark.parametrize(
    ("machine", "python", "wanted"),
    [
        ("x86_64", "3.10", "mediapipe==0.10.21"),
        ("x86_64", "3.12", "mediapipe==0.10.21"),
        ("x86_64", "3.13", "mediapipe>=1.2"),
        ("x86_64", "3.14", "mediapipe>=1.2"),
        ("aarch64", "3.10", "mediapipe>=1.2"),
        ("aarch64", "3.14", "mediapipe>=1.2"),
    ],
)
def test_one_mediapipe_fits_every_machine(machine, python, wanted):
    assert required(machine, python, "mediapipe") == [wanted]


def test_ros_comes_from_wheels_on_one_machine_only():
    assert any(one.startswith("ros-rclpy") for one in required("x86_64", "3.12", "ros"))
    assert required("aarch64", "3.12", "ros") == []


@pytest.mark.slow
@pytest.mark.skipif("CSRE_NETWORK" not in os.environ, reason="asks the package index; CSRE_NETWORK=1 runs it")
@pytest.mark.parametrize("machine_python", ["aarch64 3.10", "aarch64 3.12", "aarch64 3.14", "x86_64 3.14"])
def test_wheels_are_found_for_machines_that_are_not_here(machine_python, tmp_path):
    machine, python = machine_python.split()
    packages = [*required(machine, python, "mediapipe"), *required(machine, python, "cpu")]
    packages += ["numpy>=1.24", "rosbags>=0.10", "mcap>=1.5", "jsonargparse>=4.30", "rich>=13"]
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in ("2_17", "2_27", "2_28", "2_34")]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--target", str(tmp_path), "--only-binary=:all:"]
    done = subprocess.run(
        [*command, *platforms, f"--platform=manylinux2014_{machine}", "--python-version", python, *packages],
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"mediapipe-\d", done.stdout)
