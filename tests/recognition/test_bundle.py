"""Loading bundles: real ONNX Runtime, real files, every kind of damage."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from csre_ros import inference
from csre_ros.inference import InferenceError
from csre_ros.recognition import Bundle, BundleError, BundleInfo, shipped_bundles
from csre_ros.recognition import bundle as bundle_module
from csre_ros.recognition.bundle import read_info
from csre_ros.recognition.bundle_info import append_metadata, split_metadata
from csre_ros.recognition.protobuf import bytes_field


def test_runs_a_batch(tiny_bundle: Path) -> None:
    bundle = Bundle.load(tiny_bundle, "cpu")
    bundle.warm_up()
    positions = np.random.default_rng(0).normal(size=(5, *bundle.input_shape)).astype(np.float32)
    logits, embedding = bundle.run(positions, np.ones(positions.shape[:-1], np.float32))
    assert logits.shape == (5, 3)
    np.testing.assert_allclose(embedding, positions.mean(axis=(1, 2)).reshape(5, -1), atol=1e-5)


def test_batch_equals_one_by_one(tiny_bundle: Path) -> None:
    bundle = Bundle.load(tiny_bundle, "cpu")
    positions = np.random.default_rng(1).normal(size=(4, *bundle.input_shape)).astype(np.float32)
    confidence = np.ones(positions.shape[:-1], np.float32)
    together, _ = bundle.run(positions, confidence)
    alone = [bundle.run(positions[i : i + 1], confidence[i : i + 1])[0][0] for i in range(4)]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_onnx_runtime_reads_the_same_description(tiny_bundle: Path) -> None:
    session = ort.InferenceSession(str(tiny_bundle), providers=["CPUExecutionProvider"])
    text = session.get_modelmeta().custom_metadata_map["csre"]
    assert BundleInfo.from_json(text) == read_info(tiny_bundle)


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_device_is_read_back(tiny_bundle: Path, device: str) -> None:
    expected = "cuda" if device == "auto" and "CUDAExecutionProvider" in ort.get_available_providers() else "cpu"
    assert Bundle.load(tiny_bundle, device).device == expected


@pytest.mark.parametrize(("device", "provider"), [("cuda", "CUDA"), ("tensorrt", "Tensorrt")])
def test_a_device_that_is_not_active_is_refused(tiny_bundle: Path, device: str, provider: str) -> None:
    if f"{provider}ExecutionProvider" in ort.get_available_providers():
        pytest.skip(f"{provider} is available here")
    with pytest.raises(BundleError, match=rf"device '{device}' was asked for and is not active.*csre_ros\[gpu\]"):
        Bundle.load(tiny_bundle, device)


def test_a_session_that_falls_back_is_refused(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime lists CUDA but silently runs on the CPU when a library is missing."""
    real = ort.InferenceSession

    def fall_back(blob: bytes, options: ort.SessionOptions, providers: list[str]) -> ort.InferenceSession:
        return real(blob, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(ort, "InferenceSession", fall_back)
    monkeypatch.setattr(ort, "preload_dlls", lambda: None, raising=False)
    with pytest.raises(BundleError, match="fell back to CPUExecutionProvider"):
        Bundle.load(tiny_bundle, "cuda")
    assert Bundle.load(tiny_bundle, "auto").device == "cpu"


def test_unknown_device_lists_the_choices(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="device is 'tpu'; choose one of: auto, cpu, cuda, tensorrt"):
        Bundle.load(tiny_bundle, "tpu")


def test_missing_runtime_names_the_command(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"pip install csre_ros\[cpu\]"):
        Bundle.load(tiny_bundle)
    assert read_info(tiny_bundle).name == "tiny"


def test_importing_recognition_leaves_onnx_runtime_alone() -> None:
    code = "import sys, csre_ros.recognition; print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_names_and_missing_files(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "BUNDLE_FOLDER", tmp_path)
    assert shipped_bundles() == {}
    (tmp_path / "default.onnx").write_bytes(tiny_bundle.read_bytes())
    (tmp_path / "other.onnx").write_bytes(tiny_bundle.read_bytes())
    assert list(shipped_bundles()) == ["default", "other"]
    assert Bundle.load().path == tmp_path / "default.onnx"
    for wrong in ("defualt", tmp_path / "absent.onnx"):
        with pytest.raises(BundleError, match=r"absent|defualt.*choose one of: default, other"):
            Bundle.load(wrong)
    with pytest.raises(BundleError, match="no bundle"):
        Bundle.load(tmp_path)


def test_every_flipped_byte_of_the_graph_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    blob = tiny_bundle.read_bytes()
    damaged = tmp_path / "damaged.onnx"
    for at in range(0, read_info(tiny_bundle).graph_bytes, 23):
        damaged.write_bytes(blob[:at] + bytes([blob[at] ^ 0x10]) + blob[at + 1 :])
        with pytest.raises(BundleError, match=r"damaged\.onnx cannot be used"):
            Bundle.load(damaged)


@pytest.mark.parametrize("kept", [0, 1, 10, 0.3, 0.6, 0.95, -1])
def test_a_truncated_file_is_refused(tiny_bundle: Path, tmp_path: Path, kept: float) -> None:
    blob = tiny_bundle.read_bytes()
    path = tmp_path / "short.onnx"
    path.write_bytes(blob[: int(kept * len(blob)) if isinstance(kept, float) else kept])
    with pytest.raises(BundleError, match=r"short\.onnx cannot be used"):
        Bundle.load(path)


def test_trailing_bytes_are_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    """Protobuf would merge them into the model."""
    path = tmp_path / "long.onnx"
    path.write_bytes(tiny_bundle.read_bytes() + b"\x12\x04evil")
    with pytest.raises(BundleError, match="changed after its export"):
        Bundle.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "no ONNX file"),
        (bytes(range(256)), "no ONNX file"),
        (b"PK\x03\x04" + bytes(64), "no ONNX file"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "foreign.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=message):
        Bundle.load(path)


def test_a_foreign_onnx_model_is_refused(tmp_path: Path, graph_maker) -> None:
    path = tmp_path / "resnet.onnx"
    path.write_bytes(graph_maker())
    with pytest.raises(BundleError, match="without a csre description"):
        Bundle.load(path)


def test_another_schema_is_refused(tmp_path: Path, tiny_bundle: Path) -> None:
    path = tmp_path / "new.onnx"
    path.write_bytes(tiny_bundle.read_bytes().replace(b'{"schema": 1,', b'{"schema": 7,'))
    with pytest.raises(BundleError, match="schema 7, expected 1"):
        Bundle.load(path)


def test_graph_and_description_must_agree(tmp_path: Path, tiny_info: BundleInfo, graph_maker) -> None:
    path = tmp_path / "odd.onnx"
    cases = [
        (graph_maker(), replace(tiny_info, time_steps=32), r"positions is .*\[16|positions is"),
        (graph_maker(), replace(tiny_info, embedding=64), "embedding is"),
        (graph_maker(), replace(tiny_info, labels=tiny_info.labels[:2]), "logits is"),
        (graph_maker(), replace(tiny_info, layout="kinect20"), "positions is"),
        (graph_maker(batch=1), tiny_info, "expected tensor"),
        (graph_maker(logits="scores"), tiny_info, "scores"),
    ]
    for graph, info, message in cases:
        path.write_bytes(append_metadata(graph, info))
        with pytest.raises(BundleError, match=message):
            Bundle.load(path, "cpu")


def test_a_graph_that_does_not_mask_is_refused_at_warm_up(tmp_path: Path, tiny_info: BundleInfo, graph_maker) -> None:
    path = tmp_path / "leaky.onnx"
    path.write_bytes(append_metadata(graph_maker(masked=False), tiny_info))
    bundle = Bundle.load(path, "cpu")
    with pytest.raises(BundleError, match="must mask them"):
        bundle.warm_up()


def test_an_intact_file_that_the_runtime_does_not_load_is_refused(tmp_path: Path, tiny_info: BundleInfo) -> None:
    """Field 1 (ir_version) alone is valid protobuf and no model."""
    path = tmp_path / "empty.onnx"
    path.write_bytes(append_metadata(b"\x08\x09", tiny_info))
    with pytest.raises(BundleError, match=r"is intact, but ONNX Runtime .* does not load it"):
        Bundle.load(path, "cpu")


def test_a_graph_that_never_ends_is_refused_at_warm_up(looping_bundle: Callable[[bool], Path], monkeypatch) -> None:
    monkeypatch.setattr(inference, "LIMIT_S", 1.0)
    bundle = Bundle.load(looping_bundle(True), "cpu")
    begin = time.monotonic()
    with pytest.raises(
        BundleError, match=r"looping\.onnx: the graph was ended after 1 s: it loops, or is far too slow"
    ):
        bundle.warm_up()
    assert time.monotonic() - begin < 5


def test_a_graph_that_loops_when_somebody_is_seen_is_ended(
    looping_bundle: Callable[[bool], Path],
) -> None:
    bundle = Bundle.load(looping_bundle(False), "cpu")
    bundle.warm_up()  # nobody is seen
    positions = np.zeros((1, *bundle.input_shape), np.float32)
    with pytest.raises(InferenceError, match=r"was ended after 0\.5 s"):
        bundle._session.run(
            ["logits"], {"positions": positions, "confidence": np.ones(positions.shape[:-1], np.float32)}, 0.5
        )
    bundle.warm_up()  # and goes on


HOSTILE = {
    "deep": b'{"schema": 1, "name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not UTF-8": b'{"schema": 1, "name": "\xff\xfe\xfa"}',
    "a lone surrogate": b'"name": "\\ud800"',
    "an escape": b'"name": "\\u001b[2J"',
    "a list": b"[1, 2]",
    "a number": b"7",
    "nothing": b"",
    "a giant integer": b'"seed": ' + b"9" * 5000,
    "a giant window": b'"time_steps": 1000000000',
    "a giant crowd": b'"persons": 1000000000',
    "a giant embedding": b'"embedding": 1000000000',
    "an integer of 400 digits": b'"persons": 1' + b"0" * 400,
    "a window that is no number": b'"window_s": NaN',
    "a window without end": b'"window_s": Infinity',
    "a window of text": b'"window_s": "2"',
    "a layout that is a list": b'"layout": ["body13"]',
    "a layout with a name of a megabyte": b'"layout": "' + b"x" * 1_000_000 + b'"',
    "labels that are no list": b'"labels": 3',
    "labels that are lists": b'"labels": [["idle"], ["wave"]]',
    "labels that are no text": b'"labels": [{"name": 1, "threshold": 0.5}, {"name": 2, "threshold": 0.5}]',
    "labels of a megabyte": b'"labels": [{"name": "' + b"x" * 1_000_000 + b'", "threshold": 0.5}]',
    "thresholds that are no number": b'"labels": [{"name": "a", "threshold": NaN}, {"name": "b", "threshold": "1"}]',
    "a million labels": b'"labels": [' + b",".join(b'{"name":"%d","threshold":0}' % i for i in range(100_000)) + b"]",
    "an unknown entry": b'"evil\\u001b[2J": 1',
    "a truth for a number": b'"dims": true',
    "extensions that are deep": b'"extensions": {"x": {"y": ' + b"[" * 900 + b"]" * 900 + b"}}",
    "extensions with a lone surrogate": b'"extensions": {"x": {"y": "\\udfff"}}',
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_description_is_a_bundle_error_of_one_short_line(
    case: str, tmp_path: Path, tiny_bundle: Path
) -> None:
    entry = HOSTILE[case]
    blob = tiny_bundle.read_bytes()
    graph, info = split_metadata(blob)
    if entry.startswith(b'"'):  # replaces the entry of the good description
        text = info.to_json().encode()
        entry = text[:-1] + b", " + entry + b"}"  # of two entries with one name the last counts
    path = tmp_path / "hostile.onnx"
    path.write_bytes(graph + bytes_field(14, bytes_field(1, b"csre") + bytes_field(2, entry)))
    with pytest.raises(BundleError) as refusal:
        Bundle.load(path)
    said = str(refusal.value).replace(str(path), "")
    assert said.isprintable()
    assert len(said) < 1500
