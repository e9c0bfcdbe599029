"""``python -m models``: train, test, compare and export encoders from a checkout.

python -m models fit --config models/configs/ucla/base.yaml --config models/configs/ucla/ctrgcn.yaml
python -m models table --suite ucla                 train whatever the suite lacks, and write its table
python -m models ensemble --suite ucla              fuse its streams
python -m models plot --suite ucla                  draw its curves, confusion, gains and maps
python -m models export --run runs/live/version_0 --output FILE.onnx --name NAME
python -m models streams --set utkinect --output FOLDER    write continuous recordings with their truth
python -m models prepare-ntu --folder RAW --output NTU60_CS.npz --benchmark ntu60_xsub
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from jsonargparse import auto_cli
from lightning.pytorch.cli import LightningCLI

from csre_ros.recognition.bundle_info import BundleInfo
from models.data.official.ntu import convert
from models.data.stream_files import streams
from models.experiments.ensemble import ensemble
from models.experiments.maps import plot
from models.experiments.table import table
from models.export.export import export
from models.training.classifier import ActionClassifier

COMMANDS: Mapping[str, Callable[..., Any]] = {
    "table": table,
    "ensemble": ensemble,
    "plot": plot,
    "export": export,
    "streams": streams,
    "prepare-ntu": convert,
}


def main() -> None:
    """Entry point: one of :data:`COMMANDS`, or a subcommand of LightningCLI (fit, validate, test, predict)."""
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb in COMMANDS:
        found = auto_cli(COMMANDS[verb], args=sys.argv[2:], prog=f"python -m models {verb}", as_positional=False)
        if found is not None:
            sys.stdout.write((found.to_json() if isinstance(found, BundleInfo) else str(found)) + "\n")
        return
    LightningCLI(ActionClassifier, seed_everything_default=0, save_config_kwargs={"overwrite": True})


if __name__ == "__main__":
    main()
