"""What several test folders share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings, which lies outside the repository; without it the test is skipped."""
    folder = Path(os.environ.get("CSRE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}; set CSRE_DATA to the folder that holds them")
    return folder
