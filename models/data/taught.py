"""Which classes of the data sets are taught in measurements, and left out of the networks that they are taught to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

TAUGHT = Path("models/suites/taught.yaml")
LeftOut = Mapping[str, Sequence[str]]
"""Classes by data set."""


def read_taught(path: Path = TAUGHT) -> Mapping[str, LeftOut]:
    """Name of each set of taught labels, and what it is made of."""
    return _read(path, "taught")


def read_unknown(path: Path = TAUGHT) -> Mapping[str, LeftOut]:
    """Name of each set of labels that are only to be refused, and what it is made of."""
    return _read(path, "unknown")


def _read(path: Path, key: str) -> Mapping[str, LeftOut]:
    sets: Mapping[str, LeftOut] = yaml.safe_load(path.read_text(encoding="utf-8"))[key]
    return sets
