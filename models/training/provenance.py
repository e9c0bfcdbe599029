"""Where a figure comes from: commit and hardware."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import torch


def commit(folder: Path = Path(__file__).parent) -> str:
    """Short name of the checked-out commit, with ``-dirty`` behind it where tracked files have other content.

    Tables and records do not count: a queue writes them beside the runs that it makes. Empty outside a repository.
    """

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, cwd=folder)

    name = git("rev-parse", "--short", "HEAD").stdout.strip()
    changed = git("diff", "--quiet", "HEAD", "--", ":(top)", ":(top,exclude)models/results").returncode
    return f"{name}-dirty" if name and changed else name


def hardware(device: torch.device) -> str:
    """Name of the device that computes, and of the processor."""
    processor = platform.processor() or platform.machine()
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{processor} (CPU)"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
