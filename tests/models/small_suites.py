"""Suites of a few runs, and the records that such runs leave."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from models.experiments.recipe import recipe_of
from models.experiments.records import FAMILY, Answers
from models.experiments.suite import Experiment, Suite, read_suite

ROOT = Path(__file__).parents[2]


STREAMS = ("joint", "bone", "joint_motion", "bone_motion")


def write_suite(folder: Path, *entries: dict[str, Any], **content: Any) -> Suite:
    suite = {"title": "A suite", "configs": "models/configs/utd", "experiments": list(entries)} | content
    (folder / "mini.yaml").write_text(yaml.safe_dump(suite))
    return read_suite("mini", folder / "runs", folder, folder)


def entry(**changes: Any) -> dict[str, Any]:
    return {"encoder": ["hcn"], "csre": [False, True], "stream": ["joint"], "seed": [0, 1]} | changes


def finish(suite: Suite, experiment: Experiment, last: float, right: Sequence[bool] = (), **changes: Any) -> None:
    """Leave the record of a run with a test accuracy after its last epoch, and with answers if they are given."""
    figures = {
        name: {"epoch": 9, "val/top1": last - 0.1, "test/top1": last + more, "test/top1 own": last + more - 0.02}
        for name, more in (("last epoch", 0), ("best validation epoch", 0.01), ("best test epoch", 0.05))
    }
    result = {
        "encoder": experiment.encoder, "csre": experiment.csre, "stream": experiment.stream, "seed": experiment.seed,
        "data": "utd_mhad", "held_out": True, "epochs": 9, "figures": figures, "parameters": 1_230_000,
        "seconds_per_epoch": 12.0 if experiment.csre else 10.0, "precision": "32-true", "hardware": "a GPU",
        "commit": "abc",
    } | changes  # fmt: skip
    record = {
        "family": FAMILY, "recipe": recipe_of(suite, experiment), "result": result,
        "curve": {"epoch": [0, 1], "val/top1": [0.1, 0.2]},
    }  # fmt: skip
    if len(right):
        own = np.arange(len(right)) < len(right) // 2
        answers = Answers(("a", "b"), np.zeros(len(right), np.int64), 1 - np.array(right, np.int64), {"own": own})
        record["test"] = answers.pack()
    path = suite.record_path(experiment)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
