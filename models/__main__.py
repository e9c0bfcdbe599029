"""``python -m models``: train, test and export encoders from a checkout.

python -m models fit --config models/configs/live_hcn.yaml
python -m models export --run runs/live_hcn/version_0 --output FILE.onnx --name NAME
"""

from __future__ import annotations

import sys

from jsonargparse import auto_cli
from lightning.pytorch.cli import LightningCLI

from models.classifier import ActionClassifier
from models.export import export


def main() -> None:
    """Entry point: ``export``, or a subcommand of LightningCLI (fit, validate, test, predict)."""
    if sys.argv[1:2] == ["export"]:
        info = auto_cli(export, args=sys.argv[2:], prog="python -m models export", as_positional=False)
        sys.stdout.write(info.to_json() + "\n")
        return
    LightningCLI(ActionClassifier, seed_everything_default=0, save_config_kwargs={"overwrite": True})


if __name__ == "__main__":
    main()
