"""Text of others: what comes out is one short printable line, whatever went in."""

from __future__ import annotations

import pytest

from csre_ros.foreign_text import LONGEST_NAME, LONGEST_SENTENCE, is_printable, quoted, sentence

HOSTILE = [
    "\x1b[2J\x1b[31m[FATAL] forged",
    "line\n[ERROR] [0.0] [action_node]: forged",
    "carriage\rreturn",
    "back\b\b\b\bspace",
    "right\u202eto left",
    "next\u2028line\u2029paragraph\x85C1",
    "\ud800 alone",
    "zero\u200bwidth\ufeff",
    "bell\a null\0",
    "private\ue000 unassigned\U000e0fff",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_moves_a_cursor_or_forges_a_line_is_left(text: str) -> None:
    for shown in (quoted(text), sentence(text), sentence(ValueError(text)), quoted(text.encode(errors="replace"))):
        assert shown.isprintable()
        shown.encode()
    assert not is_printable(text)


@pytest.mark.parametrize("text", ["rgb8", "Küche 2", "工作", "it's", 'say "x"', "back\\slash", "👋"])
def test_honest_names_are_shown_as_they_are(text: str) -> None:
    assert quoted(text) == repr(text)
    assert sentence(text) == text
    assert is_printable(text)


@pytest.mark.parametrize("size", [LONGEST_NAME + 1, 4 * LONGEST_NAME + 1, 50_000_000])
def test_names_are_cut_and_the_length_is_told(size: int) -> None:
    assert quoted("x" * size) == f"'{'x' * LONGEST_NAME}...' ({size} characters)"
    assert len(sentence("y" * size)) < LONGEST_SENTENCE + 40


def test_a_giant_of_controls_only_is_cut_too() -> None:
    assert quoted("\x1b" * 10_000_000) == "'...' (10000000 characters)"
    assert sentence("\n" * 10_000_000) == "... (10000000 characters)"


def test_at_the_limit_nothing_is_cut() -> None:
    assert quoted("x" * LONGEST_NAME) == f"'{'x' * LONGEST_NAME}'"
    assert sentence("x" * LONGEST_SENTENCE) == "x" * LONGEST_SENTENCE


@pytest.mark.parametrize(
    "value",
    [3, None, ["a\n"], b"\xff\x1b", 2.5, 10**20, 10**5000, float("nan"), True],
    ids=lambda value: type(value).__name__,
)
def test_whatever_is_no_text_is_shown_too(value: object) -> None:
    assert quoted(value).isprintable()
