"""The label table of the stream bundles: what is told apart in training, and what a robot hears of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
import yaml
from torch import Tensor

from models.data.labels import LabelMap, fields_of


@dataclass(frozen=True, eq=False)
class StreamLabels(LabelMap):
    """Reported labels, the finer classes of training, and their sources.

    A frame's target is a *set* of classes, because recordings do not always say more: between two labelled actions of
    UTKinect somebody is idle, or walks, or does something else, but does not clap.

    The sources name classes of training, ``walk/slow`` for a part of *walk*; a set with one entry named ``""`` holds
    nothing but that.

    Attributes:
        families: Reported labels that are easily taken for each other, see :class:`FrameDecoding`.
    """

    families: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := {name for family in self.families for name in family} - set(self.names):
            raise ValueError(f"families name {sorted(unknown)}, which are not in the label list {list(self.names)}")

    def reported(self, name: str) -> str:
        """What a robot hears of a class of training."""
        return reported(name)

    def without(self, left_out: Mapping[str, Sequence[str]]) -> StreamLabels:
        """The table as it were if some movements did not exist in any of the sets.

        With a class of one set everything goes that the table takes for the same class of training, or for what that
        becomes in a mirror, and so do labels of which nothing is left.

        Args:
            left_out: Classes by data set, in the words of the set.

        Raises:
            ValueError: A set has no such class.
        """
        gone = {self.of(source, label) for source, labels in left_out.items() for label in labels} - {None}
        gone |= {self.mirror_of(name) for name in gone if name is not None}
        sources = {
            source: {label: None if name in gone else name for label, name in table.items()}
            for source, table in self.sources.items()
        }
        left = {reported(name) for table in sources.values() for name in table.values() if name is not None}
        left |= self.background
        return StreamLabels(
            tuple(name for name in self.names if name in left),
            self.background,
            self.leg_actions & left,
            {name: other for name, other in self.mirrored.items() if name in left},
            sources,
            tuple(tuple(name for name in family if name in left) for family in self.families),
        )

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Classes of training in index order: the reported labels, then their parts."""
        fine = {label for table in self.sources.values() for label in table.values() if label is not None}
        return (*self.names, *sorted(fine - set(self.names)))

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """Index of the reported label of every class."""
        return tuple(self.names.index(reported(name)) for name in self.classes)

    def of(self, source: str, label: str) -> str | None:
        """Class of a clip, or None where clips of its class are left out.

        Raises:
            ValueError: The table does not say what to do with this class.
        """
        table = self.sources.get(source, {})
        return table[""] if "" in table else super().of(source, label)

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Names of all target sets: each class for itself, then the sets of :attr:`membership`."""
        further = [or_walk(action) for action in WALKED_TO if action in self.classes]
        return (*self.classes, *_SETS, *further, *([REST_OR_CARRY] if CARRY in self.classes else []))

    def target(self, name: str) -> int:
        """Index of a target set.

        Raises:
            ValueError: There is no such class or set.
        """
        if name not in self.targets:
            raise ValueError(f"unknown target {name!r}; choose one of: {', '.join(self.targets)}")
        return self.targets.index(name)

    @cached_property
    def membership(self) -> Tensor:
        """``[targets, classes]``: 1 where a class belongs to a target set.

        ``rest``: any background. ``rest_or_walk``, ``rest_or_wave``: also this action. ``anything``: no statement.
        Then each of :data:`WALKED_TO` together with ``walk``, and ``walk/carry`` together with ``rest``.
        """
        background = torch.tensor([self.names[parent] in self.background for parent in self.parents]).float()
        rows = [*torch.eye(len(self.classes)), background]
        for action in ("walk", "wave"):
            rows.append((background + self._any_of(action)).clamp(max=1))
        rows.append(torch.ones_like(background))
        walk = self._any_of("walk")
        rows += [rows[self.classes.index(action)] + walk for action in WALKED_TO if action in self.classes]
        if CARRY in self.classes:
            rows.append(background + rows[self.classes.index(CARRY)])
        return torch.stack(rows)

    def _any_of(self, name: str) -> Tensor:
        """``[classes]``: 1 where a class is reported as this."""
        return torch.tensor([reported(one) == name for one in self.classes]).float()

    @cached_property
    def mirrored_targets(self) -> Tensor:
        """``[targets]`` target of a mirrored frame."""
        return torch.tensor([self.targets.index(self.mirror_of(name)) for name in self.targets])

    @cached_property
    def needs_legs(self) -> Tensor:
        """``[targets]`` whether a frame with this target says nothing once its legs are hidden."""
        return torch.tensor([reported(name) in self.leg_actions for name in self.targets])


REST, REST_OR_WALK, REST_OR_WAVE, ANYTHING = _SETS = ("rest", "rest_or_walk", "rest_or_wave", "anything")

CARRY, REST_OR_CARRY = "walk/carry", "rest_or_carry"
"""People who carry something also stand with it."""

WALKED_TO = ("pick_up", "throw", "other/drop")
"""Actions before or after which people walk within their clips."""


def or_walk(action: str) -> str:
    """Name of the set of one of :data:`WALKED_TO` and ``walk``."""
    return f"{action}_or_walk"


def reported(name: str) -> str:
    """What a robot hears of a class of training."""
    return name.partition("/")[0]


def read_stream_labels(path: Path) -> StreamLabels:
    """Read a label table.

    Raises:
        ValueError: The table names a label that is not in its own list, repeats one, or contradicts itself.
    """
    families = yaml.safe_load(path.read_text(encoding="utf-8")).get("families", ())
    return StreamLabels(**fields_of(path), families=tuple(map(tuple, families)))
