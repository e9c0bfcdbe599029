"""Plots: what is drawn, and that a suite's runs become files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from models.experiments import plots
from models.experiments.maps import plot
from models.experiments.recipe import write_recipe
from models.experiments.records import write_record
from models.experiments.suite import Experiment, read_suite

CLASSES = ["wave", "push", "squat"]


def write_runs(folder: Path, streams: tuple[str, ...] = ("joint",), csre: tuple[bool, ...] = (False, True)) -> None:
    """A suite of finished runs; with CSRE one more clip of class 1 is right."""
    content = {
        "title": "Mini", "configs": "models/configs/utd",
        "experiments": [{"encoder": ["hcn"], "csre": list(csre), "stream": list(streams), "seed": [0, 1]}],
    }  # fmt: skip
    (folder / "mini.yaml").write_text(yaml.safe_dump(content))
    suite = read_suite("mini", folder / "runs", folder, folder)
    labels = np.arange(12) % 3
    for one in suite.experiments()[0]:
        run = suite.run_folder(one)
        run.mkdir(parents=True)
        (run / "result.json").write_text("{}")
        history = [{"epoch": e, "train/ce": 1 / (e + 1), "val/top1": 0.5, "test/top1": 0.1 * e} for e in range(5)]
        (run / "history.json").write_text(json.dumps(history))
        logits = np.eye(3)[labels]
        logits[labels == 1] = [3, 0, 0]
        if one.csre:
            logits[1] = [0, 3, 0]
        embeddings = np.random.default_rng(one.seed).normal(size=(12, 6)) + 3 * np.eye(6)[labels]
        scores = {"test_logits": logits, "test_label": labels, "test_embedding": embeddings, "classes": CLASSES}
        for name in ("last", "best"):
            np.savez(run / f"scores_{name}.npz", **scores)
        write_recipe(suite, one)
        write_record(run, suite.record_path(one))


def test_confusion_counts() -> None:
    counts = plots.confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    figure = plots.confusion(counts, CLASSES, "title")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["50", "50", "100", "100"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.5, 0.5, 0], [0, 1, 0], [0, 1, 0]])
    assert [label.get_text() for label in axes.get_yticklabels()] == CLASSES


def test_gains_are_ordered() -> None:
    gains = np.array([[1.0, -4.0, 10.0], [3.0, -2.0, 0.0]])
    axes = plots.class_gain(gains, CLASSES, "title").axes[0]
    assert [bar.get_width() for bar in axes.patches] == [-3.0, 2.0, 5.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["push", "wave", "squat"]


def test_principal_plane_is_the_widest() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(200, 2)) * (5, 3)
    basis = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    found, share = plots.principal_plane(plane @ basis[:2] + 0.01 * rng.normal(size=(200, 8)) + 7)
    assert share > 0.999
    centred = plane - plane.mean(0)
    expected = np.linalg.norm(centred[:, None] - centred[None], axis=-1)
    distances = np.linalg.norm(found[:, None] - found[None], axis=-1)
    np.testing.assert_allclose(distances, expected, atol=0.2)
    _, nothing = plots.principal_plane(np.ones((5, 4)))
    assert nothing == 0


def test_curves_hold_a_line_per_run() -> None:
    history = [{"epoch": e, "train/ce": 1.0, "val/top1": 0.2, "test/top1": 0.4} for e in range(3)]
    unwatched = [{key: value for key, value in row.items() if key != "test/top1"} for row in history]
    figure = plots.training_curves({"hcn": {False: [history], True: [history, unwatched]}, "agcn": {True: [history]}})
    assert [len(axes.lines) for axes in figure.axes] == [3, 1, 3, 1]
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[1, 0.4], [2, 0.4], [3, 0.4]]
    assert figure.axes[0].lines[2].get_ydata().tolist() == [0.2, 0.2, 0.2]


def test_a_suite_becomes_pictures(tmp_path: Path) -> None:
    write_runs(tmp_path)
    written = plot("mini", runs=tmp_path / "runs", results=tmp_path, suites=tmp_path).splitlines()
    names = [Path(path).name for path in written]
    assert names == ["mini_curves.png", "mini_hcn_confusion.png", "mini_hcn_gain.png", "mini_hcn_map.png"]
    for path in written:
        with Image.open(path) as image:
            assert min(image.size) > 150
            assert len(np.unique(np.asarray(image.convert("L")))) > 10


def test_comparisons_need_both_sides(tmp_path: Path) -> None:
    write_runs(tmp_path, streams=("bone",), csre=(True,))
    written = plot("mini", stream="bone", runs=tmp_path / "runs", results=tmp_path, suites=tmp_path).splitlines()
    assert [Path(path).name for path in written] == ["mini_bone_curves.png", "mini_bone_hcn_confusion.png"]


@pytest.mark.slow
def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    write_runs(tmp_path)
    settings = {"runs": tmp_path / "runs", "results": tmp_path, "suites": tmp_path}
    with pytest.raises(ValueError, match="suite 'mini' has no finished run on the stream 'bone'"):
        plot("mini", stream="bone", **settings)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="epoch is 'first'; choose last or best"):
        plot("mini", epoch="first", **settings)  # type: ignore[arg-type]
    suite = read_suite("mini", tmp_path / "runs", tmp_path, tmp_path)
    np.savez(suite.run_folder(Experiment("hcn", True, "joint", 0)) / "scores_last.npz", classes=CLASSES)
    with pytest.raises(ValueError, match=r"hcn\+csre_joint_s0 has no test scores; run it with --data.watch_test true"):
        plot("mini", **settings)  # type: ignore[arg-type]
