"""The queue of a suite: every process that works on it takes the next run that nobody has and that is not done.

A run is a process of its own, ``python -m models fit ...``, and holds a lock for as long as it lives, whoever started
it. Kill anything at any time: the next start goes on from the last finished epoch. For several GPUs start one queue on
each.
"""

from __future__ import annotations

import fcntl
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from models.experiments.recipe import RECIPE, check_recipes, holds_run, write_recipe
from models.experiments.records import write_record
from models.experiments.suite import ROOT, Experiment, Suite

logger = logging.getLogger(__name__)
_POLL_S = 20.0


def work(
    suite: Suite,
    root: Path,
    options: Sequence[str] = (),
    on_result: Callable[[], None] = lambda: None,
    encoders: Collection[str] | None = None,
) -> list[str]:
    """Run what is left of a suite, until everything is done or has failed, here or elsewhere.

    Args:
        suite: The suite.
        root: Data folder.
        options: Further arguments of ``fit`` for every run.
        on_result: Called after every finished run.
        encoders: Leave the runs of all others for later.

    Returns:
        Names of the runs that failed here.

    Raises:
        ValueError: The folder of a run holds another one, see :func:`models.experiments.recipe.check_recipes`.
    """
    failed: list[str] = []
    durations: list[float] = []
    while True:
        known, waiting = suite.experiments()
        check_recipes(suite, known, options)
        left = [
            one
            for one in known
            if suite.result(one) is None and one.name not in failed and (encoders is None or one.encoder in encoders)
        ]
        if not left:
            if waiting and failed:
                logger.warning("%d entries wait for runs that failed", waiting)
            return failed
        for experiment in left:
            started = time.monotonic()
            code = run(suite, experiment, root, options)
            if code is None:
                continue
            durations.append(time.monotonic() - started)
            log = suite.run_folder(experiment) / "log.txt"
            if code:
                failed.append(experiment.name)
                logger.error("%s failed with exit code %d; see %s", experiment.name, code, log)
            else:
                mean, rest = sum(durations) / len(durations), len(left) - 1
                logger.info("%s is done; %d left, about %.0f min", experiment.name, rest, mean * rest / 60)
                on_result()
            break
        else:
            time.sleep(_POLL_S)  # others have all of them


def run(suite: Suite, experiment: Experiment, root: Path, options: Sequence[str]) -> int | None:
    """Make one run, or go on with it, and write its record.

    Returns:
        Its exit code; None where another process has it, or has just finished it.

    Raises:
        ValueError: Its folder holds another run.
    """
    folder = suite.run_folder(experiment)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock, (folder / "log.txt").open("ab") as log:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        check_recipes(suite, [experiment], options)
        if suite.result(experiment) is not None:
            return None
        write_recipe(suite, experiment, options)
        if (folder / "result.json").is_file():  # Its queue died before it could write the record.
            write_record(folder, suite.record_path(experiment))
            return 0
        command = [sys.executable, "-m", "models", *suite.arguments(experiment, root), *options]
        # The run inherits the lock and keeps it should this process be killed.
        done = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, pass_fds=[lock.fileno()], check=False
        )
        if done.returncode and not holds_run(folder):
            (folder / RECIPE).unlink()  # Nothing came of it: the next try may be another run.
        if done.returncode == 0:
            if not (folder / "result.json").is_file():
                raise RuntimeError(f"{experiment.name} ended without a result; see {folder / 'log.txt'}")
            write_record(folder, suite.record_path(experiment))
    return done.returncode
