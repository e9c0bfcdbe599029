"""From a checkpoint to a bundle: thresholds, figures, graph, description, one file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import yaml
from lightning.pytorch.cli import LightningCLI
from numpy.typing import NDArray

from csre_ros.recognition.bundle_info import BundleInfo, DataSource, Label, Metric, append_metadata, split_metadata
from models.data.live import LiveData
from models.data.module import SkeletonData
from models.data.split import SplitData
from models.data.windows import kind_of
from models.export.calibrate import thresholds
from models.export.scores import Scores, score
from models.network.network import Fused, Network
from models.training.classifier import ActionClassifier
from models.training.provenance import commit

# What a robot sees of people who do nothing for it: mostly stillness, then other movements, work at a desk, and now and
# then one of the lookalikes that training is full of. A judgement about rooms with robots, not a measurement. Weighting
# came in after unweighted thresholds had left a slow wave on a demonstration clip unreported; the shares were set once.
BACKGROUND_SHARES = {"still": 0.60, "clip": 0.20, "desk": 0.15, "raised": 0.04, "legless": 0.01}


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
        ValueError: Runs differ in what they know.
    """
    restored = [restore(path, checkpoint) for path in (run, *fuse)]
    models, data, seed = [model for model, _, _ in restored], restored[0][1], restored[0][2]
    for path, (_, other, _) in zip((run, *fuse), restored, strict=True):
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
        metrics=tuple(figures(test, data)),
        commit=commit(),
        seed=seed,
    )
    bundle = append_metadata(onnx_graph(network, data), info)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(bundle)
    return split_metadata(bundle)[1]


def restore(run: Path, checkpoint: str) -> tuple[ActionClassifier, SkeletonData, int]:
    """Model and data of a training run, ready to be scored, and its seed.

    Raises:
        FileNotFoundError: The folder holds no such run or checkpoint.
    """
    config, weights = run / "config.yaml", run / "checkpoints" / f"{checkpoint}.ckpt"
    for path in (config, weights):
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; --run takes a folder such as runs/live_hcn/version_0")
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    # These belong to the `fit` subcommand, not to the run.
    settings = {key: value for key, value in settings.items() if key in ("seed_everything", "trainer", "model", "data")}
    settings["trainer"] |= {"logger": False, "callbacks": []}
    settings["data"]["init_args"]["workers"] = 0
    with warnings.catch_warnings():
        # This is no command line: that `export` has arguments of its own is no mistake.
        warnings.filterwarnings("ignore", message="LightningCLI's args parameter")
        cli = LightningCLI(ActionClassifier, run=False, save_config_callback=None, args=settings)
    model, data = cli.model, cli.datamodule
    data.setup("test")
    cli.trainer.datamodule = data  # type: ignore[attr-defined]
    model.trainer = cli.trainer
    model.configure_model()
    state = torch.load(weights, map_location="cpu", weights_only=False)
    model.load_state_dict(state["state_dict"])
    return model.eval(), data, int(cli.config["seed_everything"])


def limits_of(network: Network | Fused, data: SkeletonData, passes: int) -> list[float]:
    """Threshold of every class, from validation windows that the network was not trained on; without any, zero."""
    if isinstance(data, LiveData):
        calibration = calibration_scores(network, data, passes)
        background = {data.labels.index(label) for label in data.labels.background}
        return thresholds(calibration, background, background_weights(calibration, data))
    assert isinstance(data, SplitData)
    if not data.held_out or not len(data.parts["val"]):
        return [0.0] * len(data.classes)
    return thresholds(calibration_scores(network, data, passes), ())


def calibration_scores(network: Network | Fused, data: LiveData | SplitData, passes: int) -> Scores:
    """Scores of validation windows: the fixed ones, then augmented ones as a camera might deliver them."""
    loader = data.validation() if isinstance(data, SplitData) else data.val_dataloader()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = [score(network, loader), *(score(network, loader, data.augment) for _ in range(passes))]
    return Scores(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.slots for part in parts]),
    )


def background_weights(scores: Scores, data: LiveData) -> NDArray[np.float64]:
    """``[N]`` weights that give every kind of background window the share that :data:`BACKGROUND_SHARES` names."""
    items = [data.val.items[slot] for slot in scores.slots]
    kinds = np.array([kind_of(item, data.val.clips) for item in items])
    is_background = np.isin(scores.labels, [data.labels.index(name) for name in data.labels.background])
    weights = np.zeros(len(items))
    for kind, share in BACKGROUND_SHARES.items():
        chosen = is_background & (kinds == kind)
        weights[chosen] = share / max(int(chosen.sum()), 1)
    return weights


def figures(test: Scores, data: SkeletonData) -> list[Metric]:
    """Accuracy on the test part, and on its subsets or for each of its data sets."""
    right = test.probabilities.argmax(1) == test.labels
    if isinstance(data, SplitData):
        protocol = f"test clips, {data.identity}"
        parts = {name: mask[test.slots] for name, mask in data.test_subsets.items()}
        whole = f"{len(right)} {protocol}"
    else:
        assert isinstance(data, LiveData)
        protocol = "clips of the even subjects, one window each; trained on odd subjects"
        sources = np.array([data.test.clips[data.test.items[slot].clip].source for slot in test.slots])
        parts = {str(source): sources == source for source in np.unique(sources)}
        whole = f"all sets, {len(right)} {protocol}"
    found = [Metric("top-1", round(float(right.mean()), 4), whole)]
    for name, chosen in parts.items():
        found.append(Metric(f"top-1 {name}", round(float(right[chosen].mean()), 4), f"{chosen.sum()} {protocol}"))
    return found


def onnx_graph(network: Network | Fused, data: SkeletonData) -> bytes:
    """The network as ONNX bytes: batch dynamic, everything else fixed."""
    shape = (2, data.persons, data.spec.steps, len(data.layout))
    example = (torch.rand(*shape, data.layout.dims), torch.ones(shape))
    batch = torch.export.Dim("batch", min=1)
    program = torch.onnx.export(
        network.eval(),
        example,
        input_names=["positions", "confidence"],
        output_names=["logits", "embedding"],
        dynamic_shapes=({0: batch}, {0: batch}),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    graph: bytes = program.model_proto.SerializeToString()
    return graph
