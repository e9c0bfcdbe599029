"""Memory that loading a model took goes back to the system."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from csre_ros.pose.model_memory import give_back

_BLOCKS, _SIZE = 1000, 60_000  # below the size from which glibc returns a block by itself


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this is not glibc")
def test_what_was_freed_below_something_in_use_goes_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [libc.malloc(_SIZE) for _ in range(_BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, _SIZE)
    in_use = libc.malloc(_SIZE)
    for block in blocks:
        libc.free(block)
    before_mb = _resident_mb()
    give_back()
    assert before_mb - _resident_mb() > 0.5 * _BLOCKS * _SIZE / 1e6
    libc.free(in_use)
