"""What several test folders share: real recordings, and a tiny real bundle.

The bundle is an ONNX graph of a few nodes that tells raised arms from hanging ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable
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


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings, which lies outside the repository; without it the test is skipped."""
    folder = Path(os.environ.get("CSRE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}; set CSRE_DATA to the folder that holds them")
    return folder
