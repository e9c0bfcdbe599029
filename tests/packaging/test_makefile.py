"""The Makefile with Pythons other than the one that is usual here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def make(tmp_path):
    """Runs make in a folder of its own, with an interpreter that says that it is of a version."""
    for name in ("Makefile", "setup.py", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)

    def run(version, *arguments):
        pretend = f"import sys; sys.version_info = ({version}, 1, 'final', 0); exec(sys.argv[1])"
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\n[ "$1" = -c ] || exit 3\nexec {sys.executable} -c "{pretend}" "$2"\n')
        python.chmod(0o755)
        command = ["make", *arguments, "PYTHON=./python"]
        # Beneath another make this one would say which folder it enters.
        alone = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS")}
        return subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("version", ["2, 7", "3, 9"])
def test_an_older_python_is_refused_in_one_line(make, version):
    done = make(version, "demo")
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert said == [
        f"csre_ros needs Python 3.10 or newer, and ./python is {version.replace(', ', '.')}: "
        "name another by make PYTHON=python3.12"
    ]
    assert done.returncode != 0
    assert not done.stdout


def test_one_that_is_new_enough_makes_the_environment(make):
    """The stand-in makes none and fails, with 3."""
    done = make("3, 10", "demo")
    assert done.stdout.strip() == "./python -m venv .venv"
    assert "Error 3" in done.stderr


@pytest.mark.parametrize(("version", "pinned"), [("3, 10", 0), ("3, 11", 1), ("3, 12", 1), ("3, 13", 0)])
def test_versions_are_pinned_where_they_were_tried(make, tmp_path, version, pinned):
    done = make(version, "--dry-run", "--always-make", "demo")
    assert "-c \"import sys; print('--constraint constraints.txt'" in done.stdout
    code = (tmp_path / "Makefile").read_text().partition("PINNED := ")[2].splitlines()[0]
    said = subprocess.run([tmp_path / "python", "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.count("--constraint constraints.txt") == pinned


def test_the_quick_tests_run_on_the_python_that_is_named(make):
    done = make("3, 13", "--dry-run", "core")
    assert '--error-on-missing-interpreters --session "core-$(./python -c' in done.stdout
