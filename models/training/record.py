"""What a training run leaves behind for tables, plots and ensembles.

In the folder of the run: ``history.json`` (every epoch, with the figures of validation and test where it was scored),
``scores_last.npz`` and ``scores_best.npz`` (logits and embeddings of the validation and test samples after the last
scored epoch and after the best one on the validation part, with masks of the subsets of the test samples), and, when
the run is complete, ``result.json``.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_info
from numpy.typing import NDArray
from torch import Tensor

from models.data.batch import Batch
from models.data.module import SkeletonData
from models.training.classifier import ActionClassifier
from models.training.provenance import commit, hardware

Arrays = dict[str, NDArray[Any]]
_PARTS = ("val", "test")


class Record(Callback):
    """Keeps the history of a run across resumes and writes its files after every epoch.

    The best epoch is the first one with the highest accuracy on the validation part. The test part is scored where the
    data watches it, and nothing is chosen by it.
    """

    def __init__(self) -> None:
        self.history: list[dict[str, float]] = []
        self._scores: dict[str, dict[str, list[Tensor]]] = {}
        self._started = self._trained = self._lr = 0.0
        self._commit = ""

    def state_dict(self) -> dict[str, Any]:
        """The history so far."""
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the history of the checkpoint."""
        self.history = state_dict["history"]

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note the commit that trains; the checkout may move on meanwhile."""
        self._commit = commit()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock of the epoch."""
        self._scores, self._trained = {}, 0.0
        self._lr = trainer.optimizers[0].param_groups[0]["lr"]
        self._started = time.monotonic()

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock: only training counts."""
        self._trained = time.monotonic() - self._started
        self._scores = {part: defaultdict(list) for part in _PARTS}

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Collect the scores of a batch."""
        part = self._scores[_PARTS[dataloader_idx]]
        for key, value in (*outputs.items(), ("label", batch.label), ("slot", batch.slot)):
            part[key].append(value.detach().float().cpu() if value.is_floating_point() else value.cpu())

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the figures and the scores of the epoch."""
        data: SkeletonData = trainer.datamodule  # type: ignore[attr-defined]
        self._trained = self._trained or time.monotonic() - self._started
        scores = {part: _merge(collected) for part, collected in self._scores.items() if collected}
        tested = scores.get("test")
        masks = {name: mask[tested["slot"]] for name, mask in data.test_subsets.items()} if tested else {}
        row = {"epoch": trainer.current_epoch, "seconds": self._trained, "lr": self._lr}
        # Of an epoch that was not scored, the metrics still hold what an earlier one had.
        current = ("train", *scores)
        row |= {key: float(value) for key, value in trainer.callback_metrics.items() if key.split("/")[0] in current}
        row |= {f"{part}/top1": accuracy(part_scores) for part, part_scores in scores.items()}
        row |= {f"test/top1 {name}": accuracy(scores["test"], mask) for name, mask in masks.items()}
        best = max((past["val/top1"] for past in self.history if "val/top1" in past), default=-1.0)
        better = row.get("val/top1", -1.0) > best
        self.history.append(row)
        folder = run_folder(trainer)  # on every rank: they agree on it
        if trainer.is_global_zero:
            flat: Arrays = {"classes": np.array(data.classes)}
            flat |= {f"mask_{name}": mask for name, mask in masks.items()}
            flat |= {f"{part}_{key}": value for part, arrays in scores.items() for key, value in arrays.items()}
            for name in (("last", "best") if better else ("last",)) if scores else ():
                with _replacing(folder / f"scores_{name}.npz") as part, part.open("wb") as file:
                    np.savez(file, **flat)
            write_json(folder / "history.json", self.history)
            self._say(row, trainer.max_epochs or 0)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the result of a run that has seen all its epochs."""
        folder = run_folder(trainer)
        if len(self.history) == trainer.max_epochs and trainer.is_global_zero:
            assert isinstance(pl_module, ActionClassifier)
            write_json(folder / "result.json", self._result(trainer, pl_module))

    def _say(self, row: Mapping[str, float], epochs: int) -> None:
        left = (epochs - row["epoch"] - 1) * float(np.median([past["seconds"] for past in self.history]))
        shown = {key: value for key, value in row.items() if "/top1" in key or key.endswith(("ce", "csre"))}
        figures = ", ".join(f"{key} {value:.4g}" for key, value in shown.items())
        rank_zero_info(f"epoch {row['epoch'] + 1:.0f} of {epochs}: {figures}; about {left / 60:.0f} min left")

    def _result(self, trainer: L.Trainer, model: ActionClassifier) -> dict[str, Any]:
        data: SkeletonData = trainer.datamodule  # type: ignore[attr-defined]
        return {
            "encoder": model.encoder_name,
            "csre": model.contrast.enabled,
            "stream": model.stream,
            "data": data.identity,
            "held_out": data.held_out,
            "seed": int(os.environ.get("PL_GLOBAL_SEED", 0)),
            "epochs": trainer.max_epochs,
            "figures": figures(self.history),
            "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
            "seconds_per_epoch": round(float(np.median([row["seconds"] for row in self.history])), 2),
            "devices": trainer.world_size,
            "precision": str(trainer.precision),
            "hardware": hardware(trainer.strategy.root_device),  # The model itself is back on the CPU by now.
            "torch": torch.__version__,
            "commit": self._commit,
        }


def figures(history: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The three test figures of a run by name, each with its epoch (from 1) and the figures on subsets.

    ``last epoch``: nothing chosen. ``best validation epoch``: chosen on the validation part. ``best test epoch``: what
    published protocols report; optimistic, because the test part chooses. A run that did not watch the test part has
    only the validation figures of the first two. Epochs that were not scored take no part.

    Raises:
        ValueError: The last epoch was not scored.
    """
    if "val/top1" not in history[-1]:
        raise ValueError("the last epoch was not scored; let trainer.check_val_every_n_epoch divide trainer.max_epochs")
    scored = [row for row in history if "val/top1" in row]
    chosen = {"last epoch": history[-1], "best validation epoch": max(scored, key=lambda row: row["val/top1"])}
    if "test/top1" in history[-1]:
        chosen["best test epoch"] = max(scored, key=lambda row: row["test/top1"])
    return {
        name: {"epoch": row["epoch"] + 1}
        | {key: value for key, value in row.items() if key.startswith(("val/top1", "test/top1"))}
        for name, row in chosen.items()
    }


def accuracy(scores: Arrays, mask: NDArray[np.bool_] | None = None) -> float:
    """Share of right answers, among the masked samples only where a mask is given."""
    right = scores["logits"].argmax(1) == scores["label"]
    return float(right[mask].mean() if mask is not None else right.mean())


def run_folder(trainer: L.Trainer) -> Path:
    """Where the logger writes.

    Raises:
        ValueError: The trainer has no logger that writes files.
    """
    if trainer.log_dir is None:
        raise ValueError("Record writes into the folder of the logger; set trainer.logger to a CSVLogger")
    folder = Path(trainer.log_dir)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_json(path: Path, content: Any) -> None:
    """Write a file that is never half there."""
    with _replacing(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    part = path.with_suffix(f".{os.getpid()}.part")
    yield part
    part.replace(path)


def _merge(collected: Mapping[str, Sequence[Tensor]]) -> Arrays:
    """Samples of all batches and ranks in the order of their slots, each once."""
    arrays = {key: torch.cat(list(values)).numpy() for key, values in collected.items()}
    if dist.is_available() and dist.is_initialized():
        ranks: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(ranks, arrays)
        arrays = {key: np.concatenate([rank[key] for rank in ranks]) for key in arrays}
    _, first = np.unique(arrays["slot"], return_index=True)
    return {key: value[first] for key, value in arrays.items()}
