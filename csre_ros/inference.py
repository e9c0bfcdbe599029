"""ONNX Runtime sessions: on the device that was asked for, read back, and warm. Whatever the graph computes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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

LIMIT_S, COMPILE_S = 10.0, 300.0
"""Longest time of a run in seconds, and of the first one where a device compiles the graph."""
_TICK_S, _IDLE_TICKS = 0.25, 20

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

    def run(self, outputs: Sequence[str], feeds: Mapping[str, Array], limit_s: float = LIMIT_S) -> list[Array]:
        """Compute some outputs from all inputs.

        Raises:
            InferenceError: The graph fails on these values, or took longer than the limit.
        """
        from onnxruntime import RunOptions

        options = RunOptions()
        try:
            with _watched(options, limit_s):
                found: list[Array] = self._session.run(list(outputs), dict(feeds), options)
        except Exception as error:  # ONNX Runtime raises classes of its own, derived from Exception only
            if options.terminate:
                raise InferenceError(
                    f"the graph was ended after {limit_s:g} s: it loops, or is far too slow"
                ) from error
            raise InferenceError(f"the graph fails: {sentence(error)}") from error
        return found

    def warm_up(self, feeds: Mapping[str, Array]) -> bool:
        """Run once, so that the first run that counts is as fast as the others.

        Returns:
            Whether every output is finite.

        Raises:
            InferenceError: As for :meth:`run`; the limit is longer on devices that compile the graph at first.
        """
        limit_s = LIMIT_S if self.device == "cpu" else COMPILE_S
        return all(bool(np.isfinite(output).all()) for output in self.run(tuple(self.outputs), feeds, limit_s))


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


class _Watchdog:
    """Ends runs that take too long. One thread looks after all of them; it lives only while there are any.

    A graph is a program: it may hold a loop that never ends, also one that only some input enters.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadlines: dict[int, tuple[float, Any]] = {}
        self._thread: threading.Thread | None = None

    def add(self, options: Any, limit_s: float) -> None:
        with self._lock:
            self._deadlines[id(options)] = (time.monotonic() + limit_s, options)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()

    def remove(self, options: Any) -> None:
        with self._lock:
            self._deadlines.pop(id(options), None)

    def _watch(self) -> None:
        idle = 0
        while True:
            time.sleep(_TICK_S)
            with self._lock:
                idle = 0 if self._deadlines else idle + 1
                for deadline, options in self._deadlines.values():
                    if time.monotonic() > deadline:
                        options.terminate = True
                if idle > _IDLE_TICKS:
                    self._thread = None
                    return


_watchdog = _Watchdog()


@contextmanager
def _watched(options: Any, limit_s: float) -> Iterator[None]:
    """Within, a run with these options ends after so many seconds."""
    _watchdog.add(options, limit_s)
    try:
        yield
    finally:
        _watchdog.remove(options)
