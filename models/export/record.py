"""Figures of a bundle as JSON, printed and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from csre_ros.recognition.bundle_info import BundleInfo
from models.training.provenance import commit, hardware


def head(info: BundleInfo) -> dict[str, str]:
    """What stands beside all figures: which bundle was measured, by which commit, and where."""
    return {
        "bundle": info.name,
        "digest": info.digest,
        "commit": commit(),
        "hardware": hardware(torch.device("cpu")),
    }


def write_record(record: Mapping[str, Any], output: Path | None) -> str:
    """The record as JSON, which is also written to a file where one is named; its folder is made."""
    text = json.dumps(record, indent=1)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n", encoding="utf-8")
    return text
