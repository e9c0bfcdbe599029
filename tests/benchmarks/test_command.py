"""``python -m benchmarks``: figures are those of the values, and another commit runs its own code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import against, gpu, step
from benchmarks.__main__ import BENCHMARKS, measure, report
from benchmarks.report import ROOT, Row, commit, timed
from csre_ros.recognition import Bundle
from csre_ros.recognition.bundle_info import split_metadata


def call(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_figures_are_percentiles_of_the_values() -> None:
    found = Row("a", [float(value) for value in range(101)], "us").figures()
    assert found == {"unit": "us", "count": 101, "p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_calls_that_warm_up_do_not_count() -> None:
    calls: list[int] = []
    assert len(timed(lambda: calls.append(1), repeats=4, warm_up=2)) == 4
    assert len(calls) == 6


def test_everything_is_listed_and_there() -> None:
    done = call()
    assert done.returncode == 0
    for name in BENCHMARKS:
        assert f"  {name} " in done.stdout
        assert (ROOT / "benchmarks" / f"{name}.py").is_file()


@pytest.mark.slow
def test_the_report_says_what_where_and_of_which_commit() -> None:
    done = call("encode", "--short", "--bundles", "[default]", "--people", "[1,2]")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["benchmark"], report["commit"]) == ("encode", commit())
    assert "onnxruntime" in report["versions"]
    assert list(report["rows"]) == ["default, 1", "default, 2"]
    assert report["rows"]["default, 1"]["count"] == 30
    assert 0 < report["rows"]["default, 1"]["p50"] <= report["rows"]["default, 1"]["p95"]
    assert "default, 2" in done.stderr


@pytest.mark.slow
def test_own_code_is_timed_without_the_network() -> None:
    one, many = measure("crowd", ["--people", "[1,6]", "--seconds", "0.5"], short=True)
    assert (one.what, many.what) == ("own code, 1", "own code, 6")
    assert len(one.values) == len(many.values) >= 6
    assert min(one.values) > 0


@pytest.mark.slow
def test_steps_over_a_window_end_in_the_answer_of_the_window() -> None:
    one, whole = step.answers(step.network_of("hcn"), 5)  # compares the last answers
    assert one().shape == whole().shape == (1, 30)
    assert not np.allclose(one(), whole()), "this is one step more"


def test_without_a_gpu_the_reason_is_said() -> None:
    done = call("gpu")
    if done.returncode == 0:
        pytest.skip("there is a GPU")
    assert "gpu is left out: ONNX Runtime here has" in done.stderr
    assert "Traceback" not in done.stderr


def test_bound_memory_gives_what_copied_memory_gives_where_there_is_no_gpu_too() -> None:
    bundle = Bundle.load("default", "cpu")
    graph, _ = split_metadata(bundle.path.read_bytes())
    rows = list(gpu.rows_of("default, 3", graph, gpu.feeds_of(bundle, 3), "cpu", 2))  # compares the outputs
    assert [row.what for row in rows] == ["default, 3, copied", "default, 3, bound"]
    with pytest.raises(RuntimeError, match="differs from that of the CPU"):
        gpu.check("default, 3", [np.zeros(3)], [np.ones(3)])


def test_another_commit_runs_its_own_code_with_these_benchmarks(tmp_path: Path) -> None:
    with against.checkout("HEAD") as folder:
        where = "import csre_ros, benchmarks; print(csre_ros.__file__, benchmarks.__file__)"
        found = subprocess.run([sys.executable, "-c", where], cwd=folder, capture_output=True, text=True, check=True)
        assert [Path(path).parent.parent for path in found.stdout.split()] == [folder, folder]
    assert not folder.exists()
    with pytest.raises(SystemExit, match=r"--against nonesuch: .*nonesuch"), against.checkout("nonesuch"):
        pass


def test_a_row_that_the_other_commit_lacks_has_no_median() -> None:
    first, second = ({"a": Row("a", [value]).figures()} for value in (1.0, 3.0))
    assert against._merged([first | {"b": first["a"]}, second]) == {
        "a": first["a"] | {"p50": 2.0, "p95": 2.0, "p99": 2.0}
    }


def test_figures_of_two_commits_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = ({"a": Row("a", [value]).figures()} for value in (1.0, 4.0))
    monkeypatch.setattr("benchmarks.__main__.compare", lambda *_: (ours, theirs))
    found = report("step", [], short=True, against="HEAD~5")
    assert (found["against"], found["rows"], found["rows_against"]) == ("HEAD~5", ours, theirs)
    assert found["ratios"] == {"a": 0.25}
