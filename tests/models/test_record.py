"""What a run leaves behind: history, scores, result; across a resume, with averaged weights, and on two processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from models.data.live import LiveData
from models.data.protocol import ProtocolData
from models.export.score import score
from models.training.classifier import ActionClassifier
from models.training.record import Record, figures
from models.training.settings import Contrast, Optimisation

pytestmark = pytest.mark.filterwarnings("ignore:.*(many workers|Consider increasing|logging interval|not empty)")
ROOT = Path(__file__).parents[2]


def mini_data(root: Path, **options: Any) -> ProtocolData:
    return ProtocolData(root=root, steps=16, batch_size=8, repeats=2, watch_test=True, workers=0, **options)


def small_model() -> ActionClassifier:
    return ActionClassifier(
        encoder_options={"hidden": 16},
        preprocess="plain",
        contrast=Contrast(positives=4, negatives=8, positive_fraction=0.5),
        optimisation=Optimisation(lr=3e-3, warmup_epochs=0, milestones=[3]),
    )


def fit(
    root: Path, folder: Path, epochs: int, *callbacks: L.Callback, resume: bool = False, score_every: int = 1
) -> ActionClassifier:
    """Train from scratch, or from the last checkpoint; the run lies in ``folder``."""
    L.seed_everything(1, verbose=False)
    model = small_model()
    best = ModelCheckpoint(filename="best", monitor="val/top1", mode="max", enable_version_counter=False)
    last = ModelCheckpoint(filename="last", save_on_train_epoch_end=True, enable_version_counter=False)
    trainer = L.Trainer(
        accelerator="cpu", max_epochs=epochs, check_val_every_n_epoch=score_every,
        enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=2, logger=CSVLogger(folder.parent, folder.name, version="run"),
        callbacks=[Record(), best, last, *callbacks],
    )  # fmt: skip
    weights = folder / "run" / "checkpoints" / "last.ckpt"
    trainer.fit(model, mini_data(root), ckpt_path=str(weights) if resume else None)
    return model


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / "run" / name).read_text())


@pytest.fixture(scope="module")
def run(mini_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four epochs."""
    folder = tmp_path_factory.mktemp("record") / "whole"
    fit(mini_root, folder, 4)
    return folder


@pytest.mark.slow
def test_scores_are_those_of_the_weights(run: Path, mini_root: Path) -> None:
    """Logits of the last epoch, recomputed from its checkpoint; in slot order, each sample once."""
    data = mini_data(mini_root)
    model = small_model()
    model.trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    model.trainer.datamodule = data  # type: ignore[attr-defined]
    model.configure_model()
    weights = torch.load(run / "run" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    model.load_state_dict(weights)
    with np.load(run / "run" / "scores_last.npz") as saved:
        for part, loader in (("val", data._loader(data.parts["val"])), ("test", data.test_dataloader())):
            expected = score(model.network, loader)
            logits = torch.from_numpy(saved[f"{part}_logits"])
            np.testing.assert_allclose(logits.softmax(-1), expected.probabilities, atol=1e-5)
            np.testing.assert_array_equal(saved[f"{part}_label"], expected.labels)
            np.testing.assert_array_equal(saved[f"{part}_slot"], np.arange(len(data.parts[part])))
            assert saved[f"{part}_embedding"].shape == (len(expected.labels), model.network.encoder.embedding_dim)
        assert tuple(saved["classes"]) == data.classes


class Subsets(ProtocolData):
    """Two figures more on the test part: its first half, which leaves whole batches out, and every third clip."""

    @property
    def test_subsets(self) -> dict[str, np.ndarray]:
        slots = np.arange(len(self.parts["test"]))
        return {"first half": slots < len(slots) // 2, "third": slots % 3 == 0}


@pytest.mark.slow
def test_test_and_validate_give_the_figures_of_the_subsets(run: Path, mini_root: Path) -> None:
    data, model = Subsets(root=mini_root, steps=16, batch_size=8, watch_test=True, workers=0), small_model()
    trainer = L.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, callbacks=[Record()]
    )
    weights = str(run / "run" / "checkpoints" / "last.ckpt")
    with np.load(run / "run" / "scores_last.npz") as saved:
        right = saved["test_logits"].argmax(1) == saved["test_label"]
    masks = {"": slice(None)} | {f" {name}": mask for name, mask in data.test_subsets.items()}
    expected = {f"test/top1{name}": pytest.approx(right[mask].mean()) for name, mask in masks.items()}
    assert len(set(map(str, expected.values()))) == 3
    (tested,) = trainer.test(model, data, weights, verbose=False)
    _, validated = trainer.validate(model, data, weights, verbose=False)
    for found in (tested, validated):
        assert {key: value for key, value in found.items() if key.startswith("test/top1")} == expected


@pytest.mark.slow
def test_every_figure_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("models.training.record.rank_zero_info", told.append)
    record = Record()
    record.history = [{"epoch": 0, "seconds": 60.0, "test/top1": 0.9, "test/top1 own": 0.8, "test/loss": 1.0}]
    record._say(record.history[0], 3)
    assert told == ["epoch 1 of 3: test/top1 0.9, test/top1 own 0.8; about 2 min left"]


def test_history_and_result_agree_with_the_scores(run: Path) -> None:
    history, result = read(run, "history.json"), read(run, "result.json")
    assert [row["epoch"] for row in history] == [0, 1, 2, 3]
    assert [row["lr"] for row in history] == pytest.approx([3e-3] * 3 + [3e-4])
    assert all(row["seconds"] > 0 and {"lr", "train/ce", "train/csre", "test/loss"} <= set(row) for row in history)
    best = max(history, key=lambda row: row["val/top1"])
    for name, row in (("last", history[-1]), ("best", best)):
        with np.load(run / "run" / f"scores_{name}.npz") as saved:
            for part in ("val", "test"):
                right = saved[f"{part}_logits"].argmax(1) == saved[f"{part}_label"]
                assert row[f"{part}/top1"] == pytest.approx(right.mean())
    assert result["figures"] == figures(history)
    assert (result["encoder"], result["csre"], result["stream"], result["seed"]) == ("hcn", True, "joint", 1)
    assert result["held_out"] is True
    assert result["parameters"] > 100_000
    assert result["hardware"].endswith("(CPU)")


def test_the_hardware_is_what_the_run_used_and_not_where_its_model_ends_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.training.record.hardware", str)
    record = Record()
    record.history = [{"epoch": 0, "seconds": 1.0, "val/top1": 0.5, "test/top1": 0.5}]
    trainer = SimpleNamespace(
        datamodule=SimpleNamespace(identity="some clips", held_out=True),
        strategy=SimpleNamespace(root_device=torch.device("cuda", 0)),
        max_epochs=1, world_size=1, precision="bf16-mixed",
    )  # fmt: skip
    model = SimpleNamespace(
        encoder_name="hcn", contrast=SimpleNamespace(enabled=True), stream="joint", network=torch.nn.Linear(1, 1),
        device=torch.device("cpu"),
    )  # fmt: skip
    assert record._result(trainer, model)["hardware"] == "cuda:0"  # type: ignore[arg-type]


def test_figures_are_named_by_what_chose_them() -> None:
    history = [
        {"epoch": 0, "val/top1": 0.5, "test/top1": 0.6, "test/top1 own": 0.1, "train/ce": 1.0},
        {"epoch": 1, "val/top1": 0.8, "test/top1": 0.7, "test/top1 own": 0.2, "train/ce": 0.9},
        {"epoch": 2, "val/top1": 0.8, "test/top1": 0.9, "test/top1 own": 0.3, "train/ce": 0.8},
        {"epoch": 3, "val/top1": 0.6, "test/top1": 0.5, "test/top1 own": 0.4, "train/ce": 0.7},
    ]
    assert figures(history) == {
        "last epoch": {"epoch": 4, "val/top1": 0.6, "test/top1": 0.5, "test/top1 own": 0.4},
        "best validation epoch": {"epoch": 2, "val/top1": 0.8, "test/top1": 0.7, "test/top1 own": 0.2},
        "best test epoch": {"epoch": 3, "val/top1": 0.8, "test/top1": 0.9, "test/top1 own": 0.3},
    }
    unwatched = [{key: value for key, value in row.items() if "test" not in key} for row in history]
    assert set(figures(unwatched)) == {"last epoch", "best validation epoch"}


@pytest.mark.slow
def test_the_history_goes_on_after_a_resume(run: Path, mini_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "resumed"
    fit(mini_root, folder, 2)
    assert read(folder, "result.json")["epochs"] == 2
    (folder / "run" / "result.json").unlink()
    fit(mini_root, folder, 4, resume=True)
    whole, resumed = read(run, "history.json"), read(folder, "history.json")
    for row in (*whole, *resumed):
        del row["seconds"]
    assert resumed == whole
    assert read(folder, "result.json")["figures"] == read(run, "result.json")["figures"]


@pytest.mark.slow
def test_epochs_that_are_not_scored_say_nothing_of_accuracy(mini_root: Path, tmp_path: Path) -> None:
    """Every second epoch is scored; a resume in between changes nothing."""
    fit(mini_root, tmp_path / "whole", 4, score_every=2)
    fit(mini_root, tmp_path / "resumed", 4, StopAfter(3), score_every=2)
    assert len(read(tmp_path / "resumed", "history.json")) == 3
    fit(mini_root, tmp_path / "resumed", 4, resume=True, score_every=2)
    whole, resumed = (read(tmp_path / name, "history.json") for name in ("whole", "resumed"))
    assert [[key for key in row if key.startswith(("val", "test"))] == [] for row in whole] == [
        True,
        False,
        True,
        False,
    ]
    assert all(row.pop("seconds") > 0 and row["train/ce"] > 0 for row in (*whole, *resumed))
    assert resumed == whole
    assert read(tmp_path / "whole", "result.json")["figures"] == figures(whole)
    assert figures(whole)["best validation epoch"]["epoch"] in (2, 4)
    with pytest.raises(ValueError, match="the last epoch was not scored; let trainer"):
        figures(whole[:3])


class StopAfter(L.Callback):
    """Stop behind so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 == self.epochs


@pytest.mark.slow
def test_a_run_killed_behind_its_last_epoch_still_gives_its_result(mini_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    fit(mini_root, folder, 2)
    expected = read(folder, "result.json")
    (folder / "run" / "result.json").unlink()
    fit(mini_root, folder, 2, resume=True)
    assert read(folder, "result.json") == expected


def test_no_result_before_the_last_epoch(mini_root: Path, tmp_path: Path) -> None:
    fit(mini_root, tmp_path / "stopped", 3, StopAfter(1))
    assert len(read(tmp_path / "stopped", "history.json")) == 1
    assert not (tmp_path / "stopped" / "run" / "result.json").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You're using the WeightAveraging callback")
def test_averaged_weights_are_scored_and_saved(run: Path, mini_root: Path, tmp_path: Path) -> None:
    """The plain weights train on; the averaged ones validate and end in the checkpoint. A resume changes nothing."""
    folders = [tmp_path / "whole", tmp_path / "resumed"]
    whole = fit(mini_root, folders[0], 3, EMAWeightAveraging(decay=0.8, use_buffers=False))
    fit(mini_root, folders[1], 2, EMAWeightAveraging(decay=0.8, use_buffers=False))
    resumed = fit(mini_root, folders[1], 3, EMAWeightAveraging(decay=0.8, use_buffers=False), resume=True)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, msg=name)
    plain, averaged = read(run, "history.json"), read(folders[0], "history.json")
    assert averaged[0]["train/ce"] == plain[0]["train/ce"]  # averaging does not touch training
    assert averaged[2]["train/ce"] == plain[2]["train/ce"]
    assert averaged[2]["val/loss"] != plain[2]["val/loss"]
    saved = torch.load(folders[0] / "run" / "checkpoints" / "last.ckpt")
    weight = "network.encoder.hidden.weight"
    assert not torch.equal(saved["state_dict"][weight], saved["current_model_state"][weight])
    assert torch.equal(saved["state_dict"][weight], whole.state_dict()[weight])


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_processes(mini_root: Path, tmp_path: Path) -> None:
    """DDP on one machine: every test clip is scored once, and the banks stay out of the broadcast."""
    config = {
        "seed_everything": 1,
        "model": {
            "encoder_options": {"hidden": 16}, "preprocess": "plain",
            "contrast": {"positives": 4, "negatives": 8, "positive_fraction": 0.5},
        },
        "data": {
            "class_path": "models.data.protocol.ProtocolData",
            "init_args": {
                "root": str(mini_root), "steps": 16, "batch_size": 4, "repeats": 2, "workers": 0, "watch_test": True,
            },
        },
        "trainer": {
            "accelerator": "cpu", "devices": 2, "strategy": "ddp", "max_epochs": 2, "enable_progress_bar": False,
            "logger": {
                "class_path": "lightning.pytorch.loggers.CSVLogger",
                "init_args": {"save_dir": str(tmp_path), "name": "two", "version": "run"},
            },
            "callbacks": [
                {"class_path": "models.training.record.Record"},
                {
                    "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
                    "init_args": {"filename": "last"},
                },
            ],
        },
    }  # fmt: skip
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    done = subprocess.run(
        [sys.executable, "-m", "models", "fit", "--config", str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = read(tmp_path / "two", "result.json")
    assert result["devices"] == 2
    with np.load(tmp_path / "two" / "run" / "scores_last.npz") as saved:
        np.testing.assert_array_equal(saved["test_slot"], np.arange(32))
        right = (saved["test_logits"].argmax(1) == saved["test_label"]).mean()
    assert result["figures"]["last epoch"]["test/top1"] == pytest.approx(right)
    banks = torch.load(tmp_path / "two" / "run" / "checkpoints" / "last.ckpt", weights_only=True)["csre"]
    assert banks["spatial"]["enrolled"].float().mean() > 0.9


def test_a_foreign_checkpoint_is_refused(run: Path, mini_root: Path) -> None:
    checkpoint = torch.load(run / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    model = small_model()
    model.trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    model.trainer.datamodule = mini_data(mini_root)  # type: ignore[attr-defined]
    model.configure_model()
    model.on_load_checkpoint(checkpoint)
    model.encoder_name, model.stream = "agcn", "bone"
    model.trainer.datamodule = mini_data(mini_root, hold_out=False)  # type: ignore[attr-defined]
    with pytest.raises(
        ValueError, match=r"its encoder is 'hcn', not 'agcn'; its stream is 'joint', not 'bone'; its da"
    ):
        model.on_load_checkpoint(checkpoint)


def built(root: Path, **options: Any) -> ActionClassifier:
    model = ActionClassifier(**({"encoder_options": {"hidden": 16}, "contrast": Contrast(enabled=False)} | options))
    model.trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    model.trainer.datamodule = mini_data(root)  # type: ignore[attr-defined]
    model.configure_model()
    return model


def test_banks_stay_out_of_the_broadcast(mini_root: Path) -> None:
    model = built(mini_root, preprocess="plain", contrast=Contrast(positives=4, negatives=8))
    banks = {name for name, _ in model.named_buffers() if name.startswith("csre.")}
    assert {"csre.spatial.bank.rows", "csre.temporal.bank.enrolled"} <= banks
    assert set(model._ddp_params_and_buffers_to_ignore) == banks


def test_streams_need_three_channels(mini_root: Path) -> None:
    model = built(mini_root, preprocess="plain", stream="bone", relative=True)
    assert model.network.stream is not None
    assert (model.network.stream.name, model.network.stream.relative) == ("bone", True)
    assert built(mini_root, preprocess="plain").network.stream is None
    with pytest.raises(ValueError, match="'part_local' gives 4 channels, of which no stream but plain joints can"):
        built(mini_root, preprocess="part_local", stream="bone")


@pytest.mark.slow
def test_live_data_leave_a_record_like_any_other(mini_root: Path, tmp_path: Path) -> None:
    """History, figures on each data set, and scores of the watched test part."""
    labels = ROOT / "models" / "configs" / "labels_live.yaml"
    data = LiveData(
        mini_root, labels, ["utd_mhad"], epoch_windows=64, batch_size=32, watch_test=True, workers=0
    )  # fmt: skip
    model = ActionClassifier(encoder_options={"hidden": 16}, contrast=Contrast(enabled=False))
    trainer = L.Trainer(
        accelerator="cpu", max_epochs=2, enable_progress_bar=False, enable_model_summary=False,
        logger=CSVLogger(tmp_path, "live", version="run"), callbacks=[Record()],
    )  # fmt: skip
    trainer.fit(model, data)
    result = read(tmp_path / "live", "result.json")
    assert result["held_out"] is True
    last = result["figures"]["last epoch"]
    with np.load(tmp_path / "live" / "run" / "scores_last.npz") as saved:
        right = saved["test_logits"].argmax(1) == saved["test_label"]
        assert len(right) == len(data.parts["test"]) == 32
    assert last["test/top1"] == last["test/top1 utd_mhad"] == pytest.approx(right.mean())
