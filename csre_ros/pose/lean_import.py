"""Imports MediaPipe without what it loads for plots and for microphones: 0.4 s of processor time and 32 MB."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_PLACEHOLDERS = ("matplotlib", "matplotlib.pyplot")
"""Imported for one function, ``plot_landmarks``, and touched nowhere else."""
_ABSENT = "sounddevice"
"""MediaPipe does without it where it is not installed."""


@contextmanager
def without_plots_and_sound() -> Iterator[None]:
    """Within, ``import mediapipe`` gets empty modules in place of the plotting library, and no sound library.

    Afterwards everybody gets the real ones; only MediaPipe's own plots and recordings do not work in this process.
    What was imported before stays as it is.
    """
    stand_ins: dict[str, ModuleType | None] = {name: ModuleType(name) for name in _PLACEHOLDERS}
    stand_ins[_ABSENT] = None
    if "mediapipe" in sys.modules or "matplotlib" in sys.modules:
        stand_ins = {}
    before = {name: sys.modules[name] for name in stand_ins if name in sys.modules}
    sys.modules.update(stand_ins)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in stand_ins:
            sys.modules.pop(name, None)
        sys.modules.update(before)
