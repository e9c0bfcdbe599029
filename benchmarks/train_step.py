"""What makes a training step faster: an encoder beside variants of itself, step by step in turn, in one process.

    python -m benchmarks.train_step                             (all encoders, NW-UCLA's shapes)
    python -m benchmarks.train_step --encoders '[agcn]' --steps 20 --precision fp32

A step is forward, backward and the optimiser; loading data is not part of it. On a CPU its time is processor time, so
that what else the machine does counts little; ratios are medians over neighbouring steps.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from jsonargparse import auto_cli
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy

from benchmarks.csre_overhead import SIZES, Size
from csre_ros.skeleton import get_layout
from models.encoders import ENCODERS, build_encoder
from models.encoders.agcn import AdaptiveGraphConv
from models.training.provenance import commit, hardware

Step = Callable[[], None]


class CopyingAdaptiveGraphConv(AdaptiveGraphConv):
    """Mixes over the last axis, as published: the clip, or the product, is copied on the way."""

    def mix(self, x: Tensor, graph: Tensor) -> Tensor:
        """As :meth:`AdaptiveGraphConv.mix`."""
        channels, frames, joints = x.shape[1:]
        received = (x.reshape(-1, 1, channels * frames, joints) @ graph).reshape(-1, 3 * channels, frames, joints)
        return conv2d(received, self.value.weight, self.value_bias.sum(0))


def with_copies(network: nn.Module) -> bool:
    """Let a network mix as published, in place; whether it has a unit that can."""
    units = [unit for unit in network.modules() if type(unit) is AdaptiveGraphConv]
    for unit in units:
        unit.__class__ = CopyingAdaptiveGraphConv
    return bool(units)


def measure(
    encoders: list[str] | None = None,
    size: Literal["small", "ucla", "ntu60", "ntu120"] = "ucla",
    batch: int | None = None,
    steps: int = 12,
    warm_up: int = 2,
    device: str = "cpu",
    precision: Literal["fp32", "bf16"] = "bf16",
) -> None:
    """Time steps of every encoder and of its variants and print them with their ratios.

    Args:
        encoders: Keys of ``models.encoders.ENCODERS``; all by default.
        size: Shapes: ``small``, ``ucla``, ``ntu60`` or ``ntu120``.
        batch: Clips per step; that of the size where not given.
        steps: Timed steps of each variant.
        warm_up: Steps of each variant before the clock starts.
        device: Such as cpu or cuda.
        precision: Of the autocast region.
    """
    shape, target = SIZES[size], torch.device(device)
    clips = batch or shape.batch
    found: dict[str, dict[str, dict[str, float]]] = {}
    for encoder in encoders or list(ENCODERS):
        times = _time(_variants(encoder, shape, clips, target, precision), steps, warm_up, target)
        own = times["as it is"]
        found[encoder] = {
            name: {"ms": round(float(np.median(ms)), 1), "ratio": round(float(np.median(ms / own)), 2)}
            for name, ms in times.items()
        }
    report = {
        "size": size, "batch": clips, "precision": precision, "steps": steps, "hardware": hardware(target),
        "threads": torch.get_num_threads(), "torch": torch.__version__, "commit": commit(), "encoders": found,
    }  # fmt: skip
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def _variants(encoder: str, shape: Size, clips: int, device: torch.device, precision: str) -> dict[str, Step]:
    own = ENCODERS[encoder].memory_format
    last, first = torch.channels_last, torch.contiguous_format
    other = first if own == last else last
    steps = {
        "as it is": _step(encoder, shape, shape.frames, own, clips, device, precision),
        "half the frames": _step(encoder, shape, shape.frames // 2, own, clips, device, precision),
        "other memory format": _step(encoder, shape, shape.frames, other, clips, device, precision),
        "mixing with copies": _step(encoder, shape, shape.frames, own, clips, device, precision, with_copies),
    }
    return {name: step for name, step in steps.items() if step is not None}


def _step(
    encoder: str,
    shape: Size,
    frames: int,
    memory_format: torch.memory_format,
    clips: int,
    device: torch.device,
    precision: str,
    change: Callable[[nn.Module], bool] = lambda network: True,
) -> Step | None:
    """A step of one variant; None where the change does not apply to the encoder."""
    torch.manual_seed(0)
    layout = get_layout(shape.layout)
    network = build_encoder(encoder, shape.classes, layout, time_steps=frames, persons=shape.persons)
    if not change(network):
        return None
    network = network.to(device, memory_format=memory_format).train()  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    x = torch.randn(clips, 3, frames, len(layout), shape.persons, device=device)
    labels = torch.arange(clips, device=device) % shape.classes

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = cross_entropy(network(x).logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def _time(variants: dict[str, Step], steps: int, warm_up: int, device: torch.device) -> dict[str, NDArray[np.float64]]:
    """``[steps]`` milliseconds of every variant."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for i in range(warm_up + steps):
        for name in list(variants)[:: 1 if i % 2 else -1]:
            started = _clock(device)
            variants[name]()
            if i >= warm_up:
                times[name].append(1000 * (_clock(device) - started))
    return {name: np.array(found) for name, found in times.items()}


def _clock(device: torch.device) -> float:
    if device.type != "cuda":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


if __name__ == "__main__":
    auto_cli(measure, as_positional=False)
