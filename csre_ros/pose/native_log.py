"""Keeps the chatter of MediaPipe's native library, when it starts and ends, off standard error.

The library logs before it reads any setting, straight to file descriptor 2, so the descriptor itself is diverted for
that long. Nothing else is lost: whatever is no informative line of the library is written out afterwards.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_CHATTER = re.compile(
    rb"[IW]\d{4} \d\d:\d\d:|[IW]0000 00:00:|INFO: |WARNING: (All log messages before absl|Logging before InitGoogle)"
    rb"|WARNING: (\[[a-z_]+\.cc:\d+\]|Read-only tensor #)"  # of MediaPipe 1.2
)
_lock = threading.Lock()


@contextmanager
def native_chatter_hidden() -> Iterator[None]:
    """Drop informative and warning lines that native code writes to standard error inside the ``with`` block.

    Standard error of the whole process is held back for that long and then written out, less those lines. A process
    without standard error is left as it is.
    """
    with _lock:
        try:
            original = os.dup(_STDERR)
        except OSError:
            yield
            return
        with tempfile.TemporaryFile() as held:
            _flush()
            os.dup2(held.fileno(), _STDERR)
            try:
                yield
            finally:
                _flush()
                os.dup2(original, _STDERR)
                os.close(original)
                held.seek(0)
                for line in held:
                    if not _CHATTER.match(line):
                        os.write(_STDERR, line)


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
