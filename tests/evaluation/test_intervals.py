"""What counts as one action: runs of equal annotations, joined where one label touches itself."""

from __future__ import annotations

import pytest

from csre_ros.evaluation import Interval, intervals_of_runs, merged, renamed
from csre_ros.evaluation.intervals import iou, overlap


def test_a_run_lasts_until_the_first_frame_with_another_annotation() -> None:
    labels = ["", "wave", "wave", "none", "wave", "clap", "idle", "other", "throw", "throw"]
    assert intervals_of_runs([0.0, 0.5, 0.7, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 6.5], labels) == [
        Interval("wave", 0.5, 1.5),
        Interval("wave", 2.0, 3.0),
        Interval("clap", 3.0, 4.0),
        Interval("throw", 6.0, 6.5),
    ]


def test_no_frames_hold_no_intervals() -> None:
    assert intervals_of_runs([], []) == []


def test_every_frame_needs_its_annotation() -> None:
    with pytest.raises(ValueError, match="2 labels for stamps of shape"):
        intervals_of_runs([0.0, 1.0, 2.0], ["wave", "wave"])


def test_stamps_that_go_back_are_refused() -> None:
    with pytest.raises(ValueError, match=r"go back from 2\.0 to 1\.0 s, .* cut the recording there"):
        intervals_of_runs([1.0, 2.0, 2.0, 2.0, 1.0], ["wave"] * 5)
    assert intervals_of_runs([1.0, 1.0, 2.0], ["wave"] * 3) == [Interval("wave", 1.0, 2.0)]


def test_only_touching_intervals_of_one_label_are_joined() -> None:
    given = [
        Interval("punch", 5.0, 6.0),
        Interval("punch", 1.0, 2.0),
        Interval("punch", 2.05, 3.0),
        Interval("kick", 3.0, 4.0),
        Interval("kick", 4.2, 5.0),
        Interval("punch", 6.0, 7.0),
    ]
    assert merged(given) == [
        Interval("punch", 1.0, 3.0),
        Interval("kick", 3.0, 4.0),
        Interval("kick", 4.2, 5.0),
        Interval("punch", 5.0, 7.0),
    ]


def test_a_shorter_interval_inside_does_not_cut_a_longer_one() -> None:
    assert merged([Interval("wave", 0, 5), Interval("wave", 1, 2)]) == [Interval("wave", 0, 5)]


def test_words_of_a_set_become_those_of_the_recogniser_or_nothing() -> None:
    given = [Interval("carry", 0, 1), Interval("pull", 1, 2), Interval("push", 2, 3)]
    assert renamed(given, {"carry": "walk", "pull": "other"}) == [Interval("walk", 0, 1), Interval("push", 2, 3)]


def test_overlap_and_iou() -> None:
    long, short = Interval("wave", 0.0, 4.0), Interval("clap", 3.0, 5.0)
    assert overlap(long, short) == overlap(short, long) == 1.0
    assert iou(long, short) == pytest.approx(1 / 5)
    assert iou(long, Interval("wave", 4.0, 5.0)) == 0.0
    assert iou(Interval("wave", 1.0, 1.0), Interval("wave", 1.0, 1.0)) == 0.0
