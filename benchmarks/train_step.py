"""What a training step costs: an encoder beside variants of itself, step by step in turn, in one process.

A step is forward, backward and the optimiser; loading data is not part of it. On a CPU its time is processor time, so
that what else the machine does counts little. The memory banks of the variant *with CSRE* are full before the clock
starts, so that every anchor is active, as from the second epoch on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, normalize

from benchmarks.report import Row
from csre_ros.skeleton import get_layout
from models.csre import CSRELoss
from models.encoders import ENCODERS, build_encoder
from models.encoders.agcn import AdaptiveGraphConv
from models.encoders.base import Encoder

Step = Callable[[], None]


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
) -> Iterator[Row]:
    """Time steps of every encoder and of its variants, and how each stands to the encoder as it is.

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
    for encoder in encoders or list(ENCODERS):
        times = _time(_variants(encoder, shape, clips, target, precision), steps, warm_up, target)
        own = times["as it is"]
        for name, ms in times.items():
            yield Row(f"{encoder}, {name}", list(ms))
            if ms is not own:
                # Neighbouring steps share what else the machine does.
                yield Row(f"{encoder}, {name} / as it is", list(ms / own), "ratio")


def _variants(encoder: str, shape: Size, clips: int, device: torch.device, precision: str) -> dict[str, Step]:
    own = ENCODERS[encoder].memory_format
    last, first = torch.channels_last, torch.contiguous_format
    other = first if own == last else last
    steps = {
        "as it is": _step(encoder, shape, shape.frames, own, clips, device, precision),
        "half the frames": _step(encoder, shape, shape.frames // 2, own, clips, device, precision),
        "other memory format": _step(encoder, shape, shape.frames, other, clips, device, precision),
        "mixing with copies": _step(encoder, shape, shape.frames, own, clips, device, precision, with_copies),
        "with CSRE": _step(encoder, shape, shape.frames, own, clips, device, precision, csre=True),
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
    csre: bool = False,
) -> Step | None:
    """A step of one variant; None where the change does not apply to the encoder."""
    torch.manual_seed(0)
    layout = get_layout(shape.layout)
    network = build_encoder(encoder, shape.classes, layout, time_steps=frames, persons=shape.persons)
    if not change(network):
        return None
    network = network.to(device, memory_format=memory_format).train()  # type: ignore[call-overload]
    classes = torch.arange(shape.clips) % shape.classes
    branch = _branch(network, classes, device) if csre else None
    parameters = [*network.parameters(), *(branch.parameters() if branch else ())]
    optimiser = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, nesterov=True)
    x = torch.randn(clips, 3, frames, len(layout), shape.persons, device=device)
    slots = torch.arange(clips, device=device)
    labels = slots % shape.classes

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            output = network(x)
            loss = cross_entropy(output.logits, labels)
            if branch is not None:
                loss = loss + branch(output.features, labels, slots)[0]
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def _branch(network: Encoder, classes: Tensor, device: torch.device) -> CSRELoss:
    """The CSRE branch with full banks."""
    branch = CSRELoss(network.feature_shape, classes).to(device)
    for bank in (branch.spatial.bank, branch.temporal.bank):
        bank.rows.copy_(normalize(torch.randn(bank.rows.shape)))
        bank.enrolled.fill_(True)
    return branch


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
