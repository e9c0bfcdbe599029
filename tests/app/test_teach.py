"""The command: gestures from recordings, lists, removal; and the commands that take a gallery."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csre_ros.app.main import main
from csre_ros.app.teach import run as teach
from csre_ros.recognition import Bundle
from csre_ros.skeleton import SkeletonLayout, get_layout
from csre_ros.sources import SourceFrame
from csre_ros.teaching import Gallery
from tests.teaching.people import again_and_again, frames, in_image, recording, rowing, still, tee, write

Csre = Callable[..., tuple[int, str, str]]


@pytest.fixture
def csre(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Csre:
    """The command in this process, in an empty folder: exit status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")

    def call(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def gallery_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of two gestures, taught by two recordings of two examples each."""
    folder = tmp_path_factory.mktemp("taught")
    write(folder / "rows.mcap", again_and_again(rowing, 2))
    write(folder / "tees.mcap", again_and_again(tee, 2, 6.0))
    for label, file in (("rowing", "rows.mcap"), ("tee", "tees.mcap")):
        assert main(["teach", label, "--source", str(folder / file), "--gallery", str(folder / "gallery.npz")]) == 0
    return folder / "gallery.npz"


@pytest.fixture
def taught(gallery_file: Path, tmp_path: Path) -> Path:
    """A copy of that gallery."""
    return Path(shutil.copy(gallery_file, tmp_path))


def test_a_recording_teaches_all_examples_in_it(csre: Csre, taught: Path, tmp_path: Path) -> None:
    write(tmp_path / "more.mcap", recording(rowing, size=1.1))
    status, _, err = csre("teach", "rowing", "--source", "more.mcap")
    assert status == 0
    assert "kept as example 3: 2." in err
    assert err.endswith("knows rowing (3), tee (2); try it: csre demo --gallery gallery.npz\n")


def test_a_file_that_is_one_example_is_kept_whole(csre: Csre, tmp_path: Path) -> None:
    write(tmp_path / "way.mcap", again_and_again(rowing, 2, 3.5))
    status, _, err = csre("teach", "way", "--source", "way.mcap", "--whole")
    assert status == 0
    assert "kept as example 1: 7.0 s, from 0.0 s on" in err
    for live in ("camera:0", "rtsp://camera.example/stream"):
        status, _, err = csre("teach", "way", "--whole", "--headless", "--source", live)
        assert (status, "--whole is for files" in err) == (2, True)


@pytest.mark.parametrize("command", [("demo", "--headless", "--source"), ("replay",)])
def test_the_commands_that_take_a_gallery_tell_what_was_taught(
    csre: Csre, taught: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    write(tmp_path / "test.mcap", recording(tee, 6.0, size=1.1))
    status, out, err = csre(*command, "test.mcap", "--gallery", taught, "--events", "-")
    assert status == 0, err
    told = [json.loads(line) for line in out.splitlines()]
    states = [event["state"] for event in told if event["action"] == "tee" and event["state"] != "ongoing"]
    assert states == ["started", "ended"]


def test_the_list_says_what_is_known(csre: Csre, taught: Path) -> None:
    status, out, err = csre("teach", "--list")
    assert status == 0
    assert [line.split()[:3] for line in out.splitlines()] == [["rowing", "2", "examples:"], ["tee", "2", "examples:"]]
    assert "2 taught gestures beside those of bundle default" in err
    assert csre("teach", "tee", "--list")[1].splitlines() == out.splitlines()[1:]


def test_what_was_taught_is_removed_as_a_whole_or_in_part(csre: Csre, taught: Path) -> None:
    before = taught.read_bytes()
    assert csre("teach", "rowing", "--remove", "--example", "3")[0] == 2
    assert csre("teach", "--remove", "jumping")[2].endswith("the gallery has no label 'jumping'; it has: rowing, tee\n")
    assert taught.read_bytes() == before
    assert "knows 1 examples of rowing now" in csre("teach", "--remove", "rowing", "--example", "1")[2]
    assert "rowing is gone" in csre("teach", "--remove", "rowing")[2]
    assert csre("teach", "--list")[1].split()[0] == "tee"


def test_another_bundle_is_taught_by_the_recordings_that_were_kept(csre: Csre, taught: Path) -> None:
    status, _, err = csre("teach", "--list", "--bundle", "flat")
    assert status == 2
    (command,) = [part for part in err.replace("\n", "").split("; ")[-1].split(": ") if part.startswith("csre ")]
    assert command.split()[1:3] == ["teach", "--enrol_again"]
    status, _, err = csre(*command.split()[1:])  # the very words of the error
    assert (status, err) == (0, f"{taught.name} belongs to bundle flat now: 2 taught gestures\n")
    assert [label.name for label in Gallery.load(taught, Bundle.load("flat", "cpu")).labels] == ["rowing", "tee"]
    assert csre("teach", "--list")[0] == 0  # finds its bundle by itself


def test_people_in_the_image_choose_the_flat_bundle(csre: Csre, tmp_path: Path) -> None:
    write(tmp_path / "flat.mcap", in_image(again_and_again(tee, 2, 6.0)))
    assert csre("teach", "tee", "--source", "flat.mcap")[0] == 0
    assert "beside those of bundle flat" in csre("teach", "--list")[2]


def test_an_empty_gallery_for_a_node(csre: Csre, tmp_path: Path) -> None:
    assert "no gallery gallery.npz; make one by showing a gesture, csre teach NAME" in csre("teach", "--list")[2]
    assert csre("teach", "--create")[0] == 0
    before = (tmp_path / "gallery.npz").read_bytes()
    status, _, err = csre("teach", "--create")
    assert (status, "left as it is" in err) == (2, True)
    assert (tmp_path / "gallery.npz").read_bytes() == before


BAD = {
    "two people": "2 people are in view at 0.0 s",
    "nobody": "the recording is empty",
    "short": "too short",
    "another layout": "do not fit bundle",
    "the name of the bundle's": "knows a label 'wave' already",
    "no name": "which gesture?",
    "two wishes": "--list and --create are two things",
}


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_taught_changes_nothing(csre: Csre, taught: Path, tmp_path: Path, bad: str) -> None:
    one, beside, name = recording(rowing), [], "rowing"
    if bad == "two people":
        beside = [replace(one, positions=one.positions + np.float32(1))]
    elif bad == "nobody":
        one = replace(one, confidence=one.confidence * 0, positions=one.positions * np.nan)
    elif bad == "short":
        one = one.cut(slice(0, 6))
    elif bad == "another layout":
        one = in_image(one)
    before = taught.read_bytes()
    write(tmp_path / "bad.mcap", one, beside)
    if bad == "the name of the bundle's":
        name = "wave"
    words = {"no name": [], "two wishes": ["--list", "--create"]}.get(bad, [name, "--source", "bad.mcap"])
    status, out, err = csre("teach", *words)
    assert (status, out) == (2, "")
    assert BAD[bad] in err.replace("\n", " ")
    assert taught.read_bytes() == before


def test_a_damaged_gallery_is_left_as_it_is(csre: Csre, taught: Path) -> None:
    taught.write_bytes(damaged := taught.read_bytes()[:2000])
    status, _, err = csre("teach", "rowing", "--source", "recording")
    assert (status, "damaged or no gallery" in err) == (2, True)
    assert taught.read_bytes() == damaged


def test_contradictions_are_kept_and_said(csre: Csre, taught: Path, tmp_path: Path) -> None:
    write(tmp_path / "row.mcap", recording(rowing))
    status, _, err = csre("teach", "tee", "--source", "row.mcap")
    assert status == 0
    assert "note: example 3 of 'tee' looks like 'rowing'" in err
    assert csre("teach", "--list")[2].count("looks like") >= 2


class Camera:
    """A camera that shows a recording; a real one has nobody before it in a test."""

    name, live, fps, dropped = "camera:0", True, 30.0, 0

    def __init__(self, one: Any, layout: SkeletonLayout = get_layout("body13")) -> None:  # noqa: B008
        self.layout, self._frames = layout, frames(one)

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __iter__(self) -> Iterator[SourceFrame]:
        for frame in self._frames:
            yield SourceFrame(frame.stamp_ns, frame.frame_id, skeletons=frame.skeletons)


def test_a_lesson_before_a_camera_is_drawn_and_saved(
    csre: Csre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teach, "open_any", lambda spec, capture: Camera(again_and_again(rowing, 2, 4.1)))
    arguments = ("--headless", "--examples", "2", "--countdown_s", "1", "--seconds", "3", "--output", "out.mp4")
    status, _, err = csre("teach", "rowing", *arguments)
    assert status == 0, err
    assert err.count("kept as example") == 2
    assert err.count("now: show 'rowing'") == 2
    assert (tmp_path / "out.mp4").stat().st_size > 10_000
    assert len(Gallery.load(tmp_path / "gallery.npz", Bundle.load("default", "cpu")).examples["rowing"]) == 2


def test_a_lesson_that_ends_early_keeps_what_there_is(
    csre: Csre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teach, "open_any", lambda spec, capture: Camera(recording(still, 2.0)))
    status, _, _ = csre("teach", "rowing", "--headless")
    assert status == 1
    assert not (tmp_path / "gallery.npz").exists()
