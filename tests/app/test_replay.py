"""Replaying: the labels of the demo, in a fraction of the time."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from csre_ros.recordings import SHIPPED
from csre_ros.sources import bag

pytestmark = pytest.mark.slow  # each runs the command in a process of its own

CSRE = (sys.executable, "-m", "csre_ros.app.main")


def csre(*arguments, timeout=120):
    return subprocess.run([*CSRE, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """A run over the shipped recording, and the events that it wrote."""
    file = tmp_path_factory.mktemp("replay") / "events.jsonl"
    done = csre("replay", "recording", "--events", file)
    assert done.returncode == 0, done.stderr
    return done, file.read_text()


def test_events_are_those_of_the_demo(replayed):
    assert replayed[1] == csre("demo", "--source", "recording", "--headless", "--events", "-").stdout
    assert replayed[1].count("started") >= 2


def test_a_bag_folder_from_a_robot_gives_the_same_events(replayed, tmp_path):
    """As ``ros2 bag record`` writes it: a folder, SQLite, topics in a namespace, stamped at arrival."""
    with (
        Reader(SHIPPED) as reader,
        Writer(tmp_path / "bag", version=8, storage_plugin=StoragePlugin.SQLITE3) as writer,
    ):
        added = {}
        for connection, recorded_ns, data in reader.messages():
            topic = connection.topic.replace(bag.SKELETONS, "/robot/action_node/skeletons")
            if topic not in added:
                added[topic] = writer.add_connection(topic, connection.msgtype, typestore=bag.typestore())
            # The first header has no stamp (0): arrival dates it, and with it the grid of a person.
            writer.write(added[topic], recorded_ns + (7_000_000 if recorded_ns else 0), data)
    lines, expected = csre("replay", tmp_path / "bag", "--events", "-").stdout.splitlines(), replayed[1].splitlines()
    for line, wanted in zip(lines, expected, strict=True):
        # Buffers of another alignment may round a score differently in its last digit.
        found, event = json.loads(line), json.loads(wanted)
        assert found.pop("score") == pytest.approx(event.pop("score"), abs=2e-4)
        assert found == event


def test_the_timeline_has_one_line_per_action(replayed):
    done, events = replayed
    records = [json.loads(line) for line in events.splitlines()]
    spans = [(f"{end['since']:.1f}", f"{end['until']:.1f}") for end in records if end["state"] == "ended"]
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [(line[0], line[3]) for line in lines] == spans
    assert [line[7] for line in lines] == [r["action"] for r in records if r["state"] == "ended"]


def test_the_summary_says_how_much_faster_than_real_time(replayed):
    stderr = replayed[0].stderr
    found = re.search(r"22\.0 s of recording in ([\d.]+) s: ([\d.]+) times real time", stderr)
    assert float(found[2]) > 1
    assert float(found[1]) * float(found[2]) == pytest.approx(22, rel=0.1)
    assert "171 frames, 0 dropped" in stderr


def test_events_on_standard_output_are_alone_there(replayed):
    done = csre("replay", "recording", "--events", "-", "--seconds", "9")
    assert [set(json.loads(line)) for line in done.stdout.splitlines()]
    assert all(json.loads(line)["stamp"] <= 9 for line in done.stdout.splitlines())
    assert " s to " in done.stderr


def test_settings_of_recognition_apply(replayed):
    strict = csre("replay", "recording", "--events", "-", "--decoder.threshold_scale", "2.0").stdout
    assert 0 <= strict.count("started") < replayed[1].count("started")


def test_a_recording_that_was_cut_is_replayed_as_far_as_it_goes(replayed, tmp_path):
    whole = SHIPPED.read_bytes()
    (tmp_path / "cut.mcap").write_bytes(whole[: len(whole) // 2])
    done = csre("replay", tmp_path / "cut.mcap", "--events", "-")
    assert done.returncode == 0
    started = [line for line in replayed[1].splitlines() if '"started"' in line]
    assert [line for line in done.stdout.splitlines() if '"started"' in line] == started[: done.stdout.count("started")]
    assert "cut.mcap: its end is missing, as after a power loss" in done.stderr.splitlines()[0]


def test_a_damaged_recording_is_refused_in_one_line(tmp_path):
    whole = bytearray(SHIPPED.read_bytes())
    whole[8] ^= 0x40
    (tmp_path / "damaged.mcap").write_bytes(whole)
    done = csre("replay", tmp_path / "damaged.mcap")
    assert done.returncode == 2
    assert "damaged.mcap is damaged at byte 8" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_live_source_is_refused(monkeypatch):
    from csre_ros.app import replay, source
    from csre_ros.sources.live import LiveSource

    class Capture:
        fps = 30.0

        def release(self):
            pass

        def grab(self):
            return False

    monkeypatch.setattr(source, "open_source", lambda *_: LiveSource("camera:0", Capture))
    with pytest.raises(ValueError, match="camera:0 is live and cannot be replayed; run `csre demo`"):
        replay.run(replay.ReplaySettings(replay.ReplayConfig("camera:0")))


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_what_is_recognised_is_drawn_to_a_file(suffix, tmp_path):
    done = csre("replay", "recording", "--seconds", "6", "--output", tmp_path / f"out.{suffix}")
    assert done.returncode == 0, done.stderr
    assert f"wrote {tmp_path / 'out'}.{suffix} and {tmp_path / 'out.png'}" in done.stderr
    assert (tmp_path / f"out.{suffix}").stat().st_size > 10_000
    assert (tmp_path / "out.png").exists()
