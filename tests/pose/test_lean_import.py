"""MediaPipe is imported without the plotting library, and nobody else goes without it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("mediapipe", reason="needs mediapipe (extra 'mediapipe')")

_PROGRAM = """
import sys
{before}
from csre_ros.pose.landmarker_task import import_mediapipe
mediapipe = import_mediapipe()
print(sorted({{"matplotlib.colors", "sounddevice"}} & set(sys.modules)))
print(import_mediapipe() is mediapipe)
{after}
"""


def run(before: str = "", after: str = "") -> list[str]:
    program = _PROGRAM.format(before=before, after=after)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_plots_and_sound_are_not_loaded_and_still_there_for_others() -> None:
    pytest.importorskip("matplotlib")
    lines = run(after="import matplotlib.colors; print(matplotlib.colors.to_hex('red'))")
    assert lines == ["[]", "True", "#ff0000"]


@pytest.mark.slow
def test_who_has_them_keeps_them() -> None:
    pytest.importorskip("matplotlib")
    lines = run("import matplotlib.colors as mine", "import matplotlib.colors; print(matplotlib.colors is mine)")
    assert lines[0].startswith("['matplotlib.colors'")
    assert lines[1:] == ["True", "True"]
