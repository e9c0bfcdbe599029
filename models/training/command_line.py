"""LightningCLI as it is used here: the command line decides, no checkpoint runs code, no failure leaves a folder."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import lightning
import yaml
from lightning.pytorch.cli import LightningCLI

from models.training.classifier import ActionClassifier

_BEGUN = ("config.yaml", "hparams.yaml", "metrics.csv")
"""What a run writes before its first epoch is over."""


class CommandLine(LightningCLI):
    """LightningCLI that trains what its command line says.

    Lightning would let the settings inside a checkpoint take the place of those given, without a word; the model then
    compares itself with the checkpoint's settings in vain. So they stay where they are, and a checkpoint of another
    run is refused when it is loaded.
    """

    def _parse_ckpt_path(self) -> None:
        pass

    def _run_subcommand(self, subcommand: str) -> None:
        try:
            super()._run_subcommand(subcommand)
        except BaseException:
            if self.trainer.log_dir is not None:
                forget(Path(self.trainer.log_dir))
            raise


def forget(folder: Path) -> None:
    """Remove the folder of a run that failed before it had anything to keep."""
    kept = [path for path in folder.rglob("*") if path.is_file() and path.name not in _BEGUN]
    if folder.is_dir() and not kept:
        shutil.rmtree(folder)


def run(program: str) -> None:
    """Parse the command line of the process and do what it says.

    Args:
        program: Name of the program in its help.
    """
    # Unpickling a checkpoint runs whatever code it holds. Lightning does so with those it fetches by http.
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    named = _names_its_model(sys.argv[2:])
    CommandLine(
        lightning.LightningModule if named else ActionClassifier,
        subclass_mode_model=named,
        seed_everything_default=0,
        save_config_kwargs={"overwrite": True},
        parser_kwargs={"prog": program},
    )


def _names_its_model(args: Sequence[str]) -> bool:
    """Whether a configuration file names the class of its model, as those of stream models do."""
    files = [after for before, after in pairwise(args) if before == "--config"]
    files += [arg.removeprefix("--config=") for arg in args if arg.startswith("--config=")]
    configs = [yaml.safe_load(Path(file).read_text(encoding="utf-8")) for file in files if Path(file).is_file()]
    models = [config.get("model") for config in configs if isinstance(config, dict)]
    return any(isinstance(model, dict) and "class_path" in model for model in models)
