"""Cameras are listed by number, once each, without being opened."""

from __future__ import annotations

import sys

import pytest

from csre_ros.app import demo
from csre_ros.app.main import main
from csre_ros.sources.cameras import list_cameras

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux says which cameras there are")


@pytest.fixture
def devices(tmp_path):
    for number, index, name in ((10, "0", "Robot \x1b[2Jeye"), (2, "0", "Webcam"), (3, "1", "Webcam")):
        folder = tmp_path / f"video{number}"
        folder.mkdir()
        (folder / "index").write_text(f"{index}\n")
        (folder / "name").write_text(f"{name}\n")
    return tmp_path


def test_cameras_are_in_order_and_data_devices_left_out(devices):
    assert [(camera.spec, camera.name.split()[0]) for camera in list_cameras(devices)] == [
        ("camera:2", "Webcam"),
        ("camera:10", "Robot"),
    ]


def test_the_command_lists_them_and_quotes_what_a_device_calls_itself(devices, monkeypatch, capsys):
    monkeypatch.setattr(demo, "list_cameras", lambda: list_cameras(devices))
    assert main(["demo", "--camera-list"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split() == ["camera:2", "'Webcam'", "/dev/video2"]
    assert "\x1b" not in shown


def test_none_is_said_with_what_works_without(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "list_cameras", lambda: list_cameras(tmp_path))
    assert main(["demo", "--camera-list"]) == 1
    assert "no camera is there" in capsys.readouterr().err
