"""Streams that answer together, with weights that are published or fitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.experiments.ensemble import ensemble
from models.experiments.fusion import fitted_weights, fixed_weights
from models.experiments.suite import Experiment, Suite
from tests.models.small_suites import STREAMS, entry, finish, write_suite


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


def four_streams(tmp_path: Path, held_out: bool = True, **axes: Any) -> Suite:
    """Runs of which each stream knows one class of four, in validation and test alike."""
    suite = write_suite(tmp_path, entry(stream=list(STREAMS), **({"seed": [0]} | axes)))
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


def test_parts_have_a_mean_where_all_of_them_are_there(tmp_path: Path) -> None:
    suite = four_streams(tmp_path, seed=[0, 1], **{"data.subset": ["as1", "as2"]})
    last = [one for one in suite.experiments()[0] if one.csre and one.seed == 1 and one.part == ("as2",)]
    (suite.run_folder(last[0]) / "result.json").unlink()  # made elsewhere
    text = ensemble("mini", runs=tmp_path / "runs", results=tmp_path, suites=tmp_path)
    rows = json.loads((tmp_path / "mini_ensemble.json").read_text())["results"]
    plain = [
        100 * np.mean([one["fixed"]["top1"]["all test clips"] for one in rows if (one["csre"], one["seed"]) == key])
        for key in ((False, 0), (False, 1), (True, 0))
    ]
    (line,) = [line for line in text.splitlines() if line.startswith("| mean of 2 hcn | fixed | 2 |")]
    first, second = (cell.split(" / ")[0] for cell in line.split(" | ")[3:5])
    assert (first, second) == (f"{np.mean(plain[:2]):.2f} ± {np.std(plain[:2], ddof=1):.2f}", f"{plain[2]:.2f}")


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
