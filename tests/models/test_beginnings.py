"""Where actions begin, from the targets of frames."""

from __future__ import annotations

import pytest
import torch

from models.data.streams.labels import StreamLabels
from models.training.beginnings import beginning_loss, beginnings, kinds

LABELS = StreamLabels(
    names=("idle", "kick", "walk"),
    background=frozenset(("idle",)),
    leg_actions=frozenset(),
    mirrored={},
    sources={"a": {"kick": "kick", "kick to the side": "kick/side"}},
)
KINDS = kinds(LABELS)


def targets(*names: str) -> torch.Tensor:
    return torch.tensor([[LABELS.target(name) for name in names]])


def marks(*names: str) -> tuple[list[int], list[int]]:
    """Frames where something begins, and frames where nobody can say."""
    begins, known = beginnings(targets(*names), KINDS)
    return begins[0].nonzero()[:, 0].tolist(), (~known)[0].nonzero()[:, 0].tolist()


def test_an_action_begins_behind_rest_and_behind_another_one() -> None:
    begins, unsure = marks(*["idle"] * 8, *["kick"] * 8, *["walk"] * 8)
    assert begins == [7, 8, 9, 15, 16, 17]
    assert unsure == [5, 6, 10, 11, 13, 14, 18, 19]


def test_the_same_action_begins_again_behind_one_frame_of_rest() -> None:
    assert marks(*["kick"] * 9, "rest", *["kick"] * 9)[0] == [9, 10, 11]


def test_what_nobody_knows_begins_nothing_and_is_not_held_against_it() -> None:
    begins, unsure = marks(*["kick"] * 6, *["anything"] * 3, *["kick"] * 8)
    assert begins == []
    assert set(unsure) >= {6, 7, 8, 9, 10, 11, 12}


def test_another_part_of_a_label_is_another_action() -> None:
    assert marks(*["kick"] * 6, *["kick/side"] * 6)[0] == [5, 6, 7]


def test_the_loss_wants_beginnings_where_they_are() -> None:
    target = targets(*["idle"] * 8, *["kick"] * 8)
    right = torch.where(beginnings(target, KINDS)[0], 6.0, -6.0)
    assert beginning_loss(right, target, KINDS) < 0.01 < 1 < beginning_loss(-right, target, KINDS)
    nobody_knows = targets(*["anything"] * 10)
    assert beginning_loss(torch.ones(1, 10), nobody_knows, KINDS) == pytest.approx(0.0)
