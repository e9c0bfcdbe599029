"""What embeddings of runs are worth for classes that the runs never saw."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from models.__main__ import main
from models.export.run import restore
from models.export.transfer import Transferred, embed, table, transfer
from models.training.classifier import ActionClassifier

pytestmark = pytest.mark.filterwarnings("ignore:.*(many workers|Consider increasing|logging interval)")


def test_the_table_pairs_runs_with_and_without_csre() -> None:
    def run(name: str, csre: bool, one: float, five: float) -> Transferred:
        return Transferred(name, name.split("_")[0].replace("+csre", ""), csre, "a set", "abc", 9, {1: one, 5: five})

    found = [
        run("hcn_s0", False, 0.30, 0.50), run("hcn+csre_s0", True, 0.34, 0.52),
        run("hcn_s1", False, 0.32, 0.50), run("hcn+csre_s1", True, 0.40, 0.50),
        run("agcn+csre_s0", True, 0.60, 0.70),
    ]  # fmt: skip
    assert table(found, [1, 5]).splitlines()[2:] == [
        "| hcn | 1 | 31.0 ± 1.4 | 37.0 ± 4.2 | 2 | +6.0 ± 2.8 |",
        "| hcn | 5 | 50.0 ± 0.0 | 51.0 ± 1.4 | 2 | +1.0 ± 1.4 |",
        "| agcn | 1 | - | 60.0 | 0 | - |",
        "| agcn | 5 | - | 70.0 | 0 | - |",
    ]


@pytest.mark.slow
def test_a_run_is_asked_about_clips_of_another_set(mini_root: Path, tmp_path: Path, monkeypatch) -> None:
    config = {
        "seed_everything": 0,
        "model": {
            "encoder_options": {"hidden": 32, "dropout": 0.1}, "preprocess": "plain", "contrast": {"enabled": False},
            "optimisation": {"lr": 4.0e-3, "warmup_epochs": 0},
        },
        "data": {
            "class_path": "models.data.protocol.ProtocolData",
            "init_args": {"root": str(mini_root), "steps": 16, "batch_size": 8, "workers": 0, "watch_test": True},
        },
        "trainer": {
            "accelerator": "cpu", "max_epochs": 4, "enable_progress_bar": False, "enable_model_summary": False,
            "logger": {
                "class_path": "lightning.pytorch.loggers.CSVLogger",
                "init_args": {"save_dir": str(tmp_path), "name": "runs", "version": "hcn_joint_s0"},
            },
            "callbacks": [
                {"class_path": "models.training.record.Record"},
                {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": {"filename": "last"}},
            ],
        },
    }  # fmt: skip
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["models", "fit", "--config", str(path)])
    main()
    run = tmp_path / "runs" / "hcn_joint_s0"

    with pytest.raises(ValueError, match="leaves no clips of 'utd_mhad' to teach and to tell"):
        transfer([run], "utd_mhad", mini_root)
    # The same clips under another name are all new to the run.
    shutil.copy(mini_root / "utd_mhad.npz", tmp_path / "nw_ucla.npz")
    text = transfer([run], "nw_ucla", tmp_path, tmp_path / "transfer.json", draws=20)
    record = json.loads((tmp_path / "transfer.json").read_text())
    (one,) = record["runs"]
    assert (record["set"], one["run"], one["clips"], one["csre"]) == ("nw_ucla", "hcn_joint_s0", 32, False)
    assert one["told"]["5"] >= one["told"]["1"] > 0.5  # chance: 0.25
    assert f"| hcn | 5 | {100 * one['told']['5']:.1f} | - | 0 | - |" in text
    model, data, *_ = restore(run, "last", ActionClassifier)
    rows = embed(model.network, data, data.parts["test"].clips)
    assert rows.shape == (32, 32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
