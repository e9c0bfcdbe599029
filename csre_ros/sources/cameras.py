"""The cameras of this machine, without opening any: another program may be using one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

_V4L = Path("/sys/class/video4linux")


@dataclass(frozen=True)
class Camera:
    """A device that Linux calls a video device.

    Attributes:
        spec: How a source names it.
        name: What the device calls itself.
        device: Its file.
    """

    spec: str
    name: str
    device: Path


def list_cameras(folder: Path = _V4L) -> list[Camera]:
    """Everything that may be opened as ``camera:N``, by number.

    Of the two devices that most cameras have, the second one carries data about pictures and is left out.

    Raises:
        OSError: Only Linux says which cameras there are.
    """
    if not sys.platform.startswith("linux"):
        raise OSError("cameras are listed on Linux only; try camera:0, camera:1, ...")
    found = []
    for entry in folder.glob("video[0-9]*"):
        number = int(entry.name.removeprefix("video"))
        if _text(entry / "index") in ("", "0"):
            found.append((number, Camera(f"camera:{number}", _text(entry / "name"), Path("/dev") / entry.name)))
    return [camera for _, camera in sorted(found, key=lambda one: one[0])]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
