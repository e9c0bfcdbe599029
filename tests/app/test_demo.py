"""The command as people run it: real bundle, real recording, in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from csre_ros.app import demo, source
from csre_ros.app.demo_settings import DemoConfig, DemoSettings
from csre_ros.recognition.bundle import BUNDLE_FOLDER
from csre_ros.sources import SourceConfig

pytestmark = pytest.mark.slow  # each runs the command in a process of its own

CSRE = (sys.executable, "-m", "csre_ros.app.main")
ROOT = Path(__file__).parents[2]
EVENT_KEYS = {"stamp", "person", "action", "state", "score", "since"}


def csre(*arguments, timeout=120):
    return subprocess.run([*CSRE, *arguments], capture_output=True, text=True, timeout=timeout, check=False)


def csre_without(module, *arguments, cwd=None):
    """The command where a package is not installed."""
    code = (
        f"import sys; sys.modules[{module!r}] = None; from csre_ros.app.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd, env=environment)


def frames_in(path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run over the whole shipped recording, and its folder."""
    folder = tmp_path_factory.mktemp("demo")
    out, events = folder / "out.mp4", folder / "events.jsonl"
    done = csre("demo", "--source", "recording", "--headless", "--output", str(out), "--events", str(events))
    return done, folder


def test_the_shipped_recording_waves_and_squats(finished):
    done, folder = finished
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    for event in events:
        assert set(event) == EVENT_KEYS | ({"until"} if event["state"] == "ended" else set())
        assert event["since"] <= event.get("until", event["stamp"]) <= event["stamp"]
    started = [event["action"] for event in events if event["state"] == "started"]
    assert {"wave", "wave_two_hands"} & set(started)
    assert {"squat", "sit_down", "stand_up"} & set(started)
    assert done.stdout == ""


def test_every_action_that_starts_ends(finished):
    _, folder = finished
    open_actions = {}
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["state"] == "started":
            assert event["person"] not in open_actions
            open_actions[event["person"]] = event["action"]
        else:
            assert open_actions[event["person"]] == event["action"]
        if event["state"] == "ended":
            del open_actions[event["person"]]
    assert not open_actions


def test_video_sheet_and_latency_table(finished):
    done, folder = finished
    assert frames_in(folder / "out.mp4") > 100
    assert cv2.imread(str(folder / "out.png")) is not None
    for stage in ("track", "infer", "decode", "p50", "p99", "0 dropped"):
        assert stage in done.stderr
    *_, total, _ = done.stderr.partition("0 dropped")[0].splitlines()
    assert total.split()[:4] == ["capture", "to", "result", "170"]  # of 171 frames the first loads the models


def test_bundle_and_device_are_named(finished):
    assert re.search(r"^bundle \S+ \(.*default.onnx\) runs on (cpu|cuda)$", finished[0].stderr, re.MULTILINE)


@pytest.mark.parametrize(("flags", "realtime"), [({}, True), ({"headless": True}, False)])
def test_somebody_who_watches_sees_stored_frames_at_their_own_speed(monkeypatch, flags, realtime):
    def opened(spec: str, config: SourceConfig) -> None:
        assert config.realtime == realtime
        raise FileNotFoundError("far enough")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(source, "open_source", opened)
    with pytest.raises(FileNotFoundError, match="far enough"):
        demo.run(DemoSettings(DemoConfig("recording", **flags)))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("doctor",),
        ("models",),
        ("record", "out.mcap", "--source", "recording", "--seconds", "1"),
        ("replay", "recording", "--seconds", "1"),
        ("demo", "--headless", "--seconds", "1"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_only_drawing_needs_opencv(tmp_path, arguments):
    done = csre_without("cv2", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        ("cv2", ("demo", "--source", "recording", "--output", "out.mp4"), "pip install 'csre_ros[mediapipe]'"),
        ("rclpy", ("node",), "pip install 'csre_ros[ros]'"),
    ],
)
def test_what_is_missing_is_said_in_one_line(tmp_path, module, arguments, words):
    done = csre_without(module, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("replay", "recording", "--events", "-"), ("models",)])
def test_it_ends_quietly_where_nobody_reads(arguments):
    """As in front of ``head`` when it has seen enough."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*CSRE, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(writer)
    assert done.returncode == 141
    assert "rror" not in done.stderr
    assert "Broken pipe" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly_with_the_video_playable(tmp_path, number):
    out = tmp_path / "out.mp4"
    arguments = ("demo", "--source", "recording", "--capture.realtime", "--headless", "--output", str(out))
    with subprocess.Popen([*CSRE, *arguments], stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (out.exists() and out.stat().st_size > 0) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert frames_in(out) > 0


def test_events_on_standard_output_are_json_lines_and_nothing_else():
    done = csre("demo", "--source", "recording", "--headless", "--events", "-", "--seconds", "9")
    assert done.returncode == 0
    assert [set(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--source", "missing.mp4"), ("missing.mp4", "does not exist")),
        (("--source", "camera:63"), ("camera:63",)),
        (("--source", "recording", "--bundle", "nope"), ("nope", "default")),
        (("--source", "recording", "--device", "cuda"), ("cuda", "csre_ros[gpu]")),
        (("--source", "recording", "--device", "abacus"), ("abacus", "auto, cpu, cuda, tensorrt")),
        (("--source", "recording", "--pose.max_people", "99"), ("max_people is 99", "1..12")),
        (("--source", "recording", "--output", "nowhere/out.mp4"), ("no folder",)),
        (("--source", "recording", "--seconds", "-1"), ("seconds is -1.0",)),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, words):
    done = csre("demo", "--headless", *arguments)
    assert done.returncode == 2
    assert all(word in done.stderr for word in words)
    assert "Traceback" not in done.stderr


def test_doctor_finds_everything_that_is_needed():
    done = csre("doctor")
    assert done.returncode == 0
    for word in ("csre_ros", "onnxruntime", "providers", "bundle default", "camera", "rclpy"):
        assert word in done.stdout


def test_doctor_names_the_extra_that_brings_a_package():
    assert "pip install 'csre_ros[mediapipe]'" in csre_without("mediapipe", "doctor").stdout


def test_doctor_reports_a_damaged_bundle_and_fails(tmp_path, monkeypatch, capsys):
    from csre_ros.app import doctor
    from csre_ros.recognition import bundle

    whole = (BUNDLE_FOLDER / "default.onnx").read_bytes()
    (tmp_path / "default.onnx").write_bytes(whole[:1000] + b"\x00\x01" + whole[1002:])
    monkeypatch.setattr(bundle, "BUNDLE_FOLDER", tmp_path)
    assert doctor.run() == 1
    assert "FAIL" in capsys.readouterr().out


def test_models_lists_labels_accuracy_and_protocol():
    done = csre("models")
    assert done.returncode == 0
    for word in ("default", "wave", "top-1", "even subjects"):
        assert word in done.stdout


def test_help_teaches():
    assert "examples:" in csre("--help").stdout
    assert "RTSP" in csre("demo", "--help").stdout
