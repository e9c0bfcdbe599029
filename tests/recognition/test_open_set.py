"""Open-set recognition by hand: two labels of two dimensions, and what lies between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from csre_ros.recognition.open_set import OpenSet

NAMES = ("idle", "wave", "clap")
PROTOTYPES = {"wave": np.array([[2.0, 0.0], [0.0, 3.0]], np.float32), "clap": np.array([[-1.0, 0.0]], np.float32)}
MODEL = OpenSet.of(PROTOTYPES, NAMES, 2, weight=0.5, shares=(0.01, 0.1), limits=(0.0, 0.3))


def test_what_is_like_one_of_the_prototypes_fits_and_what_is_not_does_not() -> None:
    probabilities = np.array([[0.05, 0.9, 0.05]] * 4)
    embeddings = np.array([[5.0, 0.0], [0.0, 1.0], [3.0, 4.0], [-1.0, 0.0]], np.float32)  # the last is the other's
    np.testing.assert_allclose(MODEL.likeness(embeddings)[:, 1:], [[1, -1], [1, 0], [0.8, -0.6], [0, 1]], atol=1e-6)
    assert np.isnan(MODEL.likeness(embeddings)[:, 0]).all()
    scores = MODEL.scores(probabilities, embeddings)
    np.testing.assert_allclose(scores[:, 1], np.log(0.9) + 0.5 * np.array([1.0, 1.0, 0.8, 0.0]), atol=1e-6)
    assert MODEL.known(probabilities, embeddings, 0.01)[:, 1].tolist() == [True, True, True, False]


def test_an_embedding_of_nothing_is_like_nothing() -> None:
    """Before anything was seen the network may say zeros."""
    np.testing.assert_array_equal(MODEL.likeness(np.zeros((1, 2), np.float32)), [[np.nan, 0.0, 0.0]])


def test_a_bundle_may_know_none_of_its_labels() -> None:
    none = OpenSet.from_extension(MODEL.extension(NAMES) | {"prototypes": {}}, NAMES, 2)
    assert none.known(np.array([0.1, 0.8, 0.1]), np.array([0.0, 1.0], np.float32), 0.1).all()


def test_background_is_never_refused_and_nothing_is_where_it_is_off() -> None:
    probabilities, embedding = np.array([0.1, 0.8, 0.1]), np.array([-1.0, 0.0], np.float32)
    assert MODEL.known(probabilities, embedding, 0.01).tolist() == [True, False, False]  # not even the likelier one
    assert MODEL.known(probabilities, embedding, 0.0).all()


def test_who_gives_more_up_refuses_more() -> None:
    probabilities, embedding = np.array([0.1, 0.8, 0.1]), np.array([3.0, 4.0], np.float32)  # scores 0.177
    known = [bool(MODEL.known(probabilities, embedding, share)[1]) for share in (0.005, 0.01, 0.05, 0.1, 0.5)]
    assert known == [True, True, True, False, False]


def test_it_travels_through_the_extension() -> None:
    read = OpenSet.from_extension(MODEL.extension(NAMES), NAMES, 2)
    assert MODEL.extension(NAMES)["required"] is False
    np.testing.assert_allclose(read.prototypes, MODEL.prototypes, atol=1e-4)
    assert (read.weight, read.shares, read.limits) == (MODEL.weight, MODEL.shares, MODEL.limits)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prototypes": {"jump": [[0.0, 1.0]]}}, "prototypes .* must be lists by label"),
        ({"prototypes": {"wave": [[0.0]]}}, "'wave' .* a list of 2 numbers"),
        ({"prototypes": {"wave": [["0", 1]]}}, "'wave' .* a list of 2 numbers"),
        ({"prototypes": {"wave": [[float("nan"), 1]]}}, "'wave' .* values beyond"),
        ({"prototypes": {"wave": []}}, "prototypes of 'wave' .* must be 1..256 lists"),
        ({"prototypes": {"wave": 3}}, "prototypes of 'wave' .* must be 1..256 lists"),
        ({"weight": None}, "'weight'"),
        ({"limits": [1.0]}, "'limits' .* a list of 2 numbers"),
        ({"shares": [0.1, 0.01]}, "shares .* must rise"),
    ],
)
def test_nonsense_is_refused_with_its_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        OpenSet.from_extension(MODEL.extension(NAMES) | change, NAMES, 2)
