"""What CSRE adds to a training step: steps with and without it in turn, in one process, on the same network.

    python -m benchmarks.csre_overhead                                          (small, any CPU)
    python -m benchmarks.csre_overhead --size ntu60 --device cuda --precision bf16   (bank 40,091 x 256, batch 64)

Both banks are full before the clock starts, so every anchor is active, as from the second epoch on. A step is forward,
backward and the optimiser; loading data is not part of it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jsonargparse import auto_cli
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy, normalize

from csre_ros.skeleton import get_layout
from models.csre import CSRELoss
from models.encoders import build_encoder
from models.training.provenance import commit, hardware


@dataclass(frozen=True)
class Size:
    """Shapes of a training step."""

    layout: str
    persons: int
    frames: int
    classes: int
    clips: int
    batch: int


SIZES = {
    "small": Size("kinect20", 1, 52, 10, 5100, 8),
    "ucla": Size("kinect20", 1, 52, 10, 5100, 16),
    "ntu60": Size("ntu25", 2, 64, 60, 40091, 64),
    "ntu120": Size("ntu25", 2, 64, 120, 63026, 64),
}


def measure(
    size: Literal["small", "ucla", "ntu60", "ntu120"] = "small",
    encoder: str = "ctrgcn",
    batch: int | None = None,
    steps: int = 20,
    warm_up: int = 3,
    device: str = "cpu",
    precision: Literal["fp32", "bf16"] = "fp32",
) -> None:
    """Time steps with and without the contrastive branch and print both and their ratio.

    Args:
        size: Shapes: ``small``, ``ucla``, ``ntu60`` or ``ntu120``.
        encoder: Key of ``models.encoders.ENCODERS``.
        batch: Clips per step; that of the size where not given.
        steps: Timed steps of each kind.
        warm_up: Steps of each kind before the clock starts.
        device: Such as cpu or cuda.
        precision: Of the autocast region.
    """
    shape, target = SIZES[size], torch.device(device)
    clips = batch or shape.batch
    step = _training_step(shape, encoder, clips, target, precision)
    times: dict[bool, list[float]] = {False: [], True: []}
    for i in range(warm_up + steps):
        for csre in (False, True) if i % 2 else (True, False):
            _wait(target)
            started = time.perf_counter()
            step(csre)
            _wait(target)
            if i >= warm_up:
                times[csre].append(1000 * (time.perf_counter() - started))
    plain, contrast = (np.array(times[csre]) for csre in (False, True))
    report = {
        "size": size, "encoder": encoder, "batch": clips, "bank": [shape.clips, 256], "precision": precision,
        "steps": steps, "hardware": hardware(target), "threads": torch.get_num_threads(), "torch": torch.__version__,
        "commit": commit(),
        "plain_ms": _percentiles(plain), "csre_ms": _percentiles(contrast),
        # Neighbouring steps share what else the machine does.
        "overhead_percent": round(100 * (float(np.median(contrast / plain)) - 1), 1),
    }  # fmt: skip
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def _training_step(
    shape: Size, encoder: str, batch: int, device: torch.device, precision: str
) -> Callable[[bool], None]:
    torch.manual_seed(0)
    network = build_encoder(
        encoder, shape.classes, get_layout(shape.layout), time_steps=shape.frames, persons=shape.persons
    )
    placed: Any = {"device": device, "memory_format": torch.channels_last}  # torch's own types know no memory format
    network = network.to(**placed).train()
    labels = torch.arange(shape.clips) % shape.classes
    csre = CSRELoss(network.feature_shape, labels).to(device)
    for bank in (csre.spatial.bank, csre.temporal.bank):
        bank.rows.copy_(normalize(torch.randn(bank.rows.shape)))
        bank.enrolled.fill_(True)
    # One optimiser for each kind of step, so that the head costs nothing where it is not used.
    optimisers = {
        with_csre: torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, nesterov=True, weight_decay=4e-4)
        for with_csre, parameters in (
            (False, list(network.parameters())),
            (True, [*network.parameters(), *csre.parameters()]),
        )
    }
    clips = torch.randn(batch, 3, shape.frames, len(get_layout(shape.layout)), shape.persons, device=device)
    labels = labels.to(device)

    def autocast() -> AbstractContextManager[None]:
        return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")

    def step(with_csre: bool) -> None:
        slots = torch.randint(shape.clips, (batch,), device=device)
        optimisers[with_csre].zero_grad()
        with autocast():
            output = network(clips)
            loss = cross_entropy(output.logits, labels[slots])
            if with_csre:
                loss = loss + csre(output.features, labels[slots], slots)[0]
        torch.autograd.backward(loss)
        optimisers[with_csre].step()

    return step


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _percentiles(values: NDArray[np.float64]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(values, q)), 2) for q in (5, 50, 95)}


if __name__ == "__main__":
    auto_cli(measure, as_positional=False)
