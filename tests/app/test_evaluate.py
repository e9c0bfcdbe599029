"""``csre evaluate``: the figures of recordings whose truth is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from csre_ros.app.screen.timelines import timeline
from csre_ros.evaluation import Interval, JudgedStream, Report
from csre_ros.recordings import SHIPPED
from csre_ros.skeleton import Frame, Skeleton, get_layout
from csre_ros.sources import open_source
from csre_ros.sources.recording_writer import RecordingWriter

pytestmark = pytest.mark.slow  # each runs the command in a process of its own

CSRE = (sys.executable, "-m", "csre_ros.app.main", "evaluate")
BODY = get_layout("body13")
RAISED = (("raise_right", 1.0, 3.0), ("raise_left", 5.0, 7.0))


def csre(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CSRE, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)


def write(path: Path, annotate: bool = True, words: tuple[str, str] = ("raise_right", "raise_left")) -> Path:
    """Nine seconds at 20 Hz of somebody who raises one arm and later the other, annotated with two words."""
    with RecordingWriter(path, BODY) as recording:
        for tick in range(180):
            pose = np.zeros((len(BODY), 3), np.float32)
            for joint, k in BODY.index.items():
                side = {"left": 0.2, "right": -0.2}.get(joint.partition("_")[0], 0.0)
                pose[k] = (side, 0.5 if "wrist" in joint else -0.3 if "shoulder" in joint else 0.4, 3.0)
            label = ""
            for word, (action, start, end) in zip(words, RAISED, strict=True):
                if start <= tick / 20 < end:
                    label, pose[BODY.index[f"{action.partition('_')[2]}_wrist"], 1] = word, -1.0
            frame = Frame(
                1_000_000_000 + tick * 50_000_000,
                "camera",
                (Skeleton(BODY, pose, np.ones(len(BODY))),),
            )
            recording.write(frame, label=label if annotate else None)
    return path


@pytest.fixture(scope="module")
def judged(
    tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A run over a folder with two recordings, with everything written."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "in" / "deep").mkdir(parents=True)
    write(folder / "in" / "one.mcap")
    write(folder / "in" / "deep" / "two.mcap", words=("up", "sideways"))
    (folder / "words.yaml").write_text("up: raise_right\nsideways: none\n")
    done = csre(
        folder / "in", "--bundle", tiny_bundle, "--words", folder / "words.yaml", "--json", folder / "figures.json",
        "--timelines", folder / "timelines", "--unannotated", "raise_left",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done


def test_the_figures_are_those_of_the_recordings(judged: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    record = json.loads((judged[0] / "figures.json").read_text())
    assert record["bundle"]["name"] == "tiny"
    figures = record["figures"]
    # Both arms are heard in both, and in the second the left one is nothing.
    assert (figures["streams"], figures["truths"], figures["reports"]) == (2, 3, 4)
    assert figures["minutes"] == pytest.approx(2 * 8.95 / 60, abs=1e-3)
    assert figures["detection_rate"] == 1.0
    assert figures["wrong_per_truth"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["wrong_per_truth_without"] == {"raise_left": 0.0}
    assert figures["labels"]["raise_left"] == {"truths": 1, "right": 1, "wrong": 1}
    assert 0 < figures["delay_s"] < 1.5
    one = next(stream for stream in record["streams"] if stream["name"] == "one")
    assert [(truth["label"], truth["start"], truth["end"], truth["detected"]) for truth in one["truth"]] == [
        ("raise_right", 1.0, 3.0, True),
        ("raise_left", 5.0, 7.0, True),
    ]
    assert [(report["label"], report["right"]) for report in one["reports"]] == [
        ("raise_right", True),
        ("raise_left", True),
    ]
    assert all(report["start"] <= report["decided"] <= report["end"] for report in one["reports"])


def test_the_tables_say_the_same(judged: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    lines = [line.split() for line in judged[1].stdout.splitlines()]
    assert ["raise_left", "1", "1", "1", "1.00", "1.00", "0.50"] in lines
    assert ["all", "3", "3", "1", "1.00", "0.33", "0.75"] in lines
    assert ["wrong", "per", "truth", "0.33", "all", "other", "reports"] in lines
    assert ["without", "raise_left", "0.00", "where", "nothing", "is", "annotated"] in lines


def test_there_is_a_picture_of_every_recording(judged: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    pictures = sorted(path.name for path in (judged[0] / "timelines").iterdir())
    assert pictures == ["one.png", "two.png"]


def test_json_on_standard_output_is_alone_there(
    judged: tuple[Path, subprocess.CompletedProcess[str]], tiny_bundle: Path
) -> None:
    done = csre(judged[0] / "in" / "one.mcap", "--bundle", tiny_bundle, "--json", "-")
    assert json.loads(done.stdout)["figures"]["truths"] == 2
    assert "Measures" in done.stderr


def test_the_shipped_recording_is_judged() -> None:
    done = csre("recording", "--json", "-")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    with open_source(str(SHIPPED)) as source:
        words = {frame.label for frame in source if frame.label}
    assert {truth["label"] for truth in record["streams"][0]["truth"]} == words


def test_what_cannot_be_judged_is_refused(
    judged: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path, tiny_bundle: Path
) -> None:
    def refused(*arguments: object) -> str:
        done = csre(*arguments, "--bundle", tiny_bundle)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        return " ".join(done.stderr.split())

    two = judged[0] / "in" / "deep" / "two.mcap"
    remedy = "--words FILE maps it to none, or to one of: raise_right, raise_left"
    assert f"two: the annotation 'up' is no label of the bundle; {remedy}" in refused(two)
    (tmp_path / "words.yaml").write_text("up: raise_both\n")
    assert "the annotation 'up' ('raise_both' in the file of words) is no label" in refused(
        two, "--words", tmp_path / "words.yaml"
    )
    (tmp_path / "list.yaml").write_text("- up\n")
    assert "must hold lines of the form 'annotation: label'" in refused(two, "--words", tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("up: [")
    assert "broken.yaml is no YAML file: while parsing" in refused(two, "--words", tmp_path / "broken.yaml")
    assert "plain has no truth: none of its 180 frames has an annotation" in refused(
        write(tmp_path / "plain.mcap", annotate=False)
    )
    (tmp_path / "empty").mkdir()
    assert "is a folder without recordings" in refused(tmp_path / "empty")
    assert "does not exist; name .mcap files, bags, .npz files or folders" in refused(tmp_path / "nowhere.mcap")
    assert "unannotated names 'walk', which tiny never says" in refused(two, "--unannotated", "walk")


def test_recordings_of_one_name_are_told_apart(tmp_path: Path, tiny_bundle: Path) -> None:
    first, second = (write(tmp_path / folder / "one.mcap") for folder in "ab")
    done = csre(first, second, "--bundle", tiny_bundle, "--json", "-", "--timelines", tmp_path / "pictures")
    assert [stream["name"] for stream in json.loads(done.stdout)["streams"]] == ["one", "one_2"]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["one.png", "one_2.png"]


def test_a_timeline_is_green_where_right_and_red_where_wrong() -> None:
    truth = (Interval("wave", 11, 13), Interval("clap", 25, 27))
    said = (Report("wave", 11, 13, 11.5), Report("kick", 11.5, 12, 11.9), Report("clap", 40, 41, 40))
    picture = timeline(JudgedStream("drawn", 10.0, 52.0, truth, said))
    rows = (len(picture) - 26) / 3
    assert rows == 4 * 26 + 4  # three rows of twenty seconds: truth, two lanes of reports, axis

    def colour(row: int, lane: int, second: float) -> str:
        blue, green, red = (
            int(c) for c in picture[round(26 + row * rows + 4 + lane * 26 + 3), 70 + round(second * 60)]
        )
        return "red" if red > green + 40 else "green" if green > red + 15 else "grey" if blue < 250 else "white"

    assert colour(0, 0, 2.9) == "green"  # the wave, from the first to the third second of the stream
    assert colour(0, 1, 2.9) == "green"
    assert colour(0, 2, 1.8) == "red"  # the kick, at the same time, in a lane of its own
    assert colour(0, 0, 16.9) == "grey"  # the clap is missed
    assert colour(1, 1, 10.9) == "red"  # and told of too late, in the second row
    assert colour(0, 0, 5.5) == colour(2, 1, 1.5) == "white"
