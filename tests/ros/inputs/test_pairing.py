"""Pictures and depths that come in any order, late, or never."""

import random

from csre_ros.ros.inputs.pairing import Pairing

FRAME, SLOP = 33_000_000, 20_000_000


def test_the_nearest_is_taken_whatever_the_order():
    chance = random.Random(1)
    for _ in range(50):
        pairing, shift = Pairing(SLOP), chance.randrange(-15_000_000, 15_000_000)
        arrivals = [("item", i * FRAME, i) for i in range(1, 40)]
        arrivals += [("companion", i * FRAME + shift, i) for i in range(1, 41)]
        # Both topics keep their order; one may run ahead of the other by some frames.
        lead = chance.randrange(-3, 4) * FRAME
        arrivals.sort(key=lambda one: one[1] + (lead if one[0] == "item" else 0))
        pairs = [pair for kind, stamp, what in arrivals for pair in getattr(pairing, kind)(stamp, what)]
        assert pairs == [(i, i) for i in range(1, 40)]
        assert pairing.alone == 0


def test_what_finds_nothing_near_is_given_up_and_counted():
    pairing = Pairing(SLOP)
    assert pairing.item(FRAME, "a") == []
    assert pairing.companion(FRAME + SLOP + 1, "too late") == []
    assert pairing.alone == 1


def test_without_companions_few_items_wait():
    pairing = Pairing(SLOP)
    for i in range(1000):
        assert pairing.item(i * FRAME, bytes(10)) == []
    assert len(pairing._items) <= 8
    assert pairing.alone == 1000 - len(pairing._items)
    for i in range(1000, 2000):
        pairing.companion(i * FRAME, bytes(10))
    assert len(pairing._companions) <= 8
    assert pairing.alone == 1000


def test_stamps_that_go_back_begin_anew():
    pairing = Pairing(SLOP)
    for i in range(100, 110):
        pairing.companion(i * FRAME, "old")
    assert pairing.item(5 * FRAME, "new") == []
    assert pairing.companion(5 * FRAME, "depth") == [("new", "depth")]
