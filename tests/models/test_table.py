"""What the tables of a suite say, and the records that they are made of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.experiments.paired import paired_difference
from models.experiments.recipe import recipe_of, write_recipe
from models.experiments.records import FAMILY, answers_of, write_record
from models.experiments.table import write_table
from models.training.spread import spread
from tests.models.small_suites import entry, finish, write_suite


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


def test_a_change_is_compared_with_what_was_not_changed(tmp_path: Path) -> None:
    """Side by side, seed by seed; means are taken over parts, and not over changes."""
    parts: dict[str, list[str]] = {"data.subset": ["as1", "as2"]}
    changed = entry(seed=[0, 1], change="longer", csre=[True], settings={"trainer.max_epochs": 9}, **parts)
    suite = write_suite(tmp_path, entry(seed=[0, 1, 2], **parts), changed)
    for one in suite.experiments()[0]:
        right = np.arange(100) < 60 + 20 * (one.change == "longer") + 5 * one.csre
        finish(suite, one, float(right.mean()), right)
    write_table(suite, tmp_path)
    text = (tmp_path / "mini.md").read_text()
    assert "| mean of 2 hcn | joint | 3 | 60.00" in text
    assert "| longer mean of 2 hcn | joint | 2 | - | 85.00" in text
    worth = text.split("What a change is worth: ")[1].split("\n## ")[0].splitlines()
    cells = [line.split(" | ") for line in worth if " all test clips " in line]
    assert [row[0] for row in cells] == ["| longer as1 hcn", "| longer as2 hcn", "| longer mean of 2 hcn"]
    assert cells[2][1:6] == ["joint", "with", "2", "all test clips", "+20.00"]
    assert cells[2][-1] == "+40.0 of 200 |"
