"""What several test folders share: real recordings, and a tiny real bundle.

The bundle is an ONNX graph of a few nodes that tells raised arms from hanging ones.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from csre_ros.recognition import BundleInfo, Label
from csre_ros.recognition.bundle_info import DataSource, Metric, append_metadata
from csre_ros.skeleton import FloatArray, get_layout

BODY13 = get_layout("body13")
JOINTS = len(BODY13)

INFO = BundleInfo(
    name="tiny",
    labels=(Label("idle", 0.5, background=True), Label("raise_right", 0.6), Label("raise_left", 0.6)),
    layout="body13",
    dims=3,
    window_s=1.0,
    time_steps=16,
    persons=1,
    encoder="linear",
    streams=("joint",),
    embedding=JOINTS * 3,
    data=(DataSource("made up", "none"),),
    metrics=(Metric("accuracy", 1.0, "made up"),),
    commit="0000000",
    seed=0,
)


def weights() -> FloatArray:
    """``[V * 3, classes]``: how far each wrist lies above its shoulder (y points down), in units of 5 cm."""
    matrix = np.zeros((JOINTS, 3, 3), dtype=np.float32)
    for label, side in ((1, "right"), (2, "left")):
        matrix[BODY13.index[f"{side}_shoulder"], 1, label] = 20
        matrix[BODY13.index[f"{side}_wrist"], 1, label] = -20
    return matrix.reshape(JOINTS * 3, 3)


def make_graph(
    info: BundleInfo = INFO, batch: int | str = "batch", logits: str = "logits", masked: bool = True
) -> bytes:
    """Mean position over the window, then :func:`weights`. The arguments make graphs that break one rule each."""
    pytest.importorskip("onnx", reason="the bundle of the tests is written with onnx: pip install onnx")
    from onnx import ModelProto, TensorProto, helper, numpy_helper

    window = [batch, info.persons, info.time_steps, JOINTS]
    inputs = [
        helper.make_tensor_value_info("positions", TensorProto.FLOAT, [*window, 3]),
        helper.make_tensor_value_info("confidence", TensorProto.FLOAT, window),
    ]
    outputs = [
        helper.make_tensor_value_info(logits, TensorProto.FLOAT, [batch, 3]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, info.embedding]),
    ]
    constants = {
        "zero": np.zeros((), np.float32),
        "axes": np.array([1, 2]),
        "flat": np.array([-1, info.embedding]),
        "weights": weights(),
    }
    nodes = [
        helper.make_node("IsNaN", ["positions"], ["missing"]),
        helper.make_node("Where", ["missing", "zero" if masked else "positions", "positions"], ["seen"]),
        helper.make_node("ReduceMean", ["seen", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "flat"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "weights"], [logits]),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    return ModelProto.SerializeToString(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    )


STREAM_INFO = replace(
    INFO,
    name="tiny-stream",
    window_s=1.0,
    time_steps=15,
    encoder="leaky mean",
    extensions={
        "stream": {"required": True, "rate_hz": 15.0, "delay_s": 0.2, "receptive_s": 1.0},
        "decoder": {"min_duration_s": 0.13, "leave": 0.6, "onset": 0.5, "bridge_s": 0.3, "bridges_s": {}},
    },
)
KEPT = 0.5
"""Share of the past that a step of the tiny stream network keeps."""


def make_stream_graph(info: BundleInfo = STREAM_INFO, lost_state: bool = False, masked: bool = True) -> bytes:
    """A step: a leaky mean of what was seen, then :func:`weights`. The states are the sum and its weight."""
    pytest.importorskip("onnx", reason="the bundle of the tests is written with onnx: pip install onnx")
    from onnx import ModelProto, TensorProto, helper, numpy_helper

    def tensor(name: str, *shape: int) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    inputs = [tensor("positions", JOINTS, 3), tensor("confidence", JOINTS)]
    inputs += [tensor("state_sum_in", JOINTS, 3), tensor("state_weight_in", JOINTS, 1)]
    outputs = [tensor("logits", 3), tensor("embedding", info.embedding), tensor("state_sum_out", JOINTS, 3)]
    outputs += [] if lost_state else [tensor("state_weight_out", JOINTS, 1)]
    constants = {
        "zero": np.zeros((), np.float32),
        "least": np.full((), 1e-6, np.float32),
        "kept": np.full((), KEPT, np.float32),
        "last": np.array([2]),
        "flat": np.array([-1, info.embedding]),
        "weights": weights(),
    }
    nodes = [
        helper.make_node("IsNaN", ["positions"], ["missing"]),
        helper.make_node("Where", ["missing", "zero" if masked else "positions", "positions"], ["known"]),
        helper.make_node("Unsqueeze", ["confidence", "last"], ["sure"]),
        helper.make_node("Mul", ["known", "sure"], ["weighted"]),
        helper.make_node("Mul", ["state_sum_in", "kept"], ["old_sum"]),
        helper.make_node("Add", ["old_sum", "weighted"], ["state_sum_out"]),
        helper.make_node("Mul", ["state_weight_in", "kept"], ["old_weight"]),
        helper.make_node("Add", ["old_weight", "sure"], ["state_weight_out"]),
        helper.make_node("Max", ["state_weight_out", "least"], ["divisor"]),
        helper.make_node("Div", ["state_sum_out", "divisor"], ["mean"]),
        helper.make_node("Reshape", ["mean", "flat"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "weights"], ["logits"]),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny_stream", inputs, outputs, tensors)
    return ModelProto.SerializeToString(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    )


def make_looping_graph(info: BundleInfo, always: bool) -> bytes:
    """A graph that never ends: whatever comes in, or only where somebody is seen."""
    from onnx import ModelProto, TensorProto, helper, numpy_helper

    joints = 13
    window = ["batch", info.persons, info.time_steps, joints]
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_in"], ["go_out"]), helper.make_node("Identity", ["x_in"], ["x_out"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x_in", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x_out", TensorProto.FLOAT, None),
        ],
    )
    constants = {
        "trips": np.array(2**62),
        "half": np.array(-1.0 if always else 0.5, np.float32),
        "zero": np.zeros((), np.float32),
        "axes": np.array([1, 2]),
        "flat": np.array([-1, info.embedding]),
        "weights": np.zeros((joints * 3, 3), np.float32),
    }
    nodes = [
        helper.make_node("ReduceMax", ["confidence"], ["seen"], keepdims=0),
        helper.make_node("Greater", ["seen", "half"], ["go"]),
        helper.make_node("Loop", ["trips", "go", "seen"], ["spun"], body=body),
        helper.make_node("IsNaN", ["positions"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "positions"], ["known"]),
        helper.make_node("ReduceMean", ["known", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "flat"], ["flattened"]),
        helper.make_node("Add", ["flattened", "spun"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "looping",
        [
            helper.make_tensor_value_info("positions", TensorProto.FLOAT, [*window, 3]),
            helper.make_tensor_value_info("confidence", TensorProto.FLOAT, window),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", info.embedding]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(ModelProto.SerializeToString(model))


@pytest.fixture(autouse=True)
def _hang_up_as_in_a_terminal() -> Iterator[None]:
    """Whoever runs the tests under ``nohup`` ignores SIGHUP, and so would every process that the tests start."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def tiny_info() -> BundleInfo:
    return INFO


@pytest.fixture
def graph_maker() -> Callable[..., bytes]:
    return make_graph


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a valid bundle: idle, raise_right, raise_left over one second of body13."""
    path = tmp_path_factory.mktemp("bundle") / "tiny.onnx"
    path.write_bytes(append_metadata(make_graph(), INFO))
    return path


@pytest.fixture
def stream_info() -> BundleInfo:
    return STREAM_INFO


@pytest.fixture
def stream_graph_maker() -> Callable[..., bytes]:
    return make_stream_graph


@pytest.fixture(scope="session")
def stream_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a valid bundle that labels every frame: idle, raise_right, raise_left of body13, 0.2 s late."""
    path = tmp_path_factory.mktemp("bundle") / "tiny_stream.onnx"
    path.write_bytes(append_metadata(make_stream_graph(), STREAM_INFO))
    return path


@pytest.fixture
def looping_bundle(tmp_path: Path) -> Callable[[bool], Path]:
    """Writes a bundle whose graph never ends: whatever comes in (True), or where somebody is seen (False)."""
    pytest.importorskip("onnx", reason="the bundle of the tests is written with onnx: pip install onnx")

    def write(always: bool) -> Path:
        path = tmp_path / "looping.onnx"
        path.write_bytes(append_metadata(make_looping_graph(INFO, always), INFO))
        return path

    return write


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings, which lies outside the repository; without it the test is skipped."""
    folder = Path(os.environ.get("CSRE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}; set CSRE_DATA to the folder that holds them")
    return folder
