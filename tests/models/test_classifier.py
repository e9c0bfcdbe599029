"""Training: it learns, with and without CSRE; it goes on after a resume as if it had not stopped; it fails loudly."""

from __future__ import annotations

import csv
import math
import pickle
import sys
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import yaml
from lightning.pytorch.callbacks import Callback

from models.__main__ import main
from models.data.protocol import ProtocolData
from models.training.classifier import ActionClassifier
from models.training.settings import Contrast, Optimisation

QUIET: dict[str, Any] = {
    "accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0,
}  # fmt: skip
CSRE_ON = Contrast(positives=4, negatives=8, positive_fraction=0.5)
CSRE_OFF = Contrast(enabled=False)
pytestmark = pytest.mark.filterwarnings("ignore:.*(many workers|Consider increasing|logging interval)")


def mini_protocol(root: Path, **options: Any) -> ProtocolData:
    return ProtocolData(root=root, **({"steps": 16, "batch_size": 8, "repeats": 2, "workers": 0} | options))


def small_model(contrast: Contrast, **options: Any) -> ActionClassifier:
    encoder = {"hidden": 32, "dropout": 0.1}
    settings = {"preprocess": "plain", "optimisation": Optimisation(lr=4e-3, warmup_epochs=0)} | options
    return ActionClassifier(encoder_options=encoder, contrast=contrast, **settings)


class History(Callback):
    """What training logged in every epoch."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.epochs.append({key: float(value) for key, value in trainer.callback_metrics.items()})


def fit(model: ActionClassifier, data: ProtocolData, epochs: int, **options: Any) -> tuple[L.Trainer, History]:
    history = History()
    trainer = L.Trainer(
        max_epochs=epochs, callbacks=[history], logger=False, enable_checkpointing=False, **QUIET, **options
    )
    trainer.fit(model, data)
    return trainer, history


@pytest.mark.slow
@pytest.mark.parametrize("contrast", [CSRE_ON, CSRE_OFF], ids=["csre", "plain"])
def test_it_learns(contrast: Contrast, mini_root: Path) -> None:
    L.seed_everything(0, verbose=False)
    data, model = mini_protocol(mini_root), small_model(contrast)
    trainer, history = fit(model, data, epochs=16)
    first, last = history.epochs[0], history.epochs[-1]
    assert last["train/ce"] < 0.6 * first["train/ce"]
    assert ("train/csre" in last) == (model.csre is not None) == contrast.enabled
    if contrast.enabled:
        assert first["train/active"] < last["train/active"] == 1.0
        assert 0 < last["train/csre"] < history.epochs[2]["train/csre"]
    assert trainer.test(model, data, verbose=False)[0]["test/top1"] >= 0.7  # chance: 0.25


@pytest.mark.slow
def test_it_learns_from_blended_clips(mini_root: Path) -> None:
    L.seed_everything(0, verbose=False)
    model = small_model(CSRE_OFF)
    trainer, history = fit(model, data := mini_protocol(mini_root, mixup=1.0), epochs=40)
    first, last = history.epochs[0], history.epochs[-1]
    # A blended clip has two labels, so its cross-entropy stays higher than that of the clips themselves.
    assert last["train/ce"] < last["train/mixed"] < 0.9 * first["train/mixed"]
    assert trainer.test(model, data, verbose=False)[0]["test/top1"] >= 0.7  # chance: 0.25


def test_the_contrast_trains_the_encoder(mini_root: Path) -> None:
    """With equal seeds, runs with and without the branch differ in nothing but its gradient."""
    weights = []
    for weight in (0.0, 0.5):
        L.seed_everything(0, verbose=False)
        model = small_model(Contrast(weight=weight, positives=4, negatives=8))
        fit(model, mini_protocol(mini_root), epochs=1)
        weights.append(model.network.encoder.state_dict()["hidden.weight"].clone())
    assert (weights[0] - weights[1]).abs().max() > 1e-4


def test_no_active_anchor_is_an_error(mini_root: Path) -> None:
    """24 slots, of which three epochs of one batch of four cannot even fill half."""
    data = mini_protocol(mini_root, batch_size=4)
    model = small_model(Contrast(positives=6, negatives=18))
    with pytest.raises(RuntimeError, match=r"no anchor was active in epoch 2: .*6 positives; set contrast"):
        fit(model, data, epochs=4, limit_train_batches=1, limit_val_batches=0)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_run_repeats_the_uninterrupted_one(
    workers: int, mini_root: Path, tmp_path: Path, monkeypatch
) -> None:
    """Every figure of the later epochs to the last digit, and the weights and banks to the last bit."""
    whole = command_line("fit", tmp_path, "whole", mini_root, workers, monkeypatch)
    resumed = command_line(
        "fit", tmp_path, "resumed", mini_root, workers, monkeypatch,
        "--ckpt_path", str(whole / "checkpoints" / "epoch=0.ckpt"),
    )  # fmt: skip
    assert figures(resumed) == figures(whole)[1:]
    assert len(figures(whole)) == 3
    states = [torch.load(run / "checkpoints" / "epoch=2.ckpt", weights_only=True) for run in (whole, resumed)]
    for name, value in states[0]["state_dict"].items():
        assert torch.equal(value, states[1]["state_dict"][name]), name
    for branch in ("spatial", "temporal"):
        rows = [state["csre"][branch]["rows"] for state in states]
        assert torch.equal(*rows)
        assert rows[0].norm(dim=1).gt(0.99).all()  # every slot was enrolled


@pytest.mark.slow
def test_the_command_line_and_its_checkpoint_must_agree(mini_root: Path, tmp_path: Path, monkeypatch) -> None:
    """Lightning would train the encoder of the checkpoint, whatever was asked for."""
    whole = command_line("fit", tmp_path, "whole", mini_root, 0, monkeypatch, "--trainer.max_epochs", "1")
    last = str(whole / "checkpoints" / "epoch=0.ckpt")
    asked = ("--model.encoder", "ctrgcn", "--model.encoder_options", "{}", "--ckpt_path", last)
    with pytest.raises(ValueError, match=r"its encoder is 'hcn', not 'ctrgcn'.*or start without --ckpt_path"):
        command_line("fit", tmp_path, "other", mini_root, 0, monkeypatch, *asked)


@pytest.mark.parametrize("verb", ["fit", "test"])
def test_no_code_of_a_checkpoint_runs(verb: str, trap: Path, mini_root: Path, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        command_line(verb, tmp_path, "trapped", mini_root, 0, monkeypatch, "--ckpt_path", str(trap))
    assert not (tmp_path / "sprung").exists()


def test_no_code_of_a_checkpoint_from_the_network_runs(
    trap: Path, mini_root: Path, tmp_path: Path, monkeypatch
) -> None:
    """Lightning unpickles those without limits."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{trap.name}"
        with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
            command_line("fit", tmp_path, "fetched", mini_root, 0, monkeypatch, "--ckpt_path", address)
        server.shutdown()
    assert not (tmp_path / "sprung").exists()


@pytest.fixture
def checkpoint(mini_root: Path, tmp_path: Path) -> Path:
    trainer, _ = fit(small_model(CSRE_ON), mini_protocol(mini_root), epochs=1, limit_val_batches=0)
    trainer.save_checkpoint(tmp_path / "one.ckpt")
    return tmp_path / "one.ckpt"


@pytest.mark.parametrize(
    ("contrast", "options", "words"),
    [
        (CSRE_OFF, {}, r"its contrast is 'Contrast\(enabled=True, .*', not 'off'"),
        (Contrast(positives=5, negatives=8, positive_fraction=0.5), {}, "its contrast is .*positives=4.*positives=5"),
        (CSRE_ON, {"steps": 24}, "its window is '1 x 16 frames', not '1 x 24 frames'"),
        (CSRE_ON, {"batch_size": 4}, "its batch is '8', not '4'"),
        (CSRE_ON, {"hold_out": False}, "its data is .*hold_out=True.*hold_out=False.*Resume with its own config.yaml"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    contrast: Contrast, options: dict[str, Any], words: str, checkpoint: Path, mini_root: Path
) -> None:
    with pytest.raises(ValueError, match=words):
        resume(checkpoint, small_model(contrast), mini_protocol(mini_root, **options))


def test_a_checkpoint_without_identity_is_refused(checkpoint: Path, mini_root: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)
    del state["identity"]
    torch.save(state, checkpoint)
    with pytest.raises(ValueError, match="its encoder is 'not known', not 'hcn'; "):
        resume(checkpoint, small_model(CSRE_ON), mini_protocol(mini_root))


def test_banks_can_start_empty_on_other_data(checkpoint: Path, mini_root: Path) -> None:
    model = small_model(replace(CSRE_ON, restore_banks=False))
    resume(checkpoint, model, mini_protocol(mini_root, hold_out=False))
    assert model.csre is not None
    assert not model.csre.spatial.bank.enrolled.any()


def resume(checkpoint: Path, model: ActionClassifier, data: ProtocolData) -> None:
    """Load a checkpoint as a resumed run does, and train no further."""
    trainer = L.Trainer(max_epochs=1, logger=False, enable_checkpointing=False, **QUIET)
    trainer.fit(model, data, ckpt_path=checkpoint)


def test_epochs_are_not_repeated(mini_root: Path) -> None:
    """Neither the order nor the windows of an epoch come back in the next one."""
    data, seen = mini_protocol(mini_root, rotation_deg=0.0), []

    class Listener(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
            seen.append((batch.slot.tolist(), batch.positions.clone()))

    model = small_model(CSRE_OFF)
    trainer = L.Trainer(max_epochs=2, callbacks=[Listener()], logger=False, enable_checkpointing=False, **QUIET)
    trainer.fit(model, data)
    half = len(seen) // 2
    assert [slots for slots, _ in seen[:half]] != [slots for slots, _ in seen[half:]]
    by_slot: dict[int, list[torch.Tensor]] = {}
    for slots, positions in seen:
        for slot, window in zip(slots, positions, strict=True):
            by_slot.setdefault(slot, []).append(window)
    assert all(len(windows) == 4 for windows in by_slot.values())  # twice per epoch
    for windows in by_slot.values():
        assert not any(torch.equal(a, b) for i, a in enumerate(windows) for b in windows[:i])


def test_schedule() -> None:
    warm = Optimisation(warmup_epochs=3)
    assert [warm.factor(epoch, 10) for epoch in range(3)] == pytest.approx([1 / 3, 2 / 3, 1])
    assert warm.factor(5, 10) == pytest.approx(0.5)
    assert warm.factor(9, 10) == pytest.approx(0.5 * (1 + math.cos(0.9 * math.pi)))
    steps = Optimisation(warmup_epochs=0, milestones=[2, 4])
    assert [Optimisation(warmup_epochs=0, decay=0.9).factor(epoch, 6) for epoch in (0, 3)] == pytest.approx([1, 0.729])
    assert [steps.factor(epoch, 6) for epoch in range(6)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_unknown_names_are_refused(mini_root: Path) -> None:
    with pytest.raises(ValueError, match="optimiser 'lamb' is unknown; choose adamw, adam or sgd"):
        Optimisation(name="lamb")
    with pytest.raises(ValueError, match=r"choose either milestones or decay, not \[3\] and 0.9"):
        Optimisation(milestones=[3], decay=0.9)
    for options, message in (
        ({"preprocess": "centred"}, "unknown preprocess 'centred'; choose one of: part_local, plain"),
        ({"encoder": "stgcn"}, "unknown encoder 'stgcn'; choose one of: agcn, .*hcn"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(small_model(CSRE_OFF, **options), mini_protocol(mini_root), epochs=1)


def test_the_optimisers() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    sgd = Optimisation(name="sgd", lr=0.1, weight_decay=0.01).build([parameter]).defaults
    assert (sgd["lr"], sgd["momentum"], sgd["nesterov"], sgd["weight_decay"]) == (0.1, 0.9, True, 0.01)
    assert type(Optimisation(name="adam").build([parameter])) is torch.optim.Adam
    assert isinstance(Optimisation().build([parameter]), torch.optim.AdamW)


def command_line(
    verb: str, folder: Path, name: str, root: Path, workers: int, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> Path:
    """Run ``python -m models`` in this process and return the folder of the run."""
    config = {
        "seed_everything": 3,
        "model": {
            "encoder_options": {"hidden": 16, "dropout": 0.3}, "preprocess": "plain",
            "contrast": {"positives": 4, "negatives": 8, "positive_fraction": 0.5},
        },
        "data": {
            "class_path": "models.data.protocol.ProtocolData",
            "init_args": {"root": str(root), "steps": 16, "batch_size": 8, "repeats": 1, "workers": workers},
        },
        "trainer": QUIET | {
            "max_epochs": 3, "log_every_n_steps": 1,
            "logger": {
                "class_path": "lightning.pytorch.loggers.CSVLogger",
                "init_args": {"save_dir": str(folder), "name": name, "version": 0},
            },
            "callbacks": [{
                "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
                "init_args": {"monitor": "val/top1", "mode": "max", "save_top_k": -1, "filename": "{epoch}"},
            }],
        },
    }  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["models", verb, "--config", str(path), *arguments])
    main()
    return folder / name / "version_0"


def figures(run: Path) -> list[dict[str, str]]:
    """What the run logged per epoch, as written; epoch column included."""
    epochs: dict[str, dict[str, str]] = {}
    with (run / "metrics.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            kept = {key: value for key, value in row.items() if value and key != "step"}
            epochs.setdefault(row["epoch"], {}).update(kept)
    return [epochs[epoch] for epoch in sorted(epochs)]
