"""From a checkpoint to a bundle: thresholds, figures, graph, description, one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from csre_ros.recognition.bundle_info import BundleInfo, DataSource, Label
from models.data.batch import Batch
from models.data.module import Calibration, SkeletonData
from models.data.scores import Scores
from models.export.calibrate import thresholds
from models.export.run import check_output, onnx_bytes, restore, write_bundle
from models.export.score import score
from models.network.network import Fused, Network
from models.network.preprocess import build_preprocess
from models.training.classifier import ActionClassifier


def export(
    run: Path, output: Path, name: str, fuse: Sequence[Path] = (), checkpoint: str = "best", passes: int = 4
) -> BundleInfo:
    """Write a bundle.

    Args:
        run: Folder of a training run, the one with ``config.yaml`` and ``checkpoints``.
        fuse: Further runs on the same data, of other seeds or streams; the bundle averages their probabilities with
            those of ``run``.
        checkpoint: Which of their checkpoints: ``best`` on the validation part, or ``last``.
        output: Bundle to write; an existing one is replaced.
        name: Name of the bundle.
        passes: Augmented passes over the validation part behind the thresholds.

    Returns:
        The description inside the bundle.

    Raises:
        FileNotFoundError: The folder holds no such run or checkpoint.
        ValueError: Runs differ in what they know, one labels frames, or the output is not called ``.onnx``.
    """
    check_output(output)
    restored = [restore(path, checkpoint, ActionClassifier) for path in (run, *fuse)]
    models, seed = [model for model, *_ in restored], restored[0][2]
    data: SkeletonData = restored[0][1]
    for path, (_, other, *_) in zip((run, *fuse), restored, strict=True):
        if (other.classes, other.spec, other.identity) != (data.classes, data.spec, data.identity):
            raise ValueError(f"{path} has other labels, another window or split than {run}; fuse runs on the same data")
    network = Fused(model.network for model in models) if fuse else models[0].network
    limits = limits_of(network, data, passes)
    test = score(network, data.test_dataloader())
    info = BundleInfo(
        name=name,
        labels=tuple(
            Label(label, limit, label in data.labels.background)
            for label, limit in zip(data.classes, limits, strict=True)
        ),
        layout=data.layout.name,
        dims=data.layout.dims,
        window_s=data.spec.seconds,
        time_steps=data.spec.steps,
        persons=data.persons,
        encoder=" & ".join(model.encoder_name + ("+csre" if model.contrast.enabled else "") for model in models),
        streams=tuple(model.stream for model in models),
        embedding=sum(model.network.encoder.embedding_dim for model in models),
        data=tuple(DataSource(**source) for source in data.terms),
        metrics=tuple(data.figures_of(test)),
        commit=restored[0][3],
        seed=seed,
    )
    if data.done_before:
        for model in models:
            model.network.preprocess = build_preprocess(data.done_before, data.layout)
    return write_bundle(output, onnx_graph(network, data), info)


def limits_of(network: Network | Fused, data: SkeletonData, passes: int) -> list[float]:
    """Threshold of every class, from windows that the network was not trained on; without any, zero."""
    calibration = data.calibration()
    if calibration is None:
        return [0.0] * len(data.classes)
    scores = calibration_scores(network, calibration, data.augment, passes)
    return thresholds(scores, data.background, calibration.weights[scores.slots])


def calibration_scores(
    network: Network | Fused, calibration: Calibration, augment: Callable[[Batch], Batch], passes: int
) -> Scores:
    """Scores of windows as they are, and ``passes`` times augmented, as a camera might deliver them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = score(network, calibration.windows)
        parts = [plain, *(score(network, calibration.windows, augment) for _ in range(passes))]
    return Scores(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.slots for part in parts]),
    )


def onnx_graph(network: Network | Fused, data: SkeletonData) -> bytes:
    """The network as ONNX bytes: batch dynamic, everything else fixed."""
    shape = (2, data.persons, data.spec.steps, len(data.layout))
    example = (torch.rand(*shape, data.layout.dims), torch.ones(shape))
    batch = torch.export.Dim("batch", min=1)
    names = ["positions", "confidence"], ["logits", "embedding"]
    return onnx_bytes(network, example, names, ({0: batch}, {0: batch}))
