"""The overhead benchmark runs and says what it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_it_runs() -> None:
    command = [sys.executable, "-m", "benchmarks.csre_overhead", "--encoder=hcn", "--batch=2", "--steps=2"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["encoder"], report["batch"], report["bank"], report["steps"]) == ("hcn", 2, [5100, 256], 2)
    assert 0 < report["plain_ms"]["p5"] <= report["plain_ms"]["p50"] <= report["plain_ms"]["p95"]
