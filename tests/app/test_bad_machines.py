"""What is wrong with a machine is said in one line: no display, a full disk, two builds of OpenCV."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from csre_ros.app.doctor import findings
from csre_ros.app.main import main


def test_without_a_display_it_goes_on_without_a_window(monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["demo", "--source", "recording", "--seconds", "0.5"]) == 0
    assert "there is no display to open a window on; going on without\n" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux: /dev/full")
@pytest.mark.parametrize("command", ["replay", "demo"])
def test_a_full_disk_names_the_file_that_did_not_fit(command, capsys):
    source = ["recording"] if command == "replay" else ["--source", "recording", "--headless"]
    assert main([command, *source, "--seconds", "2", "--events", "/dev/full"]) == 2
    (*_, line) = capsys.readouterr().err.splitlines()
    assert line == "csre: cannot write the events to /dev/full: No space left on device"


def test_two_builds_of_opencv_are_named_with_the_way_out(tmp_path, monkeypatch):
    """Beside the one that is here, a distribution as pip leaves it."""
    there = {"opencv-contrib-python"} & {one.metadata["Name"] for one in metadata.distributions()}
    for name in {"opencv-python", "opencv-contrib-python"} - there:
        folder = tmp_path / f"{name.replace('-', '_')}-4.11.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 4.11.0\n")
    assert not [finding for finding in findings() if finding.what == "opencv"]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (found,) = (finding for finding in findings() if finding.what == "opencv")
    assert not found.fine
    assert "opencv-python 4.11.0, opencv-contrib-python " in found.text
    assert "pip uninstall all of them, then pip install --force-reinstall opencv-contrib-python" in found.text
