"""A finished training run read back, and the file that an export writes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, TypeVar

import lightning
import torch
import yaml
from lightning.pytorch.cli import LightningCLI

from csre_ros.recognition.bundle_info import BundleInfo, append_metadata, split_metadata
from models.encoders.streaming.causal import take
from models.training.classifier import ActionClassifier
from models.training.encoder_training import EncoderTraining

Model = TypeVar("Model", bound=EncoderTraining)

_SCORED = {"workers": 0, "composed": 4000}
"""Most of what data read for scoring need: no processes beside, and not every stream that training drew from."""


def restore(run: Path, checkpoint: str, kind: type[Model]) -> tuple[Model, Any, int, str]:
    """Model and data of a training run, ready to be scored, its seed and the commit that trained it, if it is known.

    Args:
        run: Folder with ``config.yaml`` and ``checkpoints``.
        checkpoint: Which of its checkpoints.
        kind: What the run must have trained.

    Raises:
        FileNotFoundError: The folder holds no such run or checkpoint.
        ValueError: The run trained something else, or the bundle that it started from has been replaced.
    """
    config, weights = run / "config.yaml", run / "checkpoints" / f"{checkpoint}.ckpt"
    for path in (config, weights):
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist; --run takes a folder such as runs/live/version_0")
    stored = torch.load(weights, map_location="cpu", weights_only=True)
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    # The others belong to the `fit` subcommand, not to the run.
    settings = {key: value for key, value in settings.items() if key in ("seed_everything", "trainer", "model", "data")}
    settings["trainer"] |= {"logger": False, "callbacks": []}
    given = settings["data"]["init_args"]
    given |= {key: min(most, given[key]) for key, most in _SCORED.items() if key in given}
    named = "class_path" in settings["model"]
    if named:
        settings["model"]["init_args"].pop("initial", None)
    with warnings.catch_warnings():
        # This is no command line: that `export` has arguments of its own is no mistake.
        warnings.filterwarnings("ignore", message="LightningCLI's args parameter")
        cli = LightningCLI(
            lightning.LightningModule if named else ActionClassifier,
            subclass_mode_model=named, run=False, save_config_callback=None, args=settings,
        )  # fmt: skip
    model, data = cli.model, cli.datamodule
    if not isinstance(model, kind):
        other = "export" if isinstance(model, ActionClassifier) else "export-stream"
        raise ValueError(f"{run} trained a {type(model).__name__}: write its bundle with `python -m models {other}`")
    data.setup("test")
    cli.trainer.datamodule = data  # type: ignore[attr-defined]
    model.trainer = cli.trainer
    model.configure_model()
    start = getattr(data, "warm_start", None)
    if start is not None and stored["identity"].get("start") != start.info.digest:
        raise ValueError(f"{start.path} is another bundle than the one that {run} started from; fit again")
    model.network.load_state_dict(take(stored["state_dict"], "network."))
    return model.eval(), data, int(cli.config["seed_everything"]), str(stored.get("commit", ""))


def check_output(output: Path) -> None:
    """Refuse what is not called like a bundle: a slip must not replace a checkpoint.

    Raises:
        ValueError: The output is not called ``.onnx``.
    """
    if output.suffix != ".onnx":
        raise ValueError(f"a bundle is called something.onnx, not {output.name!r}")


def write_bundle(output: Path, graph: bytes, info: BundleInfo) -> BundleInfo:
    """Write graph and description as one file; returns the description as the file has it, with its digest."""
    bundle = append_metadata(graph, info)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(bundle)
    return split_metadata(bundle)[1]


def onnx_bytes(
    network: torch.nn.Module, example: tuple[Any, ...], names: tuple[list[str], list[str]], dynamic: tuple[Any, ...]
) -> bytes:
    """A network as an ONNX graph.

    Args:
        network: What to export.
        example: Its arguments.
        names: Of the inputs and of the outputs.
        dynamic: Dynamic axes of every argument.
    """
    program = torch.onnx.export(
        network.eval(), example, input_names=names[0], output_names=names[1], dynamic_shapes=dynamic,
        dynamo=True, verbose=False,
    )  # fmt: skip
    assert program is not None
    graph: bytes = program.model_proto.SerializeToString()
    return graph
