"""No path twice, in whatever role and by whatever name; nothing is opened, written or deleted before the refusal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from csre_ros.app import main
from csre_ros.recognition.bundle import BUNDLE_FOLDER
from csre_ros.recordings import SHIPPED
from csre_ros.sources.mcap_reader import McapFile

CSRE = (sys.executable, "-m", "csre_ros.app.main")


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch) -> Path:
    """A folder with everything that can be named, as the current one."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SHIPPED, "a.mcap")
    shutil.copy(BUNDLE_FOLDER / "default.onnx", "b.onnx")
    (tmp_path / "link.mcap").symlink_to("a.mcap")
    os.link("a.mcap", "hard.mcap")
    (tmp_path / "new.jsonl").symlink_to("later.jsonl")
    (tmp_path / "c.yaml").write_text("seconds: 1\n")
    (tmp_path / "sub").mkdir()
    writer = cv2.VideoWriter("v.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
    for value in range(10):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    (tmp_path / "images").mkdir()
    cv2.imwrite("images/out.png", np.zeros((48, 64, 3), np.uint8))
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        "replay a.mcap --events a.mcap",
        "replay a.mcap --events ./sub/../a.mcap",
        "replay a.mcap --events link.mcap",
        "replay link.mcap --events hard.mcap",
        "replay recording --config c.yaml --events c.yaml",
        "replay recording --bundle b.onnx --events b.onnx",
        "demo --headless --source v.mp4 --output v.mp4",
        "demo --headless --source v.mp4 --output V.MP4",
        "demo --headless --source recording --output x.mp4 --events x.mp4",
        "demo --headless --source recording --output x.mp4 --events x.png",
        "demo --headless --source recording --output x.mp4 --events X.png",
        "demo --headless --source images --output images/out.mp4",
        "demo --headless --source images/out.png --output images/out.mp4",
        "demo --headless --source recording --output x.mp4 --events x.mp4 --ros",
        "demo --headless --source v.mp4 --pose-model p.task --events p.task",
        "demo --headless --source recording --output later.mp4 --events sub/../later.mp4",
        "record a.mcap --source a.mcap",
        "record hard.mcap --source a.mcap",
        "recover a.mcap --output link.mcap",
        "evaluate a.mcap --json a.mcap",
        "evaluate . --json a.mcap",
        "evaluate a.mcap --words c.yaml --json c.yaml",
    ],
)
def test_a_path_in_two_roles_is_refused_before_anything_is_opened(files, command, capsys):
    before = contents(files)
    assert main.main(command.split()) == 2
    assert "name the same file" in " ".join(capsys.readouterr().err.split())
    assert contents(files) == before


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("demo --headless --source recording --output out.avi", "out.avi'; choose a name that ends in one of: .mp4"),
        ("demo --headless --source recording --output out", "choose a name that ends in one of: .mp4"),
        ("demo --headless --source recording --output nowhere/out.mp4", "there is no folder nowhere"),
        ("demo --headless --source recording --events nowhere/out.jsonl", "there is no folder nowhere"),
        ("record link.mcap --source recording", "link.mcap exists"),
        ("record out.bag --source recording", "something.mcap"),
        ("replay recording --events ~nobody-of-this-name/a", "stands for the home folder of a user"),
        ("replay ~nobody-of-this-name/a", "stands for the home folder of a user"),
        ("replay recording --bundle ~nobody-of-this-name/a", "stands for the home folder of a user"),
        ("record ~nobody-of-this-name/a.mcap --source recording", "stands for the home folder of a user"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_opened(files, command, words, capsys, monkeypatch):
    from csre_ros.app import source

    monkeypatch.setattr(source, "open_source", lambda *_: pytest.fail("a source was opened"))
    before = contents(files)
    assert main.main(command.split()) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert contents(files) == before


@pytest.mark.parametrize(
    "command",
    [
        "replay a.mcap --events new.jsonl --seconds 1",
        "replay a.mcap --events /dev/null --config c.yaml",
        "replay a.mcap --events - --seconds 1",
        "demo --headless --source a.mcap --output a.mp4 --events /dev/null --seconds 1",
        "record sub/a.mcap --source a.mcap --seconds 1",
    ],
)
def test_what_differs_is_done(command):
    assert main.main(command.split()) == 0


def test_home_is_found_in_every_option(files, monkeypatch):
    monkeypatch.setenv("HOME", str(files))
    demo = "demo --headless --source ~/a.mcap --output ~/o.mp4 --events=~/e.jsonl --bundle ~/b.onnx"
    assert main.main(demo.split()) == 0
    assert main.main(["record", "~/r.mcap", "--source=~/a.mcap", "--seconds", "1"]) == 0
    assert {"o.mp4", "o.png", "e.jsonl", "r.mcap"} <= {path.name for path in files.iterdir()}
    assert not (files / "~").exists()


@pytest.mark.parametrize("name", [b"12:30.mp4", b"t\xe9\xff.mp4"])
def test_names_of_all_kinds_are_written(name):
    output = os.fsdecode(name)
    done = subprocess.run(
        [*CSRE, "demo", "--headless", "--source", "recording", "--output", output, "--seconds", "6"],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Path(output).stat().st_size > 1000
    assert Path(output).with_suffix(".png").exists()
    read = [*CSRE, "demo", "--headless", "--source", output, "--seconds", "0.2"]
    assert subprocess.run(read, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("path", ["nope.mcap", "."])
def test_what_is_no_file_is_not_recovered(files, path, capsys):
    assert main.main(["recover", path]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said == f"csre: '{path}' is no file; name an .mcap file that was cut or damaged"


def test_a_cut_recording_is_recovered(files, capsys):
    data = (files / "a.mcap").read_bytes()
    (files / "cut.mcap").write_bytes(data[: len(data) // 2])
    assert main.main(["recover", "cut.mcap"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "cut.mcap: its end is missing, as after a power loss" in said
    assert "wrote cut_recovered.mcap: " in said
    whole = McapFile(files / "cut_recovered.mcap")
    assert whole.lost == []
    assert {topic.name: topic.count for topic in whole.topics}["/skeletons"] > 70
    assert main.main(["recover", "cut.mcap"]) == 2
    assert "cut_recovered.mcap exists" in " ".join(capsys.readouterr().err.split())
