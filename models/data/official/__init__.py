"""The data sets in the form in which their authors publish them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from models.data.official.msr import read_msr
from models.data.official.recording import Recording
from models.data.official.ucla import read_ucla
from models.data.official.utd import read_utd
from models.data.official.utkinect import read_utkinect
from models.data.report import LoadReport

OFFICIAL_READERS: Mapping[str, Callable[[Path, LoadReport], list[Recording]]] = {
    "nw_ucla": read_ucla,
    "utd_mhad": read_utd,
    "msr_action3d": read_msr,
    "utkinect": read_utkinect,
}
"""By key of ``models.data.clips.DATA_SETS``: folder of the extracted files to recordings, in the order of the shared
form. Remarks go into the report."""
