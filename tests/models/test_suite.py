"""Suites: which runs there are, and who made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.experiments.recipe import check_recipes, recipe_of, write_recipe
from models.experiments.records import FAMILY
from models.experiments.suite import SUITES, read_suite
from models.experiments.table import table, write_table
from models.experiments.work import run, work
from tests.models.small_suites import entry, finish, write_suite


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in SUITES.glob("*.yaml") if path.stem not in ("live", "taught"))
)
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


def test_a_change_has_a_name(tmp_path: Path) -> None:
    """Entries that differ in settings alone are told apart by it."""
    changed = entry(csre=[True], seed=[0], change="longer", settings={"trainer.max_epochs": 9})
    before, after = write_suite(tmp_path, entry(csre=[True], seed=[0]), changed).experiments()[0]
    assert [before.name, after.name] == ["hcn+csre_joint_s0", "longer_hcn+csre_joint_s0"]
    assert (before.change, after.change, after.variant, after.part) == ("", "longer", ("longer",), ())


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
    with pytest.raises(ValueError, match=r"change is 'All frames'; it is part of file names: give small letters"):
        write_suite(tmp_path, entry(change="All frames"))


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
