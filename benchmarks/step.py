"""One step of a stream network against the same network over a whole window, as it would answer without states.

Both graphs have the same weights, drawn at random, and run as bundles do: in ONNX Runtime, on one thread. The shorter
window holds the frames that an answer depends on. Steps over a window's frames must end in the window's answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Row, timed
from csre_ros.inference import open_session
from csre_ros.skeleton import get_layout

if TYPE_CHECKING:
    from models.network.stream import StreamNetwork

Array = NDArray[np.float32]
States = dict[str, Array]
Answer = Callable[[], Array]

_LAYOUT, _RATE_HZ, _CLASSES = "body13", 15.0, 30
_TURN = 10
"""Answers of the one before the other has its turn."""
_OPTIONS: dict[str, dict[str, Any]] = {"hcn": {"width": 128}, "ctrgcn": {}}
"""Of the encoders; ``hcn`` as models/configs/stream.yaml has it."""


def measure(
    encoders: tuple[str, ...] = ("hcn", "ctrgcn"), frames: tuple[int, ...] = (300,), repeats: int = 100
) -> Iterator[Row]:
    """Processor time of an answer about one person.

    Args:
        encoders: Streaming encoders.
        frames: Further lengths of windows, such as whole clips.
        repeats: Answers of each that are timed.

    Raises:
        ImportError: PyTorch, which writes the graphs, is not installed.
        RuntimeError: Steps and window answer differently.
    """
    for name in encoders:
        network = network_of(name)
        needed = network.encoder.receptive_frames + 1  # velocities look one frame back
        for count in (needed, *frames):
            step, window = answers(network, count)
            of_step: list[float] = []
            of_window: list[float] = []
            for _ in range(-(-repeats // _TURN)):  # what else the machine does falls on both
                of_step += timed(step, _TURN, warm_up=1, clock=time.process_time)
                of_window += timed(window, _TURN, warm_up=1, clock=time.process_time)
            what = f"{name}, window of {count} frames"
            yield Row(f"{what}: a step", of_step)
            yield Row(f"{what}: the window", of_window)
            yield Row(f"{what}: the window over a step", [float(np.median(of_window) / np.median(of_step))], "times")


def network_of(encoder: str) -> StreamNetwork:
    """A stream network of untrained weights."""
    import torch

    from models.encoders.streaming import build_stream_encoder
    from models.network.stream import StreamNetwork
    from models.network.stream_front import StreamFront

    torch.manual_seed(0)
    front = StreamFront(get_layout(_LAYOUT), _RATE_HZ)
    options = _OPTIONS.get(encoder, {})
    inner = build_stream_encoder(encoder, _CLASSES, front.output_layout, front.channels, **options)
    return StreamNetwork(front, inner, range(_CLASSES)).eval()


def answers(network: StreamNetwork, frames: int) -> tuple[Answer, Answer]:
    """What gives logits ``[1, labels]`` of the last of so many frames: by one more step, and by the whole window.

    Raises:
        RuntimeError: They differ by more than rounding.
    """
    rng = np.random.default_rng(0)
    joints, dims = len(network.front.output_layout) - 1, network.front.dims
    positions = np.cumsum(rng.normal(0, 0.02, (1, frames, joints, dims)), axis=1, dtype=np.float64).astype(np.float32)
    confidence = np.ones(positions.shape[:-1], np.float32)
    window = _window(network, positions, confidence)
    step, states = _step(network)
    for i in range(frames):
        logits, states = step(positions[:, i], confidence[:, i], states)
    if not np.allclose(logits, found := window(), rtol=1e-3, atol=1e-3 * float(np.abs(logits).max())):
        raise RuntimeError(f"steps and window of {frames} frames differ by {np.abs(logits - found).max():g}")
    return lambda: step(positions[:, -1], confidence[:, -1], states)[0], window


def _step(network: StreamNetwork) -> tuple[Callable[..., tuple[Array, States]], States]:
    """One step, and the states before the first."""
    from models.export.stream import step_graph

    session, shapes = open_session(step_graph(network), "the step", "cpu"), network.state_shapes()
    outputs = ["logits", *(f"state_{name}_out" for name in shapes)]

    def step(positions: Array, confidence: Array, states: States) -> tuple[Array, States]:
        logits, *after = session.run(outputs, {"positions": positions, "confidence": confidence, **states})
        return logits, dict(zip(states, after, strict=True))

    return step, {f"state_{name}_in": np.zeros((1, *shape), np.float32) for name, shape in shapes.items()}


def _window(network: StreamNetwork, positions: Array, confidence: Array) -> Answer:
    import torch

    from models.export.run import onnx_bytes

    class Window(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, positions: torch.Tensor, confidence: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(positions, confidence)[0]
            return logits[:, -1]

    example, names = (torch.from_numpy(positions), torch.from_numpy(confidence)), ["positions", "confidence"]
    session = open_session(onnx_bytes(Window(), example, (names, ["logits"]), ({}, {})), "the window", "cpu")
    feeds = {"positions": positions, "confidence": confidence}
    return lambda: session.run(["logits"], feeds)[0]
