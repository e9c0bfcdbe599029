"""The label list of a bundle, and which classes of the data sets it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class LabelMap:
    """Labels of a bundle and their sources.

    Attributes:
        names: Labels in index order.
        background: Labels that are never reported as actions.
        leg_actions: Labels that cannot be told without legs.
        mirrored: Label that a label turns into in a mirror, where it is another one.
        sources: Per data set: class of the set to label, or to None where its clips are left out.
    """

    names: tuple[str, ...]
    background: frozenset[str]
    leg_actions: frozenset[str]
    mirrored: Mapping[str, str]
    sources: Mapping[str, Mapping[str, str | None]]

    def __post_init__(self) -> None:
        used = {self.reported(name) for table in self.sources.values() for name in table.values() if name is not None}
        used |= self.background | self.leg_actions | set(self.mirrored) | set(self.mirrored.values())
        if unknown := used - set(self.names):
            raise ValueError(f"labels {sorted(unknown)} are not in the label list {list(self.names)}")
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"the label list {list(self.names)} repeats a label")
        if one_way := [name for name in self.mirrored if self.mirror_of(self.mirror_of(name)) != name]:
            raise ValueError(f"mirrored twice, {one_way} become other labels; list both directions")

    def reported(self, name: str) -> str:
        """What a robot hears of what a source is taken for: that."""
        return name

    def index(self, name: str) -> int:
        """Index of a label.

        Raises:
            ValueError: There is no such label.
        """
        if name not in self.names:
            raise ValueError(f"unknown label {name!r}; choose one of: {', '.join(self.names)}")
        return self.names.index(name)

    def mirror_of(self, name: str) -> str:
        """The label that a mirrored clip has."""
        return self.mirrored.get(name, name)

    def of(self, source: str, label: str) -> str | None:
        """Label of a clip, or None where clips of this class are left out.

        Raises:
            ValueError: The table does not say what to do with this class.
        """
        try:
            return self.sources[source][label]
        except KeyError:
            raise ValueError(f"the label table has no entry for class {label!r} of data set {source!r}") from None


def read_labels(path: Path) -> LabelMap:
    """Read a label table.

    Raises:
        ValueError: The table names a label that is not in its own list, repeats one, or contradicts itself.
    """
    return LabelMap(**fields_of(path))


def fields_of(path: Path) -> dict[str, Any]:
    """The fields of a :class:`LabelMap` that a file holds."""
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        "names": tuple(table["labels"]),
        "background": frozenset(table["background"]),
        "leg_actions": frozenset(table["leg_actions"]),
        "mirrored": table["mirrored"],
        "sources": table["sources"],
    }


def plain_labels(source: str, classes: Sequence[str]) -> LabelMap:
    """The classes of one data set as they are."""
    return LabelMap(tuple(classes), frozenset(), frozenset(), {}, {source: {name: name for name in classes}})
