"""Images to measure with: no video ships, so the clip is named, or found where the tests find it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from csre_ros.sources import open_source


def images_of(source: Path | None) -> list[NDArray[np.uint8]]:
    """Frames of a clip ``[H, W, 3]``, BGR.

    Raises:
        FileNotFoundError: No clip is named, and there is none in CSRE_DATA.
    """
    if source is None:
        source = Path(os.environ.get("CSRE_DATA", ".")) / "video" / "wave.mp4"
    if not source.is_file():
        raise FileNotFoundError(f"{source} does not exist; name a clip with one person: --source CLIP.mp4")
    with open_source(str(source)) as stored:
        return [frame.image for frame in stored if frame.image is not None]
