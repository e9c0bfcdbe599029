"""When a path through an example is over, by paths made up."""

from __future__ import annotations

import numpy as np

from csre_ros.teaching.ending import Ending

RATE = 30.0


def over(distances: list[float], seconds: list[float], moving: bool = True) -> list[bool]:
    one = Ending(1, 1.0, RATE)
    return [
        bool(one.step(np.array([d]), np.array([s]), np.array([moving]))[0])
        for d, s in zip(distances, seconds, strict=True)
    ]


def grown(frames: int, begin: int = 60) -> list[float]:
    """How long ago a path began that starts where it did."""
    return [(begin + t) / RATE for t in range(frames)]


def test_a_path_that_gets_no_better_is_over_after_a_while() -> None:
    better = [2.0, 1.2, 0.9, 0.7, 0.55]
    found = over(better + [0.56] * 20, grown(25))
    assert found.index(True) == len(better) + 9
    assert all(found[found.index(True) :])


def test_a_posture_is_held_as_long_as_one_likes() -> None:
    assert not any(over([0.5] * 60, grown(60), moving=False))


def test_a_path_that_begins_later_is_another_movement() -> None:
    found = over([0.5] * 45, grown(20) + grown(25, 30))
    assert found[15]
    assert not any(found[20:29])
    assert found[40]


def test_what_never_fitted_is_not_over() -> None:
    assert not any(over([1.5] * 40, grown(40)))


def test_a_new_person_begins_anew() -> None:
    one = Ending(1, 1.0, RATE)
    for second in grown(20):
        one.step(np.array([0.5]), np.array([second]), np.array([True]))
    one.reset()
    assert not one.step(np.array([0.5]), np.array([2.0]), np.array([True]))[0]
