"""A recording with several examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from csre_ros.recognition import Bundle
from csre_ros.teaching import Gallery, TeachError
from csre_ros.teaching.recording import Recording
from csre_ros.teaching.splitting import split
from tests.teaching.people import again_and_again, in_image, recording, rowing, still, tee


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load("default", "cpu")


def begins(one: Recording, bundle: Bundle) -> list[float]:
    return [float(part.stamps_ns[0] - one.stamps_ns[0]) / 1e9 for part in split(one, bundle)]


def test_movements_are_cut_at_the_rests_between_them(bundle: Bundle) -> None:
    whole = again_and_again(rowing, 3)
    parts = split(whole, bundle)
    assert begins(whole, bundle) == pytest.approx([0.5, 4.0, 8.0], abs=0.3)
    assert all(part.seconds == pytest.approx(3.8, abs=0.4) for part in parts)


def test_a_posture_that_is_held_is_no_rest(bundle: Bundle) -> None:
    assert len(split(again_and_again(tee, 2, 6.0), bundle)) == 2
    gallery = Gallery(bundle)
    kept, refused = gallery.add_all("tee", again_and_again(tee, 2, 6.0))
    assert [one.seconds for one in kept] == pytest.approx([1.0, 1.0], abs=0.1)
    assert refused == []


def test_who_does_not_move_is_one_example(bundle: Bundle) -> None:
    one = recording(still, 3.0)
    assert split(one, bundle) == [one]


def test_who_was_out_of_sight_is_not_followed_across_the_gap(bundle: Bundle) -> None:
    one, other = recording(rowing), recording(rowing, size=1.1)
    later = replace(other, stamps_ns=other.stamps_ns + 6_000_000_000)
    both = Recording(
        one.layout,
        np.r_[one.stamps_ns, later.stamps_ns],
        np.r_[one.positions, later.positions],
        np.r_[one.confidence, later.confidence],
    )
    assert begins(both, bundle) == pytest.approx([0.5, 6.5], abs=0.5)


def test_people_in_the_image_are_cut_too() -> None:
    assert len(split(in_image(again_and_again(tee, 2, 6.0)), Bundle.load("flat", "cpu"))) == 2


def test_what_teaches_nothing_is_left_out_and_said(bundle: Bundle) -> None:
    def hands(t: float) -> tuple:
        """Once, then for ten seconds without a rest, then once more."""
        return rowing(1.3 + t % 1.4) if 5 <= t < 15 else rowing((t - 15) if t > 15 else t)

    gallery = Gallery(bundle)
    kept, refused = gallery.add_all("rowing", recording(hands, 19.0))
    assert len(kept) == len(gallery.examples["rowing"]) == 2
    (reason,) = refused
    assert reason.startswith("example 2, at 4.")
    assert "at most 8 s: stand still, show it once, and stand still again" in reason


def test_where_nothing_is_kept_the_reasons_are_the_error(bundle: Bundle) -> None:
    gallery = Gallery(bundle)
    with pytest.raises(TeachError, match="at most 8 s"):
        gallery.add_all("rowing", recording(lambda t: rowing(1.3 + t % 1.4), 12.0))
    with pytest.raises(TeachError, match="must consist of"):
        gallery.add_all("a b", recording(rowing))
    assert gallery.labels == ()
