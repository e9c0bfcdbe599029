"""Which classes of the data sets are taught in measurements, and left out of the networks that they are taught to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

TAUGHT = Path("models/suites/taught.yaml")


def read_taught(path: Path = TAUGHT) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Name of each set of taught labels, and their classes by data set."""
    table: Mapping[str, Mapping[str, Sequence[str]]] = yaml.safe_load(path.read_text(encoding="utf-8"))["taught"]
    return table
