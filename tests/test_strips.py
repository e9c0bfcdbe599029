"""Strips under the picture, looked at pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV")

from csre_ros.recognition import ActionEvent, EventState
from csre_ros.strips import Strips

SECOND = 1_000_000_000
WIDTH = 1001  # a hundredth of a second per pixel


def event(state: EventState, stamp: float, since: float, until: float | None = None, person: int = 1) -> ActionEvent:
    until_ns = None if until is None else round(until * SECOND)
    return ActionEvent(round(stamp * SECOND), person, "wave", state, 0.9, round(since * SECOND), until_ns)


def bars(rows: np.ndarray, row: int) -> list[tuple[int, int]]:
    """First and last column of every coloured bar, along the lower edge of a row, where no letters are."""
    height = rows.shape[0] // 3
    line = rows[(row + 1) * height - 3].astype(int)
    coloured = (line.max(axis=1) - line.min(axis=1) > 20) | (line.min(axis=1) > 200)
    edges = np.flatnonzero(np.diff(np.r_[False, coloured, False].astype(int)))
    return [(int(start), int(end) - 1) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def test_a_bar_reaches_from_begin_to_end_and_is_marked_where_it_was_decided() -> None:
    strips = Strips()
    strips.tell([event(EventState.STARTED, 4, since=3), event(EventState.ENDED, 7, since=3, until=6)])
    rows = strips.draw(WIDTH, [1], 10 * SECOND)
    assert bars(rows, 0) == [(300, 600)]
    assert (rows[rows.shape[0] // 3 - 3, 400] == 255).all()
    assert bars(rows, 1) == bars(rows, 2) == []


def test_what_goes_on_reaches_to_now_and_time_moves_on() -> None:
    strips = Strips()
    strips.tell([event(EventState.STARTED, 4, since=3)])
    assert bars(strips.draw(WIDTH, [1], 10 * SECOND), 0) == [(300, 1000)]
    strips.tell([event(EventState.ENDED, 12, since=3, until=11.5)])
    assert bars(strips.draw(WIDTH, [1], 14 * SECOND), 0) == [(0, 750)]
    assert bars(strips.draw(WIDTH, [1], 22 * SECOND), 0) == []


def test_an_action_whose_start_was_missed_is_known_from_the_next_event() -> None:
    strips = Strips()
    strips.tell([event(EventState.ONGOING, 5, since=3)])
    assert bars(strips.draw(WIDTH, [1], 10 * SECOND), 0) == [(300, 1000)]


def test_everybody_has_a_row_and_the_size_never_changes() -> None:
    strips = Strips()
    strips.tell([event(EventState.STARTED, 4, since=3, person=7), event(EventState.STARTED, 6, since=5, person=9)])
    rows = strips.draw(WIDTH, [2, 7, 9, 12], 10 * SECOND)
    assert [bars(rows, row) for row in range(3)] == [[], [(300, 1000)], [(500, 1000)]]
    assert rows.shape == Strips().draw(WIDTH, [], 0).shape


def test_the_number_of_a_person_stays_readable_before_the_word_of_a_bar() -> None:
    def letters(action: str) -> np.ndarray:
        strips = Strips()
        strips.tell([ActionEvent(2 * SECOND, 48, action, EventState.STARTED, 0.9, 0)])
        rows = strips.draw(WIDTH, [48], 12 * SECOND)
        return rows[: rows.shape[0] // 3, :45].min(axis=2) > 150

    # Two words of one colour.
    assert (letters("wave") == letters("squat")).all()
