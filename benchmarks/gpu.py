"""Networks of bundles on a GPU: as the runtime calls them, with bound memory, and replayed as a CUDA graph.

One command on a machine with an NVIDIA GPU and ``pip install 'csre_ros[gpu]'``; elsewhere it says what is missing. The
rows ``cuda graph`` fix the batch: the addresses of inputs, states and outputs stay, and one launch replays a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Row, timed
from csre_ros.inference import PROVIDERS
from csre_ros.recognition import Bundle
from csre_ros.recognition.bundle_info import split_metadata

Feeds = Mapping[str, NDArray[np.float32]]


def measure(
    bundles: tuple[str, ...] = ("default", "window"),
    people: tuple[int, ...] = (1, 12, 64),
    providers: tuple[str, ...] = ("cpu", "cuda", "tensorrt"),
    repeats: int = 300,
) -> Iterator[Row]:
    """Time calls of every bundle on every provider.

    Args:
        bundles: Names or paths.
        people: Sizes of the batch.
        providers: Of ``csre_ros.inference.PROVIDERS``; those that are not there are left out.
        repeats: Calls that are timed.

    Raises:
        ImportError: ONNX Runtime has no GPU provider.
    """
    import onnxruntime as ort

    there = ort.get_available_providers()
    if not {PROVIDERS["cuda"], PROVIDERS["tensorrt"]} & set(there):
        raise ImportError(
            f"ONNX Runtime here has {', '.join(there)} and nothing for a GPU; on a machine with one: "
            "pip uninstall onnxruntime; pip install 'csre_ros[gpu]'"
        )
    for name in bundles:
        bundle = Bundle.load(name, device="cpu")
        graph, _ = split_metadata(bundle.path.read_bytes())
        for batch in people:
            feeds = feeds_of(bundle, batch)
            for provider in providers:
                if PROVIDERS[provider] in there:
                    yield from rows_of(f"{name}, {batch}, {provider}", graph, feeds, provider, repeats)


def feeds_of(bundle: Bundle, batch: int) -> Feeds:
    """Inputs of a call."""
    rng = np.random.default_rng(0)
    shape = bundle.input_shape[-2:] if bundle.info.stream else bundle.input_shape
    positions = rng.normal(0, 0.3, (batch, *shape)).astype(np.float32)
    feeds = {"positions": positions, "confidence": np.ones(positions.shape[:-1], np.float32)}
    if bundle.info.stream:
        feeds |= {f"state_{name}_in": state for name, state in bundle.beginning(batch).items()}
    return feeds


def rows_of(what: str, graph: bytes, feeds: Feeds, provider: str, repeats: int) -> Iterator[Row]:
    """Copied, bound and, on CUDA, replayed calls; each must give what the CPU gives."""
    expected = session_of(graph, "cpu", {}).run(None, dict(feeds))
    session = session_of(graph, provider, {})
    check(what, session.run(None, dict(feeds)), expected)
    yield Row(f"{what}, copied", timed(lambda: session.run(None, dict(feeds)), repeats, warm_up=20))
    graphs = [("cuda graph", {"enable_cuda_graph": "1"})] if provider == "cuda" else []
    for how, options in (("bound", {}), *graphs):
        other = session_of(graph, provider, options)
        binding = other.io_binding()
        values = bind(other, binding, feeds, expected, "cpu" if provider == "cpu" else "cuda")
        yield Row(f"{what}, {how}", timed(lambda: other.run_with_iobinding(binding), repeats, warm_up=20))  # noqa: B023
        check(f"{what}, {how}", [value.numpy() for value in values], expected)


def session_of(graph: bytes, provider: str, options: dict[str, str]) -> Any:
    """A session on one provider.

    Raises:
        RuntimeError: ONNX Runtime fell back to another.
    """
    import onnxruntime as ort

    session = ort.InferenceSession(graph, providers=[(PROVIDERS[provider], options)])
    if session.get_providers()[0] != PROVIDERS[provider]:
        raise RuntimeError(f"{provider} was asked for, and {session.get_providers()[0]} came; see ONNX Runtime's log")
    return session


def bind(session: Any, binding: Any, feeds: Feeds, outputs: list[Any], device: str) -> list[Any]:
    """Put inputs and outputs into the memory of a device, for good; the outputs."""
    import onnxruntime as ort

    for name, value in feeds.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(value, device, 0))
    found = [ort.OrtValue.ortvalue_from_shape_and_type(list(one.shape), np.float32, device, 0) for one in outputs]
    for output, value in zip(session.get_outputs(), found, strict=True):
        binding.bind_ortvalue_output(output.name, value)
    return found


def check(what: str, found: list[Any], expected: list[Any]) -> None:
    """A wrong result is no figure.

    Raises:
        RuntimeError: An output differs from that of the CPU by more than rounding.
    """
    for one, other in zip(found, expected, strict=True):
        if not np.allclose(one, other, rtol=1e-2, atol=1e-3 * max(1.0, float(np.abs(other).max()))):
            raise RuntimeError(f"{what}: the result differs from that of the CPU by {np.abs(one - other).max():g}")
