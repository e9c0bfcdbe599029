"""From a training run to a bundle that the runtime loads, and that computes what the trainer computed."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import pytest
import torch
import yaml

from csre_ros.recognition import Bundle, BundleError, BundleInfo
from csre_ros.recognition.bundle_info import split_metadata
from csre_ros.recognition.window import PersonWindow
from csre_ros.skeleton import FloatArray
from models.__main__ import main
from models.data.clips import Clip, read_clips
from models.data.live import BACKGROUND_SHARES, LiveData
from models.data.protocol import ProtocolData
from models.data.scores import Scores
from models.data.windows import clip_at, kind_of, to_body
from models.export.calibrate import thresholds
from models.export.export import calibration_scores, export
from models.export.run import restore
from models.export.score import score
from models.export.stream import export_stream
from models.training.classifier import ActionClassifier
from models.training.encoder_training import EncoderTraining
from models.training.labeller import StreamLabeller

LABELS = Path(__file__).parents[2] / "models" / "configs" / "labels_live.yaml"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*(many workers|Consider increasing|logging interval)"),
]


def train(root: Path, folder: Path, data: dict[str, object], preprocess: str) -> Path:
    """A short run through the command line; its folder."""
    config = {
        "seed_everything": 7,
        "model": {
            "encoder_options": {"hidden": 16, "dropout": 0.0}, "preprocess": preprocess,
            "contrast": {"positives": 4, "negatives": 8, "positive_fraction": 0.5},
            "optimisation": {"lr": 5.0e-3, "warmup_epochs": 0},
        },
        "data": data | {"init_args": data["init_args"] | {"root": str(root), "workers": 0, "batch_size": 32}},
        "trainer": {
            "accelerator": "cpu", "max_epochs": 3, "enable_progress_bar": False, "enable_model_summary": False,
            "logger": {
                "class_path": "lightning.pytorch.loggers.CSVLogger",
                "init_args": {"save_dir": str(folder), "name": "run", "version": 0},
            },
            "callbacks": [{
                "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
                "init_args": {"monitor": "val/top1", "mode": "max", "save_last": True, "filename": "best"},
            }],
        },
    }  # fmt: skip
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    call("fit", "--config", str(path))
    return folder / "run" / "version_0"


def call(*arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["models", *arguments])
        main()


@dataclass(frozen=True)
class Exported:
    """A bundle, and what it was made of."""

    run: Path
    printed: str
    bundle: Bundle
    model: ActionClassifier
    data: LiveData


@pytest.fixture(scope="module")
def exported(mini_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("live")
    settings = {"sets": ["utd_mhad"], "labels_file": str(LABELS), "epoch_windows": 480}
    run = train(mini_root, folder, {"class_path": "models.data.live.LiveData", "init_args": settings}, "part_local")
    output = folder / "new folder" / "mini.onnx"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        call("export", "--run", str(run), "--output", str(output), "--name", "mini", "--passes", "1")
    model, data, *_ = restore(run, "best", ActionClassifier)
    assert isinstance(data, LiveData)
    return Exported(run, printed.getvalue(), Bundle.load(output, device="cpu"), model, data)


def in_torch(exported: Exported, positions: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
    with torch.no_grad():
        logits, embedding = exported.model.network(torch.from_numpy(positions), torch.from_numpy(confidence))
    return logits.numpy(), embedding.numpy()


def assert_close(found: FloatArray, expected: FloatArray) -> None:
    """Within 1e-4 of the largest value."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_weights_are_those_of_the_checkpoint(exported: Exported) -> None:
    saved = torch.load(exported.run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(
        saved["network.encoder.hidden.weight"], exported.model.network.encoder.state_dict()["hidden.weight"]
    )
    assert not exported.model.training


@pytest.mark.parametrize("batch", [1, 3, 12])
@pytest.mark.parametrize("hidden", [0.0, 0.3, 1.0])
def test_the_bundle_computes_what_torch_computes(batch: int, hidden: float, exported: Exported) -> None:
    """With none, some, or all joints unseen (NaN)."""
    rng = np.random.default_rng(batch)
    shape = (batch, *exported.bundle.input_shape)
    positions = (rng.normal(size=shape) * 0.4 + (0, 0, 2.5)).astype(np.float32)
    confidence = rng.uniform(0.3, 1.0, shape[:-1]).astype(np.float32)
    confidence[rng.random(shape[:-1]) < hidden] = 0
    positions[confidence == 0] = np.nan
    for found, expected in zip(
        exported.bundle.run(positions, confidence), in_torch(exported, positions, confidence), strict=True
    ):
        assert np.isfinite(found).all()
        assert_close(found, expected)


def assert_both_paths_agree(exported: Exported, clip: Clip) -> None:
    """The trainer's window of a clip in torch, against the runtime's window and the bundle, at every tenth frame."""
    info = exported.bundle.info
    live = PersonWindow(clip.positions.shape[1], 3, info.window_s)
    for i in range(len(clip)):
        live.step(round(i * 1e9 / clip.rate), clip.positions[i], clip.confidence[i])
        if i % 10 == 9:
            online = exported.bundle.run(*(value[None, None] for value in live.sample(info.time_steps)))
            end = i / clip.rate
            so_far = replace(clip, positions=clip.positions[: i + 1], confidence=clip.confidence[: i + 1])
            window = clip_at(so_far, np.linspace(end - info.window_s, end, info.time_steps))
            offline = in_torch(exported, *(value[None, None] for value in window))
            for found, expected in zip(online, offline, strict=True):
                assert_close(found, expected)


@pytest.mark.parametrize("action", ["wave", "squat"])
def test_trainer_and_runtime_agree_on_a_clip(action: str, exported: Exported, make_clip: Callable[..., Clip]) -> None:
    (clip,) = to_body([make_clip(action, 2)])
    confidence = clip.confidence.copy()
    confidence[5:15, 3] = 0  # a wrist vanishes for a while
    confidence[20, :] = 0  # and everybody for one frame
    assert_both_paths_agree(exported, replace(clip, confidence=confidence))


def test_trainer_and_runtime_agree_on_real_clips(exported: Exported, shared_data: Path) -> None:
    """30 Hz and 15 Hz, empty frames among them."""
    for name in ("utd_mhad", "msr_action3d"):
        clips = read_clips(name, shared_data)
        holey = [clip for clip in clips if not clip.confidence.any(1).all()]
        for clip in to_body([*clips[::200], *holey[:2]]):
            assert_both_paths_agree(exported, clip)


def test_what_the_bundle_says_about_itself(exported: Exported) -> None:
    info, data = exported.bundle.info, exported.data
    assert (info.name, info.encoder, info.streams, info.seed) == ("mini", "hcn+csre", ("joint",), 7)
    assert (info.layout, info.dims, info.window_s, info.time_steps, info.persons) == ("body13", 3, 2.0, 32, 1)
    assert tuple(label.name for label in info.labels) == data.classes
    assert {label.name for label in info.labels if label.background} == data.labels.background
    assert [source.name for source in info.data] == ["utd_mhad", "mediapipe_16words (negatives)"]


def calibrated(exported: Exported, passes: int) -> Scores:
    """Scores of the windows behind the thresholds, drawn as in the export."""
    calibration = exported.data.calibration()
    return calibration_scores(exported.model.network, calibration, exported.data.augment, passes)


def test_thresholds_come_from_the_validation_part(exported: Exported) -> None:
    """The same draw gives the same thresholds; background gets 0."""
    data, labels = exported.data, exported.bundle.info.labels
    scores = calibrated(exported, passes=1)
    assert len(scores.labels) == 2 * len(data.parts["val"])
    assert {data.classes[index] for index in data.background} == data.labels.background
    again = thresholds(scores, data.background, data.calibration().weights[scores.slots])
    assert [label.threshold for label in labels] == again
    assert all((label.threshold == 0) == label.background for label in labels)


def test_calibration_sees_the_validation_part_plain_and_augmented(exported: Exported) -> None:
    scores = calibrated(exported, passes=2)
    plain, first, second = np.split(scores.probabilities, 3)
    expected = score(exported.model.network, exported.data.validation())
    np.testing.assert_array_equal(plain, expected.probabilities)
    np.testing.assert_array_equal(scores.labels, np.tile(expected.labels, 3))
    np.testing.assert_array_equal(scores.slots, np.tile(expected.slots, 3))
    for one, other in ((plain, first), (first, second)):
        assert (one != other).any(axis=1).mean() > 0.9


def test_background_counts_by_how_often_a_robot_meets_it(exported: Exported) -> None:
    """Every kind has its share, spread evenly over its windows; actions have none."""
    data = exported.data
    val, weights = data.parts["val"], data.calibration().weights
    kinds = np.array([kind_of(item, val.clips) for item in val.items])
    of_background = np.isin([data.classes[item.label] for item in val.items], list(data.labels.background))
    assert (weights[~of_background] == 0).all()
    for kind in ("still", "desk", "raised", "legless"):
        chosen = weights[of_background & (kinds == kind)]
        assert chosen.sum() == pytest.approx(BACKGROUND_SHARES[kind])
        assert np.ptp(chosen) == 0
    assert sum(BACKGROUND_SHARES.values()) == pytest.approx(1)


def test_figures_come_from_the_test_part(exported: Exported) -> None:
    test = score(exported.model.network, exported.data.test_dataloader())
    right = float((test.probabilities.argmax(1) == test.labels).mean())
    assert len(test.labels) == 32
    found = {metric.name: (metric.value, metric.protocol) for metric in exported.bundle.info.metrics}
    assert set(found) == {"top-1", "top-1 utd_mhad"}
    assert found["top-1"][0] == found["top-1 utd_mhad"][0] == round(right, 4)
    assert found["top-1"][1].startswith("32 clips of the even subjects")


def test_the_digest_guards_the_file(exported: Exported, tmp_path: Path) -> None:
    blob = exported.bundle.path.read_bytes()
    graph, info = split_metadata(blob)
    assert info.digest
    assert info.graph_bytes == len(graph)
    assert info == exported.bundle.info
    damaged = bytearray(blob)
    damaged[len(graph) // 2] ^= 1
    (tmp_path / "damaged.onnx").write_bytes(damaged)
    with pytest.raises(BundleError, match="changed after its export"):
        Bundle.load(tmp_path / "damaged.onnx", device="cpu")


def test_the_command_prints_what_the_file_says(exported: Exported) -> None:
    printed = BundleInfo.from_json(exported.printed.strip().splitlines()[-1])
    assert printed == exported.bundle.info
    assert printed.digest


@pytest.mark.parametrize("kind", [ActionClassifier, StreamLabeller])
@pytest.mark.parametrize("missing", ["config.yaml", "checkpoints/best.ckpt"])
def test_a_missing_run_is_refused(missing: str, kind: type[EncoderTraining], tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for path in {"config.yaml", "checkpoints/best.ckpt"} - {missing}:
        (tmp_path / path).touch()
    with pytest.raises(FileNotFoundError, match=rf"{missing} does not exist; --run takes a folder such as runs/"):
        restore(tmp_path, "best", kind)


@pytest.mark.parametrize("hold_out", [True, False])
def test_a_benchmark_run_becomes_a_bundle(hold_out: bool, trap: Path, mini_root: Path, tmp_path: Path) -> None:
    """Whole clips, the classes of the set; thresholds only where a part of the training data was kept for them."""
    settings = {"steps": 16, "hold_out": hold_out, "watch_test": True}
    run = train(
        mini_root, tmp_path, {"class_path": "models.data.protocol.ProtocolData", "init_args": settings}, "plain"
    )
    info = export(run, tmp_path / "benchmark.onnx", "benchmark", checkpoint="last", passes=1)
    model, data, *_ = restore(run, "last", ActionClassifier)
    (run / "checkpoints" / "trap.ckpt").write_bytes(trap.read_bytes())
    with pytest.raises(UnpicklingError, match="Weights only load failed"):
        restore(run, "trap", ActionClassifier)
    assert not trap.with_name("sprung").exists()
    assert isinstance(data, ProtocolData)
    expected = score(model.network, data.test_dataloader())
    right = float((expected.probabilities.argmax(1) == expected.labels).mean())
    assert [(metric.name, metric.value) for metric in info.metrics] == [("top-1", round(right, 4))]
    assert info.metrics[0].protocol == f"{len(expected.labels)} test clips, {data.identity}"
    calibration = data.calibration()
    assert (calibration is not None) is hold_out
    if calibration is not None:
        chosen = thresholds(calibration_scores(model.network, calibration, data.augment, passes=1), ())
    assert [label.threshold for label in info.labels] == (chosen if hold_out else [0.0] * 4)
    bundle = Bundle.load(tmp_path / "benchmark.onnx", device="cpu")
    batch = next(iter(data.test_dataloader()))
    with torch.no_grad():
        logits, embedding = model.network(batch.positions, batch.confidence)
    found = bundle.run(batch.positions.numpy(), batch.confidence.numpy())
    assert_close(found[0], logits.numpy())
    assert_close(found[1], embedding.numpy())


def test_fused_runs_average_their_probabilities(exported: Exported, tmp_path: Path) -> None:
    """The same run twice must answer like itself, with two embeddings side by side."""
    output = tmp_path / "fused.onnx"
    info = export(exported.run, output, "fused", fuse=[exported.run], passes=1)
    single, fused = exported.bundle, Bundle.load(output, device="cpu")
    assert info.embedding == 2 * single.info.embedding
    assert info.streams == ("joint", "joint")
    rng = np.random.default_rng(0)
    shape = (3, *single.input_shape)
    positions = rng.normal(0, 0.3, shape).astype(np.float32)
    confidence = np.ones(shape[:-1], np.float32)
    logits, embedding = single.run(positions, confidence)
    mean, both = fused.run(positions, confidence)
    expected = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(np.exp(mean), expected / expected.sum(1, keepdims=True), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(both, np.concatenate((embedding, embedding), axis=1), rtol=1e-5, atol=1e-6)


def test_runs_that_know_other_things_are_not_fused(exported: Exported, mini_root: Path, tmp_path: Path) -> None:
    settings = {"sets": ["utd_mhad"], "labels_file": str(LABELS), "epoch_windows": 64, "seconds": 1.0}
    data = {"class_path": "models.data.live.LiveData", "init_args": settings}
    run = train(mini_root, tmp_path, data, "part_local")
    with pytest.raises(ValueError, match="another window"):
        export(exported.run, tmp_path / "x.onnx", "x", fuse=[run])


def test_a_bundle_does_what_the_data_did_before(
    mini_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samples that were boxed on their way into training are boxed by the bundle; the figures are of boxed samples."""
    settings = {"steps": 16}
    data = {"class_path": "models.data.protocol.ProtocolData", "init_args": settings}
    run = train(mini_root, tmp_path, data, "given")
    plain = export(run, tmp_path / "plain.onnx", "plain", passes=0)
    monkeypatch.setattr(ProtocolData, "done_before", "unit_box")
    boxed = export(run, tmp_path / "boxed.onnx", "boxed", passes=0)
    assert boxed.metrics == plain.metrics
    bundles = [Bundle.load(tmp_path / f"{name}.onnx", device="cpu") for name in ("plain", "boxed")]
    positions = np.random.default_rng(0).normal(size=(3, *bundles[0].input_shape)).astype(np.float32)
    confidence = np.ones(positions.shape[:-1], np.float32)
    low, high = (bound(positions, axis=(1, 2, 3), keepdims=True) for bound in (np.min, np.max))
    by_hand = (positions - low) / (high - low) * 2 - 1
    for found, expected in zip(bundles[1].run(positions, confidence), bundles[0].run(by_hand, confidence), strict=True):
        assert_close(found, expected)


@pytest.mark.parametrize("write", [export, export_stream])
def test_a_slip_in_the_name_replaces_no_checkpoint(write, tmp_path):
    (tmp_path / "best.ckpt").write_bytes(b"precious")
    with pytest.raises(ValueError, match=r"a bundle is called something.onnx, not 'best.ckpt'"):
        write(tmp_path, tmp_path / "best.ckpt", "x")
    assert (tmp_path / "best.ckpt").read_bytes() == b"precious"
