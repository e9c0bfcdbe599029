"""The queue of runs, with real ones: what survives a kill, and what waits."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from models.experiments.recipe import recipe_of, write_recipe
from models.experiments.table import table
from models.experiments.work import run, work
from tests.models.small_suites import ROOT, entry, finish, write_suite

QUICK = [
    "--trainer.accelerator=cpu", "--trainer.max_epochs=3", "--data.steps=16", "--data.workers=0",
    "--data.batch_size=8", "--model.encoder_options.hidden=16", "--model.contrast.negatives=8",
]  # fmt: skip


def test_a_run_that_somebody_has_is_left_alone(tmp_path: Path, mini_root: Path) -> None:
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]))
    (one,) = suite.experiments()[0]
    suite.run_folder(one).mkdir(parents=True)
    with (suite.run_folder(one) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(suite, one, mini_root, QUICK) is None
    finish(suite, one, 0.5)
    assert run(suite, one, mini_root, []) is None  # made elsewhere
    assert sorted(path.name for path in suite.run_folder(one).iterdir()) == ["lock", "log.txt"]


def test_a_run_whose_queue_died_before_the_record_is_not_made_again(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]))
    (one,) = suite.experiments()[0]
    folder = suite.run_folder(one)
    folder.mkdir(parents=True)
    write_recipe(suite, one)
    (folder / "result.json").write_text(json.dumps({"seed": 0}))
    (folder / "history.json").write_text(json.dumps([{"epoch": 0}]))
    np.savez(folder / "scores_last.npz", classes=["a"])
    assert run(suite, one, tmp_path, []) == 0
    assert suite.result(one) == {"seed": 0}


def test_runs_of_other_encoders_wait(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]))
    finish(suite, suite.experiments()[0][0], 0.5)
    write_suite(tmp_path, entry(csre=[True], seed=[0], encoder=["hcn", "ctrgcn"]))
    folders = {"root": tmp_path, "runs": tmp_path / "runs", "results": tmp_path, "suites": tmp_path}
    table("mini", encoders=["hcn"], **folders)
    assert "1 of 2 runs" in (tmp_path / "mini.md").read_text()
    with pytest.raises(ValueError, match="no encoder nonesuch; choose from: hcn, agcn"):
        table("mini", encoders=["nonesuch"], **folders)


@pytest.mark.slow
def test_a_failed_run_does_not_stop_the_queue(tmp_path: Path, mini_root: Path) -> None:
    suite = write_suite(tmp_path, entry(csre=[False], seed=[0], **{"model.preprocess": ["wrong", "plain"]}))
    finished = []
    failed = work(suite, mini_root, QUICK, on_result=lambda: finished.append(1))
    assert failed == ["wrong_hcn_joint_s0"]
    assert finished == [1]
    assert not (suite.folder / failed[0] / "recipe.json").exists()  # nothing came of it: the next try is free
    assert "unknown preprocess 'wrong'" in (suite.folder / failed[0] / "log.txt").read_text()
    plain = suite.experiments()[0][1]
    assert suite.result(plain) is not None
    assert json.loads((suite.run_folder(plain) / "recipe.json").read_text()) == recipe_of(suite, plain, QUICK)
    with pytest.raises(ValueError, match=r"plain_hcn_joint_s0 holds another run: its options is \['--trainer"):
        work(suite, mini_root, [*QUICK, "--trainer.max_epochs=4"])


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_killed_queue_loses_the_current_epoch_only(
    tmp_path: Path, mini_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Kill queue and run the hard way in the middle; the same table goes on behind the last finished epoch."""
    options = [*QUICK, "--trainer.max_epochs=24"]
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]))
    (one,) = suite.experiments()[0]
    command = [
        sys.executable, "-m", "models", "table", "--suite=mini", f"--suites={tmp_path}", f"--runs={tmp_path / 'runs'}",
        f"--results={tmp_path / 'results'}", f"--root={mini_root}",
        *(f"--options+={option}" for option in options),
    ]  # fmt: skip
    history = suite.run_folder(one) / "history.json"
    queue = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (history.exists() and len(json.loads(history.read_text())) >= 3):
        assert queue.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(queue.pid, signal.SIGKILL)
    queue.wait()
    with (suite.run_folder(one) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the run is a process of its own: it dies when it dies
    before = json.loads(history.read_text())
    assert suite.result(one) is None
    assert len(before) < 24
    folders = {"root": mini_root, "runs": tmp_path / "runs", "results": tmp_path / "results", "suites": tmp_path}
    with caplog.at_level("INFO"):
        table("mini", options=options, **folders)
    after = json.loads(history.read_text())
    assert [row["epoch"] for row in after] == list(range(24))
    # The checkpoint is written behind the history, so at most the newest row was made again.
    kept = len(before) - 1
    assert after[:kept] == before[:kept]
    assert (suite.run_folder(one) / "log.txt").read_text().count("Restored all states from the checkpoint") == 1
    assert "1 of 1 runs" in (tmp_path / "results" / "mini.md").read_text()
    assert "hcn+csre_joint_s0 is done" in caplog.text
