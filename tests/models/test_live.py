"""The bundles that ship, by one command: its runs, what a restart leaves out, and its table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.experiments import live as module
from models.experiments.live import live, read_runs
from models.experiments.suite import ROOT, SUITES

SUITE = SUITES / "live.yaml"


def figures(detected: float) -> dict[str, Any]:
    stream = {
        "detection_rate": detected, "wrong_per_truth": 0.1, "wrong_per_truth_without": {"walk": 0.1}, "delay_s": None,
        "map_2d": 0.5,
    }  # fmt: skip
    clips = {"as they are": 0.9, "nearest class mean of embeddings": 0.8}
    return {
        "trained_at": "abc", "streams": {"utkinect": stream, "precog": stream}, "clips": clips,
        "desk": {"per_minute": 0.0},
    }  # fmt: skip


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Every step that was asked for; what `online` writes is written."""
    called: list[tuple[str, ...]] = []

    def call(*arguments: str) -> None:
        called.append(arguments)
        options = dict(argument.split("=", 1) for argument in arguments[1:])
        if arguments[0] == "fit":
            folder = Path(options["--trainer.logger.init_args.save_dir"]) / "live"
            (folder / options["--trainer.logger.init_args.version"]).mkdir(parents=True)
        if arguments[0] == "online":
            output = Path(options["--output"])
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(figures(0.6 if "csre" in output.stem else 0.5)))

    monkeypatch.setattr(module, "call", call)
    return called


def test_the_shipped_suite_names_files_that_are_there_and_pairs_that_differ_in_csre_alone() -> None:
    runs = {run.name: run for run in read_runs(SUITE)}
    assert list(runs)[:5] == ["chosen", "chosen_on", "default", "flat_chosen", "flat"]
    assert (runs["default"].settings_of, runs["default"].initial) == ("chosen_on", "chosen")
    chose, ships = dict(runs["chosen_on"].settings), dict(runs["default"].settings)
    assert ships.pop("data.init_args.hold_out") is False
    assert (ships, runs["chosen_on"].initial, runs["chosen_on"].beside) == (chose, "chosen", ("chosen",))
    assert (runs["flat"].settings_of, runs["flat"].initial) == ("flat_chosen", "flat_chosen")
    assert all((ROOT / path).is_file() for run in runs.values() for path in run.configs)
    plain, csre = dict(runs["plain_s1"].settings), dict(runs["csre_s1"].settings)
    assert (plain.pop("model.init_args.contrast.enabled"), csre.pop("model.init_args.contrast.enabled")) == (
        False,
        True,
    )
    assert plain == csre
    assert runs["plain_s1"].configs == runs["csre_s1"].configs


def test_a_run_is_trained_exported_and_measured_once(tmp_path: Path, steps: list[tuple[str, ...]]) -> None:
    folders = {"runs": tmp_path / "runs", "results": tmp_path / "results", "root": tmp_path}
    live(**folders, only=["plain_s0", "csre_s0"])
    assert [step[0] for step in steps] == 2 * ["fit", "export-stream", "online"]
    assert "--model.init_args.contrast.enabled=false" in steps[0]
    live(**folders, only=["plain_s0", "csre_s0"])
    assert len(steps) == 6
    (tmp_path / "results" / "runs" / "live" / "csre_s0.json").unlink()
    live(**folders, only=["csre_s0"])
    assert [step[0] for step in steps[6:]] == ["export-stream", "online"]
    table = (tmp_path / "results" / "live.md").read_text()
    assert "| plain_s0 | abc | 0.500 |" in table
    assert "| **CSRE minus plain**, 1 pairs | | +0.100 |" in table


def test_a_bundle_goes_on_with_the_network_that_chose(tmp_path: Path, steps: list[tuple[str, ...]]) -> None:
    live(root=tmp_path, runs=tmp_path / "runs", results=tmp_path / "results", only=["flat"])
    initial = tmp_path / "runs" / "live" / "flat_chosen" / "checkpoints" / "last.ckpt"
    assert f"--model.init_args.initial={initial}" in steps[0]
    assert "--name=stream-hcn-flat" in steps[1]


def test_a_bundle_takes_the_settings_that_held_out_subjects_chose(tmp_path: Path, steps: list[tuple[str, ...]]) -> None:
    runs = tmp_path / "runs" / "live"
    live(root=tmp_path, runs=tmp_path / "runs", results=tmp_path / "results", only=["chosen_on", "default"])
    assert f'--beside=["{runs / "chosen"}"]' in steps[1]
    assert not any("hold_out" in option for option in steps[0])
    assert "--data.init_args.hold_out=false" in steps[3]
    assert f"--settings_of={runs / 'chosen_on' / 'bundle.onnx'}" in steps[4]


def test_a_run_that_is_not_in_the_suite_is_refused(tmp_path: Path) -> None:
    choices = "chosen, chosen_on, default, flat_chosen, flat, plain_s0"
    with pytest.raises(ValueError, match=rf"there is no run nope; choose from: {choices}"):
        live(root=tmp_path, runs=tmp_path, results=tmp_path, only=["nope"])
