"""Model cards say what the figures say, and of the right bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from csre_ros.recognition.bundle import read_info
from models.export.card import card


def figures(digest: str) -> dict[str, Any]:
    stream = {
        "truths": 20, "detection_rate": 0.9, "wrong_per_truth": 0.1, "wrong_per_truth_without": {"walk": 0.05},
        "unheard_per_minute": 0.4, "delay_s": 0.4, "start_error_s": None, "frame_accuracy": 0.8, "map_2d": 0.7,
        "labels": {
            "throw": {"truths": 10, "right": 2, "wrong": 1}, "push": {"truths": 10, "right": 10, "wrong": 0},
            "run": {"truths": 0, "right": 0, "wrong": 7},
        },
    }  # fmt: skip
    return {
        "digest": digest,
        "streams": {"utkinect": stream},
        "streams_at_10_hz": {"utkinect": stream},
        "clips": {
            "number": 30, "as they are": 0.9, "turned by 90": 0.89, "by set": {"utd_mhad": "27/30"},
            "by label": {"punch": "6/10", "wave": "19/20"}, "mistakes": {"punch (utd_mhad) as other": 4},
            "nearest class mean of embeddings": 0.8,
        },
        "desk": {"minutes": 8.0, "per_minute": 0.125, "labels": {"punch": 1}},
        "signing": {"minutes": 0.2, "per_minute": 0.0, "labels": {}},
        "desk_waves": {"mocap": {"clips": 10, "heard": 0.9}},
        "failures": {"arm_wave": ["wave 0.1-1.8"], "woodchop": []},
        "robot_view": {"hello": {"clips": 22, "greeting": 20, "any gesture": 21}},
    }  # fmt: skip


def test_a_card_has_every_figure_and_names_what_is_weak(stream_bundle: Path, tmp_path: Path) -> None:
    given, output = tmp_path / "figures.json", tmp_path / "card.md"
    given.write_text(json.dumps(figures(read_info(stream_bundle).digest)))
    card(str(stream_bundle), given, output)
    text = output.read_text()
    assert "| UTKinect, 10 Hz | 20 | 0.90 | 0.10 | 0.05 | 0.4 | 0.40 | - | 0.80 | 0.70 |" in text
    assert "| 90.0 % | 89.0 % |" in text
    assert "1 punch: 0.12 a minute" in text
    assert "| `woodchop` | nothing |" in text
    assert "*hello*, 22 clips | 20 with a greeting" in text
    weak = text.partition("## What it is bad at")[2]
    assert "*throw* in the streams of UTKinect: 2 of 10 detected" in weak
    assert "*run* is told wrongly 7 times in UTKinect" in weak
    assert "*punch* on clips: 6 of 10" in weak
    assert "push" not in weak
    assert "wave" not in weak


def test_figures_of_another_bundle_are_refused(stream_bundle: Path, tmp_path: Path) -> None:
    given = tmp_path / "figures.json"
    given.write_text(json.dumps(figures("0" * 64)))
    with pytest.raises(ValueError, match=r"holds the figures of bundle 000000000000, not of .*; measure it with"):
        card(str(stream_bundle), given, tmp_path / "card.md")
