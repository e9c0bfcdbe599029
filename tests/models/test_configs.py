"""The shipped configurations are complete, and say what was published."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.__main__ import main
from models.encoders import ENCODERS
from models.training.settings import Optimisation

CONFIGS = Path(__file__).parents[2] / "models" / "configs"
SETS = ("ucla", "utd", "msr", "ntu")


def resolved(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *names: str) -> dict[str, Any]:
    """What ``fit`` makes of configuration files, with every default."""
    files = [f"--config={CONFIGS / name}.yaml" for name in names]
    monkeypatch.setattr(sys, "argv", ["models", "fit", *files, "--print_config"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    content: dict[str, Any] = yaml.safe_load(capsys.readouterr().out)
    return content


@pytest.mark.parametrize(("name", "encoder"), [*product(SETS, ENCODERS), ("live", "hcn")])
def test_every_pair_of_files(
    name: str, encoder: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = resolved(capsys, monkeypatch, f"{name}/base", f"{name}/{encoder}")
    assert config["model"]["encoder"] == encoder
    assert config["model"]["contrast"]["enabled"] is True
    assert config["model"]["relative"] is (encoder in ("hyperformer", "blockgcn"))
    assert config["trainer"]["precision"] == "bf16-mixed"
    callbacks = [callback["class_path"] for callback in config["trainer"]["callbacks"]]
    assert "models.training.record.Record" in callbacks
    saved = [c["init_args"] for c in config["trainer"]["callbacks"] if c["class_path"].endswith("ModelCheckpoint")]
    assert [(one["filename"], one["monitor"]) for one in saved] == [("best", "val/top1"), ("last", None)]


@pytest.mark.parametrize(
    ("name", "encoder", "epochs", "lr", "decay", "milestones", "batch", "steps"),
    [
        ("ucla", "ctrgcn", 65, 0.1, 1e-4, [50], 16, 52),
        ("ucla", "agcn", 65, 0.1, 1e-4, [50], 16, 52),
        ("ucla", "hyperformer", 150, 0.025, 0.0, [110, 120], 16, 52),
        ("ucla", "blockgcn", 140, 0.05, 2e-4, [110, 120], 16, 52),
        ("ntu", "ctrgcn", 65, 0.1, 4e-4, [35, 55], 64, 64),
        ("ntu", "agcn", 65, 0.1, 4e-4, [35, 55], 64, 64),
        ("ntu", "hyperformer", 140, 0.025, 4e-4, [110, 120], 64, 64),
        ("ntu", "blockgcn", 140, 0.05, 4e-4, [110, 120], 64, 64),
    ],
)
def test_published_recipes(
    name: str, encoder: str, epochs: int, lr: float, decay: float, milestones: list[int], batch: int, steps: int,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    config = resolved(capsys, monkeypatch, f"{name}/base", f"{name}/{encoder}")
    optimisation = Optimisation(**config["model"]["optimisation"])
    assert optimisation == Optimisation("sgd", lr, decay, warmup_epochs=5, milestones=milestones)
    assert [optimisation.factor(epoch, epochs) for epoch in (0, 4, 5)] == pytest.approx([0.2, 1, 1])
    assert optimisation.factor(milestones[0] - 1, epochs) == 1
    assert optimisation.factor(milestones[0], epochs) == pytest.approx(0.1)
    data = config["data"]["init_args"]
    assert (config["trainer"]["max_epochs"], data["batch_size"], data["steps"]) == (epochs, batch, steps)
    contrast = config["model"]["contrast"]
    assert (contrast["weight"], contrast["temperature"]) == (0.5, 0.8)
    assert (contrast["positives"], contrast["negatives"], contrast["positive_fraction"]) == (128, 512, None)
