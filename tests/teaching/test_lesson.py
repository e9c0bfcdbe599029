"""A lesson before a live source, by its frames alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from csre_ros.recognition import Bundle
from csre_ros.skeleton import Frame
from csre_ros.teaching import Gallery, Recording, TeachError
from csre_ros.teaching.lesson import Lesson
from tests.teaching.people import again_and_again, frames, recording, rowing, still


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load("default", "cpu")


@pytest.fixture
def gallery(bundle: Bundle) -> Gallery:
    return Gallery(bundle)


def lesson(gallery: Gallery, examples: int = 2) -> Lesson:
    return Lesson(gallery, "rowing", examples, countdown_s=1.0, seconds=3.0)


def after(one: Recording, other: list[Frame]) -> list[Frame]:
    shift_ns = int(one.stamps_ns[-1]) + 33_333_333 - other[0].stamp_ns
    return [replace(frame, stamp_ns=frame.stamp_ns + shift_ns) for frame in other]


def told(one: Lesson, several: list[Frame]) -> list[str]:
    return [news for frame in several for news in one.step(frame)]


def test_one_example_after_the_other(gallery: Gallery) -> None:
    one = lesson(gallery)
    whole = frames(again_and_again(rowing, 2, 4.03))
    news = told(one, whole[:-3])
    assert news == [
        "example 1 of 2: stand still, both hands in view",
        "  1",
        "  now: show 'rowing' and stand still again (3 s)",
        news[3],
        "example 2 of 2: stand still, both hands in view",
        "  1",
        "  now: show 'rowing' and stand still again (3 s)",
    ]
    assert news[3].startswith("kept as example 1: 2.")
    assert not one.done
    assert told(one, whole[-3:])[0].startswith("kept as example 2: 2.")
    assert one.done
    assert len(gallery.examples["rowing"]) == len(one.kept) == 2
    assert told(one, after(recording(still, 20), frames(recording(still, 3.0)))) == []


def test_what_is_to_be_done_is_shown(gallery: Gallery) -> None:
    one, shown = lesson(gallery, 1), []
    for frame in frames(recording(rowing, 4.1)):
        one.step(frame)
        shown.append((one.prompt, one.showing is not None))
    assert list(dict.fromkeys(shown)) == [
        ("stand still, both hands in view: 1", False),
        ("show rowing now, then stand still", True),
        ("thank you", False),
    ]
    assert one.status == "rowing: 1 of 1 examples"


def test_it_waits_for_somebody_who_is_alone(gallery: Gallery) -> None:
    one, alone = lesson(gallery), recording(still, 3.0)
    beside = replace(alone, positions=alone.positions + np.float32(1))
    assert one.step(Frame(0, "", ())) == []
    assert one.prompt == "step into view"
    assert told(one, frames(alone, [beside])) == []
    assert one.prompt == "2 people are in view: let the others step aside"


def test_who_leaves_during_the_countdown_is_waited_for(gallery: Gallery) -> None:
    one = lesson(gallery)
    told(one, frames(recording(still, 0.5)))
    nobody = [Frame(1_600_000_000 + t * 100_000_000, "", ()) for t in range(10)]
    assert told(one, nobody) == ["step into view"]


def test_somebody_else_in_view_spoils_an_example_and_no_more(gallery: Gallery) -> None:
    one, whole = lesson(gallery, 1), recording(rowing, 4.2)
    beside = replace(whole, positions=whole.positions + np.float32(1))
    both, alone = frames(whole, [beside]), frames(whole)
    news = told(one, alone[:60] + both[60:70] + after(whole.cut(slice(0, 70)), alone))
    again = [text for text in news if text.startswith("again")]
    assert again == ["again: 2 people are in view at 1.0 s; an example shows one person: let the others step aside "
                     "and record again"]  # fmt: skip
    assert one.done


def test_too_little_of_the_arms_is_asked_for_again(gallery: Gallery) -> None:
    one, whole = lesson(gallery, 1), recording(rowing, 4.2)
    hidden = whole.confidence.copy()
    hidden[:, 3:9] = 0.2
    news = told(one, frames(replace(whole, confidence=hidden)))
    assert any(text.startswith("again: too little was seen of the arms") for text in news)
    assert gallery.labels == ()


def test_a_name_that_cannot_be_taught_is_refused_before_anybody_stands_there(gallery: Gallery) -> None:
    with pytest.raises(TeachError, match="knows a label 'wave' already"):
        Lesson(gallery, "wave", 1, 1.0, 1.0)
