"""Suites: which runs there are, who makes them, what survives a kill, and what the tables say."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from models.experiments.ensemble import ensemble
from models.experiments.fusion import fitted_weights, fixed_weights
from models.experiments.paired import paired_difference
from models.experiments.recipe import check_recipes, recipe_of, write_recipe
from models.experiments.records import FAMILY, Answers, answers_of, write_record
from models.experiments.suite import SUITES, Experiment, Suite, read_suite
from models.experiments.table import spread, table, write_table
from models.experiments.work import run, work

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


# --- suite files ---


@pytest.mark.parametrize("name", sorted(path.stem for path in SUITES.glob("*.yaml") if path.stem != "live"))
def test_shipped_suites(name: str, tmp_path: Path) -> None:
    """Every run is named once, and the configurations of every encoder are there."""
    suite = read_suite(name, tmp_path)
    known, _ = suite.experiments()
    assert len({one.name for one in known}) == len(known) > 0
    for one in known:
        arguments = suite.arguments(one, tmp_path)
        configs = [Path(argument.partition("=")[2]) for argument in arguments if argument.startswith("--config=")]
        assert [path.is_file() for path in configs] == [True, True]
        pairs = {pair.seed for pair in known if pair.csre != one.csre and pair.encoder == one.encoder}
        assert one.seed in pairs or name == "window"  # what ships is no comparison


def test_pairs_differ_in_csre_alone(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(seed=[3]))
    plain, csre = (suite.arguments(one, tmp_path) for one in suite.experiments()[0])
    differing = [(a, b) for a, b in zip(plain, csre, strict=True) if a != b]
    assert differing == [
        ("--model.contrast.enabled=false", "--model.contrast.enabled=true"),
        ("--trainer.logger.version=hcn_joint_s3", "--trainer.logger.version=hcn+csre_joint_s3"),
    ]
    assert {"--seed_everything=3", "--data.seed=3"} <= set(plain)


def test_further_axes_and_settings(tmp_path: Path) -> None:
    axes = entry(seed=[0], csre=[True], **{"data.subset": ["as1", "as2"]})
    suite = write_suite(tmp_path, axes, settings={"data.hold_out": False})
    known, _ = suite.experiments()
    assert [one.name for one in known] == ["as1_hcn+csre_joint_s0", "as2_hcn+csre_joint_s0"]
    assert {"--data.subset=as2", "--data.hold_out=false"} <= set(suite.arguments(known[1], tmp_path))


def test_settings_of_an_entry_hold_for_its_runs_alone(tmp_path: Path) -> None:
    short = {"trainer.max_epochs": 2, "model.optimisation.decay": None}
    one, other = entry(seed=[0], csre=[True], settings=short), entry(seed=[0], csre=[True], encoder=["ctrgcn"])
    suite = write_suite(tmp_path, one, other, settings={"trainer.max_epochs": 9})
    known, _ = suite.experiments()
    assert [one.name for one in known] == ["hcn+csre_joint_s0", "ctrgcn+csre_joint_s0"]
    first, second = (suite.arguments(one, tmp_path) for one in known)
    assert {"--trainer.max_epochs=2", "--model.optimisation.decay=null"} <= set(first)
    assert "--trainer.max_epochs=9" in second


def test_two_runs_of_one_name_are_refused(tmp_path: Path) -> None:
    """The name of a folder leaves the settings out; what is listed twice and is the same is one run."""
    long, short = entry(csre=[True], seed=[0]), entry(csre=[True], settings={"trainer.max_epochs": 2})
    assert len(write_suite(tmp_path, long, entry(csre=[True])).experiments()[0]) == 2
    with pytest.raises(ValueError, match=r"'mini' has two runs hcn\+csre_joint_s0, with {} and with {'trainer.max_epo"):
        write_suite(tmp_path, long, short).experiments()
    values = [entry(csre=[True], seed=[0], **{key: [2]}) for key in ("data.repeats", "data.leave_out")]
    with pytest.raises(ValueError, match=r"'mini' has two runs 2_hcn\+csre_joint_s0, with {'data.repeats': '2'} and"):
        write_suite(tmp_path, *values).experiments()


def test_the_best_encoders_are_chosen_on_the_validation_part(tmp_path: Path) -> None:
    """By the mean over their runs; the test part says otherwise."""
    suite = write_suite(
        tmp_path, entry(encoder=["hcn", "agcn", "ctrgcn"]), entry(encoder="best 2", stream=["bone"], seed=[0])
    )
    known, waiting = suite.experiments()
    assert (len(known), waiting) == (12, 1)
    for one in known[:-1]:
        finish(suite, one, {"hcn": 0.9, "agcn": 0.7, "ctrgcn": 0.8}[one.encoder])
    assert suite.experiments() == (known, 1)
    finish(suite, known[-1], 0.8)
    everything, waiting = suite.experiments()
    assert waiting == 0
    assert [one.encoder for one in everything[12:]] == ["hcn", "hcn", "ctrgcn", "ctrgcn"]
    assert {one.stream for one in everything[12:]} == {"bone"}


def test_without_a_validation_part_there_is_no_best(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]), entry(encoder="best 1", stream=["bone"]))
    finish(suite, suite.experiments()[0][0], 0.9, held_out=False)
    with pytest.raises(ValueError, match="suite 'mini' asks for 'best 1', but its runs hold out no validation part"):
        suite.experiments()


def test_wrong_suites_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no suite .*nothing.yaml; choose one of: .*ucla"):
        read_suite("nothing", tmp_path)
    with pytest.raises(ValueError, match=r"mini.yaml: the entry .* lacks \['seed'\]"):
        write_suite(tmp_path, {"encoder": ["hcn"], "csre": [True], "stream": ["joint"]})
    with pytest.raises(ValueError, match="encoder is 'hcn'; give a list, or 'best N'"):
        write_suite(tmp_path, entry(encoder="hcn"))
    (tmp_path / "empty.yaml").write_text("title: x\n")
    with pytest.raises(ValueError, match=r"empty.yaml lacks \['configs', 'experiments'\]"):
        read_suite("empty", tmp_path, tmp_path)


# --- recipes ---


def test_a_recipe_is_what_makes_the_run(tmp_path: Path) -> None:
    """Values by dotted name, and no folder: a run that moves, or goes on, is the same."""
    suite = write_suite(tmp_path, entry(csre=[True], seed=[3]), settings={"data.hold_out": False})
    (one,) = suite.experiments()[0]
    recipe = recipe_of(suite, one, ["--trainer.max_epochs=2"])
    assert recipe["hcn.yaml: trainer.max_epochs"] == 80
    assert recipe["base.yaml: model.contrast.positives"] == 12
    assert (recipe["data.seed"], recipe["data.hold_out"]) == ("3", "false")
    assert recipe["options"] == ["--trainer.max_epochs=2"]
    assert recipe["family"] == FAMILY
    checkpoints = suite.run_folder(one) / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "last.ckpt").touch()
    assert recipe_of(read_suite("mini", tmp_path, tmp_path), one, ["--trainer.max_epochs=2"]) == recipe
    assert not {"data.root", "ckpt_path"} & set(recipe)
    assert str(tmp_path) not in json.dumps(recipe)


@pytest.mark.parametrize(
    ("options", "changes", "difference"),
    [
        (["--trainer.max_epochs=2"], {}, r"its options is \['--trainer.max_epochs=2'\], not \[\]"),
        ([], {"settings": {"data.repeats": 2}}, "its data.repeats is '2', not 'unset'"),
        ([], {"configs": "models/configs/msr"}, "its base.yaml: data.init_args.name is 'msr_action3d', not 'utd_mhad'"),
    ],
)
def test_a_folder_with_another_run_is_refused(
    options: list[str], changes: dict[str, Any], difference: str, tmp_path: Path
) -> None:
    """Before anything runs, and before a table shows it."""
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]), **changes)
    (one,) = suite.experiments()[0]
    suite.run_folder(one).mkdir(parents=True)
    write_recipe(suite, one, options)
    check_recipes(suite, [one], options)
    suite = write_suite(tmp_path, entry(csre=[True], seed=[1, 0]))
    folders = {"root": tmp_path, "runs": tmp_path / "runs", "results": tmp_path, "suites": tmp_path}
    message = rf"{suite.run_folder(one)} holds another run: .*{difference}.*\nGive another --runs .* folder, or remove"
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        table("mini", **folders)
    assert not (tmp_path / "mini.md").exists()
    assert [path.name for path in suite.folder.iterdir()] == [one.name]


def test_a_record_of_another_run_is_refused(tmp_path: Path) -> None:
    """A trial with other options must not be taken for the run, nor write over it."""
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]))
    (one,) = suite.experiments()[0]
    finish(suite, one, 0.5)
    check_recipes(suite, [one], [])
    with pytest.raises(ValueError, match=r"s0.json holds another run: its options is \[\], not \['--data.steps=8'\]"):
        run(suite, one, tmp_path, ["--data.steps=8"])


def test_a_record_of_another_family_is_not_the_run(tmp_path: Path) -> None:
    """It is no result, the table says that it was left out, and a new run replaces it."""
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0, 1]))
    for one in suite.experiments()[0]:
        finish(suite, one, 0.5)
    path = suite.record_path(one)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"family": FAMILY - 1, "recipe": {"family": FAMILY - 1}}))
    assert suite.result(one) is None
    assert suite.outdated() == [one.name]
    check_recipes(suite, [one], [])
    write_table(suite, tmp_path)
    text = (tmp_path / "mini.md").read_text()
    assert "1 of 2 runs" in text
    assert "Left out, since they were made before the numbers changed: hcn+csre_joint_s1." in text


@pytest.mark.parametrize("made", ["result.json", "checkpoints/best.ckpt"])
def test_a_run_without_a_recipe_is_refused(made: str, tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(csre=[False], seed=[0]))
    (one,) = suite.experiments()[0]
    path = suite.run_folder(one) / made
    path.parent.mkdir(parents=True)
    check_recipes(suite, [one], [])
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"hcn_joint_s0 holds a run, and no recipe.json says what it is made of\nGive"):
        work(suite, tmp_path)
    write_recipe(suite, one)
    check_recipes(suite, [one], [])


# --- tables ---


def test_table(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(seed=[0, 1, 2]))
    scores = {(False, 0): 0.90, (False, 1): 0.92, (True, 0): 0.93, (True, 1): 0.93, (True, 2): 0.99}
    for one in suite.experiments()[0]:
        if (one.csre, one.seed) in scores:
            finish(suite, one, scores[one.csre, one.seed])
    write_table(suite, tmp_path)
    text = (tmp_path / "mini.md").read_text()
    # The third seed has no partner: it counts in the mean and not in the difference.
    assert (
        "| hcn | joint | 3 | 91.00 ± 1.41 / 89.00 ± 1.41 | 95.00 ± 3.46 / 93.00 ± 3.46 | "
        "+2.00 ± 1.41 / +2.00 ± 1.41 | 1.23 M | 9 | 10.0 / 12.0 |"
    ) in text
    assert "5 of 6 runs. Hardware: a GPU, 32-true. Commit: abc. Validation part held out of training: yes." in text
    assert "seeds: all test clips / own. " in text
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Last epoch", "## Best validation epoch", "## Best test epoch"]
    assert "96.00 ± 1.41 / 94.00 ± 1.41" in text.split("## Best test epoch")[1]


def test_variants_have_a_mean(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(seed=[0, 1], **{"data.subset": ["as1", "as2"]}))
    for one in suite.experiments()[0]:
        finish(suite, one, 0.8 + 0.1 * (one.variant == ("as2",)) + 0.04 * one.csre + 0.02 * one.seed)
    write_table(suite, tmp_path)
    rows = (tmp_path / "mini.md").read_text().split("## Best")[0].splitlines()
    assert [row.split(" | ")[:1] + row.split(" | ")[3:5] for row in rows if " hcn" in row] == [
        ["| as1 hcn", "81.00 ± 1.41 / 79.00 ± 1.41", "85.00 ± 1.41 / 83.00 ± 1.41"],
        ["| as2 hcn", "91.00 ± 1.41 / 89.00 ± 1.41", "95.00 ± 1.41 / 93.00 ± 1.41"],
        ["| mean of 2 hcn", "86.00 ± 1.41 / 84.00 ± 1.41", "90.00 ± 1.41 / 88.00 ± 1.41"],
    ]


def test_pairs_have_as_many_epochs(tmp_path: Path) -> None:
    """The column names all there are; what was trained for longer is not compared."""
    suite = write_suite(tmp_path, entry(seed=[0, 1]))
    for one in suite.experiments()[0]:
        finish(suite, one, 0.8 + 0.1 * one.csre + 0.05 * one.seed, epochs=2 if one.csre and one.seed else 65)
    write_table(suite, tmp_path)
    text = (tmp_path / "mini.md").read_text()
    assert "| 82.50 ± 3.54 / 80.50 ± 3.54 | 92.50 ± 3.54 / 90.50 ± 3.54 | +10.00 / +10.00 | 1.23 M | 2, 65 |" in text


def test_pairs_of_two_commits_are_named(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(seed=[0, 1]))
    for one in suite.experiments()[0]:
        finish(suite, one, 0.8, commit="def" if one.csre and one.seed else "abc")
    write_table(suite, tmp_path)
    text = (tmp_path / "mini.md").read_text()
    assert "Commit: abc, def." in text
    assert "Pairs whose two runs stem from different commits (of one family): hcn joint seed 1.\n" in text


def test_means_over_variants_compare_their_epochs_one_by_one(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(seed=[0], **{"data.subset": ["as1", "as2"]}))
    for one in suite.experiments()[0]:
        finish(suite, one, 0.8, epochs=2 if one.csre == (one.variant == ("as1",)) else 65)
    write_table(suite, tmp_path)
    (row,) = [line for line in (tmp_path / "mini.md").read_text().split("## Best")[0].splitlines() if "mean of" in line]
    assert row.split(" | ")[5:8] == ["-", "1.23 M", "2, 65"]


def test_variants_without_a_common_run_have_no_mean(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(seed=[0], **{"data.subset": ["as1", "as2"]}))
    for one in suite.experiments()[0]:
        if one.csre == (one.variant == ("as1",)):
            finish(suite, one, 0.8)
    write_table(suite, tmp_path)
    rows = [line for line in (tmp_path / "mini.md").read_text().split("## Best")[0].splitlines() if " hcn " in line]
    assert [row.split(" | ")[0] for row in rows] == ["| as1 hcn", "| as2 hcn"]


def test_without_a_validation_part_no_epoch_is_chosen_on_it(tmp_path: Path) -> None:
    sentence = "The models were trained without the validation part"
    for held_out, headings in (
        (False, ["## Last epoch", "## Best test epoch"]),
        (True, ["## Last epoch", "## Best validation epoch", "## Best test epoch"]),
    ):
        folder = tmp_path / str(held_out)
        folder.mkdir()
        suite = write_suite(folder, entry(csre=[True], seed=[0]))
        finish(suite, suite.experiments()[0][0], 0.5, held_out=held_out)
        write_table(suite, folder)
        text = (folder / "mini.md").read_text()
        assert [line for line in text.splitlines() if line.startswith("## ")] == headings
        assert (sentence in text.split("## Best test epoch")[1]) is (sentence in text) is held_out


def test_one_side_alone(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]))
    write_table(suite, tmp_path)
    assert not (tmp_path / "mini.md").exists()
    finish(suite, suite.experiments()[0][0], 0.5)
    write_table(suite, tmp_path)
    assert "| hcn | joint | 1 | - | 50.00 / 48.00 | - | 1.23 M | 9 | - / 12.0 |" in (tmp_path / "mini.md").read_text()
    assert spread([]) == "-"


def test_a_difference_has_its_interval(tmp_path: Path) -> None:
    """Over seeds and clips, on every figure; a pair without answers has none."""
    suite = write_suite(tmp_path, entry(seed=[0, 1]), note="What one must know.")
    plain = np.arange(200) % 4 > 0
    for one in suite.experiments()[0]:
        right = plain | (np.arange(200) < 12 + 4 * one.seed) if one.csre else plain
        finish(suite, one, float(right.mean()), right)
    write_table(suite, tmp_path)
    text = (tmp_path / "mini.md").read_text()
    assert "\n\nWhat one must know.\n\n" in text
    whole, own = (
        line.split(" | ") for line in text.splitlines() if line.startswith("| hcn | joint | 2 | ") and " to " in line
    )
    assert whole[3:5] == ["all test clips", "+1.75"]  # three and four of 200 clips
    low, high = map(float, whole[5].split(" to "))
    assert -0.1 < low < 1.0 < 2.5 < high < 4.5
    assert whole[6] == "+3.5 of 200 |"
    assert own[3:5] == ["own", "+3.50"]
    assert own[6] == "+3.5 of 100 |"


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    """In 100 made-up experiments with a known difference; 95 are expected, and four standard deviations allowed."""
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(100):
        hard = rng.uniform(0.6, 1, 150)
        draws = [rng.random((5, 150)) < np.clip(hard + gain, 0, 1) for gain in (0.0, 0.03)]
        truth = 100 * float((np.clip(hard + 0.03, 0, 1) - hard).mean())
        found = paired_difference([draws[0]], [draws[1]], seed=trial)
        assert found.low < found.points < found.high
        covered += found.low <= truth <= found.high
    assert covered >= 86


def test_test_parts_count_alike() -> None:
    right = [np.ones((2, 10), bool), np.ones((2, 90), bool)]
    wrong = [~right[0], right[1]]
    found = paired_difference(wrong, right)
    assert (found.points, found.clips, found.of) == (50.0, 10.0, 100)


def test_where_epochs_were_skipped_only_the_last_is_shown(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]))
    (one,) = suite.experiments()[0]
    finish(suite, one, 0.5)
    path = suite.record_path(one)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"curve": {"val/top1": [None, 0.2]}}))
    write_table(suite, tmp_path)
    headings = [line for line in (tmp_path / "mini.md").read_text().splitlines() if line.startswith("## ")]
    assert headings == ["## Last epoch"]


# --- records ---


def test_a_record_holds_what_the_run_left(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, entry(csre=[True], seed=[0]))
    (one,) = suite.experiments()[0]
    folder = suite.run_folder(one)
    folder.mkdir(parents=True)
    write_recipe(suite, one)
    (folder / "result.json").write_text(json.dumps({"seed": 0}))
    history = [{"epoch": 0, "train/ce": 1.23456789}, {"epoch": 1, "train/ce": 1.0, "test/top1": 0.5}]
    (folder / "history.json").write_text(json.dumps(history))
    rng = np.random.default_rng(0)
    logits, labels, own = rng.normal(size=(4000, 120)), rng.integers(0, 120, 4000), rng.random(4000) < 0.5
    scores = {"test_logits": logits, "test_label": labels, "mask_own": own, "classes": [f"c{i}" for i in range(120)]}
    np.savez(folder / "scores_last.npz", **scores)
    write_record(folder, suite.record_path(one))
    record = suite.record(one)
    assert record is not None
    assert record["curve"] == {"epoch": [0, 1], "train/ce": [1.2346, 1.0], "test/top1": [None, 0.5]}
    assert (record["recipe"], record["result"], record["family"]) == (recipe_of(suite, one), {"seed": 0}, FAMILY)
    answers = answers_of(record)
    assert answers is not None
    np.testing.assert_array_equal(answers.right, logits.argmax(1) == labels)
    np.testing.assert_array_equal(answers.subsets["own"], own)
    assert answers.classes[119] == "c119"
    assert suite.record_path(one).stat().st_size < 20_000  # 4000 clips of 120 classes


# --- fusion ---


def test_published_weights() -> None:
    assert fixed_weights("blockgcn", STREAMS, "nw_ucla cross-view").tolist() == [0.7, 0.5, 0.6, 0.2]
    assert fixed_weights("blockgcn", STREAMS, "ntu60_xsub").tolist() == [0.6, 0.7, 0.35, 0.2]
    assert fixed_weights("agcn", ("joint", "bone"), "ntu60_xsub").tolist() == [0.6, 0.6]


def test_fitted_weights_trust_the_stream_that_is_right() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 300)
    truth = np.eye(5)[labels]
    logits = np.stack([2 * truth + rng.normal(size=(300, 5)), rng.normal(size=(300, 5)), -truth])
    weights = fitted_weights(logits, labels)
    assert weights[0] > 5 * weights[1]
    assert weights[2] == 0  # a stream that is always wrong is not turned round
    shuffled = rng.permutation(3)
    np.testing.assert_allclose(fitted_weights(logits[shuffled], labels), weights[shuffled], atol=1e-3)
    assert np.isfinite(fitted_weights(np.stack([50 * truth, 50 * truth]), labels)).all()


def four_streams(tmp_path: Path, held_out: bool = True) -> Suite:
    """Runs of which each stream knows one class of four, in validation and test alike."""
    suite = write_suite(tmp_path, entry(csre=[False, True], stream=list(STREAMS), seed=[0]))
    labels = np.arange(200) % 4
    for one in suite.experiments()[0]:
        finish(suite, one, 0.5, held_out=held_out, data="nw_ucla cross-view")
        rng = np.random.default_rng(STREAMS.index(one.stream))
        scores: dict[str, Any] = {"classes": list("abcd"), "mask_own": np.arange(200) < 100}
        for part in ("val", "test"):
            logits = rng.normal(size=(200, 4)) * (0.3 if one.csre else 1.0)
            logits[labels == STREAMS.index(one.stream), STREAMS.index(one.stream)] += 3
            scores |= {f"{part}_logits": logits, f"{part}_label": labels, f"{part}_slot": np.arange(200)}
        suite.run_folder(one).mkdir(parents=True)
        (suite.run_folder(one) / "result.json").touch()  # made here
        np.savez(suite.run_folder(one) / "scores_last.npz", **scores)
    return suite


def test_ensemble(tmp_path: Path) -> None:
    suite = four_streams(tmp_path)
    text = ensemble("mini", runs=tmp_path / "runs", results=tmp_path, suites=tmp_path)
    content = json.loads((tmp_path / "mini_ensemble.json").read_text())
    plain, csre = content["results"]
    assert plain["fixed"]["weights"] == [0.6, 0.6, 0.4, 0.4]
    logits = np.stack([
        np.load(suite.run_folder(Experiment("hcn", False, stream, 0)) / "scores_last.npz")["test_logits"]
        for stream in STREAMS
    ])  # fmt: skip
    right = np.tensordot((0.6, 0.6, 0.4, 0.4), logits, 1).argmax(1) == np.arange(200) % 4
    assert plain["fixed"]["top1"] == {"all test clips": right.mean(), "own": right[:100].mean()}
    assert csre["fitted"]["top1"]["all test clips"] > plain["fitted"]["top1"]["all test clips"] > 0.6
    assert [line.split(" | ")[1] for line in text.splitlines() if line.startswith("| hcn")] == ["fixed", "fitted"]


def test_the_test_part_chooses_no_weight(tmp_path: Path) -> None:
    suite = four_streams(tmp_path)
    ensemble("mini", runs=tmp_path / "runs", results=tmp_path, suites=tmp_path)
    before = json.loads((tmp_path / "mini_ensemble.json").read_text())["results"]
    for one in suite.experiments()[0]:
        path = suite.run_folder(one) / "scores_last.npz"
        scores = dict(np.load(path))
        scores["test_logits"] = np.random.default_rng(9).normal(size=scores["test_logits"].shape)
        np.savez(path, **scores)
    ensemble("mini", runs=tmp_path / "runs", results=tmp_path, suites=tmp_path)
    after = json.loads((tmp_path / "mini_ensemble.json").read_text())["results"]
    for old, new in zip(before, after, strict=True):
        for kind in ("fixed", "fitted"):
            assert old[kind]["weights"] == new[kind]["weights"]
            assert old[kind]["top1"] != new[kind]["top1"]


def test_nothing_is_fitted_without_a_validation_part(tmp_path: Path) -> None:
    four_streams(tmp_path, held_out=False)
    text = ensemble("mini", runs=tmp_path / "runs", results=tmp_path, suites=tmp_path)
    assert "| fixed |" in text
    assert "| fitted |" not in text


def test_ensembles_are_refused(tmp_path: Path) -> None:
    suite = four_streams(tmp_path)
    settings = {"runs": tmp_path / "runs", "results": tmp_path, "suites": tmp_path}
    with pytest.raises(ValueError, match="epoch is 'first'; choose last or best"):
        ensemble("mini", epoch="first", **settings)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no encoder of suite 'mini' has finished runs on all of joint, elbow"):
        ensemble("mini", streams=["joint", "elbow"], **settings)  # type: ignore[arg-type]
    path = suite.run_folder(Experiment("hcn", False, "bone", 0)) / "scores_last.npz"
    scores = dict(np.load(path))
    np.savez(path, **(scores | {"test_label": 3 - scores["test_label"]}))
    with pytest.raises(ValueError, match=r"the test samples of .*hcn_bone_s0 are not those of .*hcn_joint_s0"):
        ensemble("mini", **settings)  # type: ignore[arg-type]
    np.savez(path, **{key: value for key, value in scores.items() if not key.startswith("test")})
    with pytest.raises(ValueError, match=r"hcn_bone_s0 has no test scores; run it with --data.watch_test true"):
        ensemble("mini", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_slot": np.arange(200)[::-1]}, "the test samples of .*hcn_bone_s0 are not those of .*hcn_joint_s0"),
        ({"val_slot": np.arange(200) + 1}, "the val samples of .*hcn_bone_s0 are not those of .*hcn_joint_s0"),
        ({"classes": list("abdc")}, "the classes of .*hcn_bone_s0 are not those of .*hcn_joint_s0; run both again"),
    ],
)
def test_streams_of_other_samples_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    suite = four_streams(tmp_path)
    path = suite.run_folder(Experiment("hcn", False, "bone", 0)) / "scores_last.npz"
    np.savez(path, **(dict(np.load(path)) | changes))
    with pytest.raises(ValueError, match=message):
        ensemble("mini", runs=tmp_path / "runs", results=tmp_path, suites=tmp_path)


@pytest.mark.parametrize("changes", [{"data": "nw_ucla"}, {"held_out": False}, {"epochs": 2}])
def test_streams_of_other_training_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    suite = four_streams(tmp_path)
    path = suite.record_path(Experiment("hcn", False, "bone", 0))
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"result": record["result"] | changes}))
    ((key, value),) = changes.items()
    with pytest.raises(
        ValueError, match=f"{key} of .*hcn_bone_s0 is {value!r}, of .*hcn_joint_s0 .*; train both alike"
    ):
        ensemble("mini", runs=tmp_path / "runs", results=tmp_path, suites=tmp_path)


# --- the queue, with real runs ---

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
