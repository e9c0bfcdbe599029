"""From labels of frames to intervals, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from csre_ros.recognition import Label
from csre_ros.recognition.frame_decoder import FrameDecoder, FrameDecoding, Reported

LABELS = (Label("idle", 0.5, background=True), Label("wave", 0.6), Label("clap", 0.5))
RATE = 10.0
PLAIN = FrameDecoding(min_duration_s=0.2, leave=0.5, onset=0.5, bridge_s=0.25, bridges_s={"clap": 0.0})
IDLE, WAVE, CLAP = (0.9, 0.05, 0.05), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)
HALF = (0.6, 0.35, 0.05)  # a wave above its onset (0.3), below its threshold (0.6), above what it needs to stay (0.3)


def run(decoder: FrameDecoder, frames: list[tuple[float, float, float]], start: int = 0) -> list[tuple[int, Reported]]:
    """Number of the frame and what changed; frames are a tenth of a second apart."""
    return [(k, change) for k, frame in enumerate(frames, start) for change in decoder.step(k / RATE, np.array(frame))]


def test_an_action_is_told_when_it_has_lasted_and_since_its_scores_rose() -> None:
    decoder = FrameDecoder(LABELS, PLAIN, RATE)
    assert run(decoder, [IDLE, HALF, HALF, WAVE, WAVE]) == [(4, Reported(1, 0.1, None, 0.8))]
    assert (decoder.active, decoder.candidate, decoder.since) == (1, 1, 0.1)


def test_a_flicker_is_no_action() -> None:
    assert run(FrameDecoder(LABELS, PLAIN, RATE), [IDLE, WAVE, IDLE, WAVE, HALF, WAVE, IDLE]) == []


def test_a_short_gap_is_bridged_and_a_long_one_ends_the_action_where_it_began() -> None:
    frames = [WAVE, WAVE, IDLE, IDLE, WAVE, IDLE, IDLE, IDLE]
    assert run(FrameDecoder(LABELS, PLAIN, RATE), frames) == [
        (1, Reported(1, 0.0, None, 0.8)),
        (7, Reported(1, 0.0, 0.5, 0.8)),
    ]


def test_some_labels_are_bridged_for_another_time() -> None:
    frames = [CLAP, CLAP, IDLE, CLAP, CLAP]
    assert [(k, change.until) for k, change in run(FrameDecoder(LABELS, PLAIN, RATE), frames)] == [
        (1, None),
        (2, 0.2),
        (4, None),
    ]


def test_one_action_replaces_another_where_the_second_began() -> None:
    frames = [WAVE, WAVE, WAVE, CLAP, CLAP]
    assert run(FrameDecoder(LABELS, PLAIN, RATE), frames)[1:] == [
        (4, Reported(1, 0.0, 0.3, 0.8)),
        (4, Reported(2, 0.3, None, 0.8)),
    ]


def test_hysteresis_holds_an_action_that_would_not_start() -> None:
    decoder = FrameDecoder(LABELS, PLAIN, RATE)
    assert len(run(decoder, [WAVE, WAVE, *[HALF] * 20])) == 1
    assert decoder.active == 1


def test_some_labels_go_on_down_to_another_share_of_their_threshold() -> None:
    frames = [WAVE, WAVE, *[HALF] * 20]
    ends = []
    for leaves in ({}, {"wave": 0.4}):
        decoder = FrameDecoder(LABELS, FrameDecoding(0.2, leave=0.9, leaves=leaves, bridge_s=0.2), RATE)
        ends.append([change.until for _, change in run(decoder, frames)])
    assert ends == [[None, 0.2], [None]]


def test_intervals_of_one_person_do_not_overlap() -> None:
    """A wave that never sank below its onset, too weak to stay, begins again where the first one ended."""
    decoder = FrameDecoder(LABELS, FrameDecoding(0.2, leave=0.9, onset=0.3, bridge_s=0.0), RATE)
    found = run(decoder, [WAVE, WAVE, HALF, HALF, WAVE, WAVE])
    assert [(change.since, change.until) for _, change in found] == [(0.0, None), (0.0, 0.2), (0.2, None)]


def test_the_scale_counts_at_once() -> None:
    decoder = FrameDecoder(LABELS, PLAIN, RATE)
    decoder.scale = 1.5
    assert run(decoder, [WAVE] * 5) == []
    decoder.scale = 1.0
    assert len(run(decoder, [WAVE] * 2, start=5)) == 1


def test_end_and_reset() -> None:
    decoder = FrameDecoder(LABELS, PLAIN, RATE)
    assert decoder.end() == []
    run(decoder, [WAVE, WAVE])
    assert decoder.end() == [Reported(1, 0.0, 0.2, 0.8)]
    run(decoder, [WAVE, WAVE], start=2)
    decoder.reset()
    assert (decoder.active, decoder.candidate) == (None, None)


FAMILY = FrameDecoding(0.2, leave=0.5, onset=0.5, bridge_s=0.0, families=(("wave", "clap", "bow"),))


def test_what_is_surely_one_of_a_family_is_told_as_the_likeliest() -> None:
    one_or_the_other = (0.3, 0.4, 0.3)
    assert run(FrameDecoder(LABELS, PLAIN, RATE), [one_or_the_other] * 5) == []
    found = run(FrameDecoder(LABELS, FAMILY, RATE), [IDLE, *[one_or_the_other] * 2])
    assert [(change.label, change.since, round(change.score, 3)) for _, change in found] == [(1, 0.1, 0.7)]


def test_an_action_gives_way_to_its_family_only_where_another_is_sure_alone() -> None:
    decoder = FrameDecoder(LABELS, FAMILY, RATE)
    rather_a_clap, surely_a_clap = (0.2, 0.35, 0.45), (0.1, 0.2, 0.7)
    assert len(run(decoder, [WAVE, WAVE, *[rather_a_clap] * 5])) == 1
    assert decoder.active == 1
    changes = [change.label for _, change in run(decoder, [surely_a_clap] * 2, start=7)]
    assert (changes, decoder.active) == ([1, 2], 2)


def test_the_extension_is_read_and_the_rest_keeps_its_default() -> None:
    assert FrameDecoding.from_extension(
        {"leave": 0.5, "bridges_s": {"clap": 1}, "comment": "new", "required": False}
    ) == (FrameDecoding(leave=0.5, bridges_s={"clap": 1}))
    assert FrameDecoding.from_extension({"families": [["wave", "clap"]]}).families == (("wave", "clap"),)


@pytest.mark.parametrize(
    "wrong", [{"leave": "much"}, {"leave": True}, {"onset": -0.1}, {"bridge_s": float("nan")}, {"min_duration_s": 1e9},
              {"bridges_s": 3}, {"bridges_s": {"clap": None}},
              {"leaves": {"clap": -1}}, {"families": "wave"}, {"families": [["wave", 1]]}]
)  # fmt: skip
def test_wrong_values_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"of the extension 'decoder' is .*; it must"):
        FrameDecoding.from_extension(wrong)


def test_what_is_no_label_starts_nothing_and_does_not_end_what_goes_on() -> None:
    decoder = FrameDecoder(LABELS, PLAIN, RATE)
    frames = [WAVE] * 3
    stranger, known = np.array([True, False, True]), np.ones(3, bool)
    assert [decoder.step(k / RATE, np.array(frame), known=stranger) for k, frame in enumerate(frames)] == [[], [], []]
    assert (decoder.active, decoder.candidate) == (None, None)
    changes = [change for k in (3, 4) for change in decoder.step(k / RATE, np.array(WAVE), known=known)]
    assert changes == [Reported(1, 0.0, None, 0.8)]
    assert decoder.step(0.5, np.array(WAVE), known=stranger) == []
    assert decoder.active == 1


def test_a_beginning_ends_the_same_action_before_it_once() -> None:
    """What begins again after 0.3 s is what began: nobody is as fast."""
    decoder = FrameDecoder(LABELS, replace(PLAIN, repeats={"wave": 0.9}), RATE)
    found = []
    for k, begin in enumerate([0.95, 0.2, 0.1, 0.95, 0.1, 0.1, 0.1, 0.8, 0.95, 0.97, 0.3, 0.1]):
        found += [(k, change) for change in decoder.step(k / RATE, np.array(WAVE), begin=begin)]
    assert found == [
        (1, Reported(1, 0.0, None, 0.8)),
        (8, Reported(1, 0.0, 0.8, 0.8)),
        (8, Reported(1, 0.8, None, 0.8)),
    ]


def test_a_beginning_counts_when_its_action_is_sure_again_and_not_when_another_one_is() -> None:
    """It may fall into a dip of the scores."""
    decoder = FrameDecoder(LABELS, replace(PLAIN, repeats={"wave": 0.9}), RATE)
    frames = [(WAVE, 0.0)] * 7 + [(IDLE, 0.0), (IDLE, 0.95), (WAVE, 0.0), (WAVE, 0.0)]
    found = [
        change
        for k, (frame, begin) in enumerate(frames)
        for change in decoder.step(k / RATE, np.array(frame), begin=begin)
    ]
    assert found[1:] == [Reported(1, 0.0, 0.8, 0.8), Reported(1, 0.8, None, 0.8)]
    other = FrameDecoder(LABELS, replace(PLAIN, repeats={"wave": 0.9}), RATE)
    frames = [(WAVE, 0.0)] * 9 + [(CLAP, 0.95), (CLAP, 0.0), (CLAP, 0.0)]
    found = [
        change
        for k, (frame, begin) in enumerate(frames)
        for change in other.step(k / RATE, np.array(frame), begin=begin)
    ]
    assert [(change.label, change.until) for change in found] == [(1, None), (1, 0.9), (2, None)]


@pytest.mark.parametrize("repeats", [{}, {"clap": 0.5}])
def test_labels_of_which_settings_do_not_say_it_are_never_done_again(repeats: dict[str, float]) -> None:
    decoder, begin = FrameDecoder(LABELS, replace(PLAIN, repeats=repeats), RATE), 0.99
    found = [change for k in range(20) for change in decoder.step(k / RATE, np.array(WAVE), begin=begin)]
    assert len(found) == 1
