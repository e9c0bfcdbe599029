"""What a finished run leaves in the repository: one small file, from which tables are made on any machine.

``models/results/runs/SUITE/RUN.json`` holds the recipe, the figures, the curve and the answer to every test clip after
the last epoch. Whoever has the file need not make the run again: a queue takes it for done.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training.record import write_json

FAMILY = 1
"""Runs of one family may be compared. Raise it when a change alters what a run computes by more than rounding.

1: NW-UCLA is scaled over the whole turned clip.
"""

Result = dict[str, Any]
_DIGITS = 5


@dataclass(frozen=True, eq=False)
class Answers:
    """Which class a run gave every test clip after its last epoch.

    Attributes:
        classes: Names of the K classes.
        labels: ``[N]`` true classes, in the order of the test part.
        predictions: ``[N]``.
        subsets: ``[N]`` masks by name.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    subsets: Mapping[str, NDArray[np.bool_]]

    @property
    def right(self) -> NDArray[np.bool_]:
        """``[N]`` whether the answer is true."""
        right: NDArray[np.bool_] = self.predictions == self.labels
        return right

    def pack(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "classes": list(self.classes),
            "labels": _pack(self.labels),
            "predictions": _pack(self.predictions),
            "subsets": {name: _pack(mask) for name, mask in self.subsets.items()},
        }

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Answers:
        """What :meth:`pack` returned."""
        subsets = {name: _unpack(text).astype(bool) for name, text in packed["subsets"].items()}
        return cls(tuple(packed["classes"]), _unpack(packed["labels"]), _unpack(packed["predictions"]), subsets)


def write_record(folder: Path, path: Path) -> None:
    """Turn the folder of a finished run into its record.

    Args:
        folder: With ``recipe.json``, ``result.json``, ``history.json`` and ``scores_last.npz``.
        path: Where the record goes.
    """
    recipe, result, history = (_read(folder / f"{name}.json") for name in ("recipe", "result", "history"))
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"family": recipe["family"], "recipe": recipe, "result": result, "curve": _columns(history)}
    with np.load(folder / "scores_last.npz") as scores:
        if "test_logits" in scores:
            masks = {key.removeprefix("mask_"): scores[key] for key in scores if key.startswith("mask_")}
            predictions = scores["test_logits"].argmax(1)
            answers = Answers(tuple(map(str, scores["classes"])), scores["test_label"], predictions, masks)
            record["test"] = answers.pack()
    write_json(path, record)


def read_record(path: Path) -> Result | None:
    """A record as it was written; None where there is none."""
    return _read(path) if path.is_file() else None


def answers_of(record: Mapping[str, Any]) -> Answers | None:
    """The answers in a record; None where the run did not watch the test part."""
    return Answers.unpack(record["test"]) if "test" in record else None


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _columns(history: Iterable[Mapping[str, float]]) -> dict[str, list[float | None]]:
    """The history by key, without the digits that nobody compares; None where an epoch was not scored."""
    rows = list(history)
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: [float(f"{row[key]:.{_DIGITS}g}") if key in row else None for row in rows] for key in keys}


def _pack(values: NDArray[Any]) -> str:
    """Small whole numbers as text: 16-bit little-endian, deflated, base64."""
    return base64.b64encode(zlib.compress(values.astype("<u2").tobytes(), 9)).decode()


def _unpack(text: str) -> NDArray[np.int64]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<u2").astype(np.int64)
