"""A model that lies in memory once, however many graphs read it; and what loading it took is given back."""

from __future__ import annotations

import ctypes
import os
import sys
import weakref


class ModelFile:
    """The content of a model file as a file that is on no disk, which MediaPipe maps instead of copying it.

    Handed over as bytes, MediaPipe copies a model into the description of each of its graphs, several times: 30 MB for
    one of 9 MB. A file in the cache could be replaced between the check of its digest and its use; this one cannot.

    Args:
        content: The model.

    Attributes:
        asset: What ``BaseOptions`` of MediaPipe Tasks takes: a path, or the bytes where the system has no such files.
    """

    def __init__(self, content: bytes) -> None:
        self.asset: dict[str, str | bytes] = {"model_asset_buffer": content}
        if hasattr(os, "memfd_create"):  # Linux
            file = os.memfd_create("model", os.MFD_CLOEXEC)
            weakref.finalize(self, os.close, file)
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(file, rest) :]
            self.asset = {"model_asset_path": f"/proc/{os.getpid()}/fd/{file}"}


def give_back() -> None:
    """Return memory that was freed to the system, once models are loaded: glibc keeps it, in an arena of each thread.

    With other C libraries nothing happens.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
