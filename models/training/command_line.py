"""LightningCLI as it is used here: the command line decides, and no checkpoint runs code."""

from __future__ import annotations

import os

from lightning.pytorch.cli import LightningCLI

from models.training.classifier import ActionClassifier


class CommandLine(LightningCLI):
    """LightningCLI that trains what its command line says.

    Lightning would let the settings inside a checkpoint take the place of those given, without a word; the model then
    compares itself with the checkpoint's settings in vain. So they stay where they are, and a checkpoint of another
    run is refused when it is loaded.
    """

    def _parse_ckpt_path(self) -> None:
        pass


def run(program: str) -> None:
    """Parse the command line of the process and do what it says.

    Args:
        program: Name of the program in its help.
    """
    # Unpickling a checkpoint runs whatever code it holds. Lightning does so with those it fetches by http.
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    CommandLine(
        ActionClassifier,
        seed_everything_default=0,
        save_config_kwargs={"overwrite": True},
        parser_kwargs={"prog": program},
    )
