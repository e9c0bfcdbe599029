"""When actions begin, from the targets of frames: what the network's second answer is trained on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool1d

from models.data.streams.labels import REST, REST_OR_WALK, StreamLabels

_AROUND, _UNSURE = 1, 3
"""Frames before and after the first one of an action that count as its beginning, and up to which nobody can say."""
_RARE = 3.0
"""How much more a beginning counts than another frame: there are few."""


class Kinds(NamedTuple):
    """What targets say about beginnings, each ``[targets]``.

    Attributes:
        action: Target is one action.
        certain: Whoever has this target and then an action surely begins it: another class, rest, or rest or walking.
            With any other, nobody knows whether something begins.
    """

    action: Tensor
    certain: Tensor


def kinds(labels: StreamLabels) -> Kinds:
    """Sort the targets of a label table."""
    background = torch.tensor([labels.names[parent] in labels.background for parent in labels.parents])
    action, certain = (torch.zeros(len(labels.targets), dtype=torch.bool) for _ in range(2))
    action[: len(background)] = ~background
    certain[: len(background)] = True
    for name in (REST, REST_OR_WALK):
        certain[labels.target(name)] = True
    return Kinds(action, certain)


def beginning_loss(logits: Tensor, target: Tensor, kinds: Kinds) -> Tensor:
    """Cross-entropy of the beginnings, over the frames that say whether something begins there.

    An action that is done again after a pause of one frame begins anew; frames next to a beginning count neither way.

    Args:
        logits: ``[B, T]``.
        target: ``[B, T]`` indices of target sets, of the same frames.
        kinds: Of the label table.

    Returns:
        Mean over these frames; 0 where there are none.
    """
    begins, known = beginnings(target, kinds)
    each = binary_cross_entropy_with_logits(
        logits, begins.to(logits.dtype), pos_weight=logits.new_tensor(_RARE), reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def beginnings(target: Tensor, kinds: Kinds) -> tuple[Tensor, Tensor]:
    """Where actions begin, and where that is known, both ``[B, T]``."""
    before = torch.cat((target[:, :1], target[:, :-1]), dim=1)
    first = kinds.action[target] & (target != before)
    sure = first & kinds.certain[before]
    begins = _spread(sure, _AROUND)
    doubtful = _spread(sure, _UNSURE) | _spread(first & ~sure, _UNSURE) | ~kinds.certain[target]
    return begins, begins | ~doubtful


def _spread(marks: Tensor, frames: int) -> Tensor:
    """Marks ``[B, T]``, and so many frames on both sides of each."""
    return max_pool1d(marks.float()[:, None], 2 * frames + 1, 1, frames)[:, 0] > 0
