"""ONNX Runtime sessions: on the device that was asked for, read back, and warm. Whatever the graph computes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.foreign_text import quoted, sentence

Array = NDArray[np.float32]

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""Devices, and what ONNX Runtime calls the execution provider of each."""

_log = logging.getLogger(__name__)


class InferenceError(ValueError):
    """A graph that does not load, or a device that is not active; the text says why and what to do."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of a graph.

    Attributes:
        kind: Type of the elements as ONNX Runtime writes it, for example ``tensor(float)``.
        shape: Sizes; a name where any size will do.
    """

    kind: str
    shape: tuple[int | str, ...]


class OnnxSession:
    """A loaded graph. Make one with :func:`open_session`.

    Attributes:
        device: Where it runs, read back from ONNX Runtime: a key of :data:`PROVIDERS`.
        inputs: What the graph takes, by name.
        outputs: What it gives, by name.
    """

    def __init__(self, session: Any) -> None:
        first = session.get_providers()[0]
        self.device = next(name for name, provider in PROVIDERS.items() if provider == first)
        self.inputs = {item.name: Tensor(item.type, tuple(item.shape)) for item in session.get_inputs()}
        self.outputs = {item.name: Tensor(item.type, tuple(item.shape)) for item in session.get_outputs()}
        self._session = session

    def run(self, outputs: Sequence[str], feeds: Mapping[str, Array]) -> list[Array]:
        """Compute some outputs from all inputs."""
        found: list[Array] = self._session.run(list(outputs), dict(feeds))
        return found

    def warm_up(self, feeds: Mapping[str, Array]) -> bool:
        """Run once, so that the first run that counts is as fast as the others.

        Returns:
            Whether every output is finite.
        """
        return all(bool(np.isfinite(output).all()) for output in self.run(tuple(self.outputs), feeds))


def open_session(graph: bytes, what: str, device: str = "auto") -> OnnxSession:
    """Load a graph.

    Args:
        graph: A serialised ONNX model.
        what: What it is, for messages.
        device: ``auto`` (CUDA where it works, else CPU), ``cpu``, ``cuda`` or ``tensorrt``.

    Raises:
        InferenceError: The device is not active, or ONNX Runtime does not load the graph.
        ImportError: ONNX Runtime is not installed.
    """
    if device not in ("auto", *PROVIDERS):
        raise InferenceError(f"device is {quoted(device)}; choose one of: auto, {', '.join(PROVIDERS)}")
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise ImportError(
            "bundles run on ONNX Runtime, which is not installed: `pip install csre_ros[cpu]` or, "
            "with an NVIDIA GPU, `pip install csre_ros[gpu]`"
        ) from error
    available = ort.get_available_providers()
    wanted = device if device != "auto" else ("cuda" if PROVIDERS["cuda"] in available else "cpu")
    if PROVIDERS[wanted] not in available:
        raise InferenceError(_inactive(wanted, f"this ONNX Runtime offers {', '.join(available)}"))
    if wanted != "cpu" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # the CUDA libraries that pip installs beside onnxruntime-gpu are on no search path

    options = ort.SessionOptions()
    # The networks are small: more threads gain nothing and spinning ones would eat a robot's cores between decisions.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        loaded = ort.InferenceSession(
            graph, options, providers=list(dict.fromkeys((PROVIDERS[wanted], PROVIDERS["cpu"])))
        )
    except Exception as error:  # ONNX Runtime raises classes of its own, derived from Exception only
        raise InferenceError(
            f"{what} is intact, but ONNX Runtime {ort.__version__} does not load it: {sentence(error)}; "
            "upgrade onnxruntime or export for an older opset"
        ) from error
    session = OnnxSession(loaded)
    if device not in ("auto", session.device):
        raise InferenceError(_inactive(device, f"the session fell back to {PROVIDERS[session.device]}"))
    if session.device != wanted:
        _log.warning("CUDA is offered but does not work here; %s runs on %s", what, session.device)
    return session


def _inactive(device: str, reason: str) -> str:
    return (
        f"device {device!r} was asked for and is not active: {reason}; `pip install csre_ros[gpu]`, "
        "check the NVIDIA driver with `nvidia-smi`, or set device to 'cpu'"
    )
