"""From labels of a bundle to the standard symbols of human-robot interaction, as a YAML file says. Needs no ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from csre_ros.foreign_text import quoted, sentence

STANDARD = Path(__file__).with_name("standard_symbols.yaml")
"""The map for the labels of the shipped bundle."""


@dataclass(frozen=True)
class Symbols:
    """What one label means to others.

    Attributes:
        gesture: Name of a constant of ``hri_msgs/Gesture``.
        handedness: Likewise: ``LEFT`` or ``RIGHT``.
        intent: Name of a constant of ``hri_actions_msgs/Intent``.
    """

    gesture: str = ""
    handedness: str = ""
    intent: str = ""


def load_symbols(path: Path = STANDARD) -> dict[str, Symbols]:
    """Read a map from labels to symbols.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no such map; the text says what is wrong with which label.

    >>> load_symbols()["wave"].gesture
    'WAVING'
    """
    known = {item.name for item in fields(Symbols)}
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is no YAML: {sentence(error)}") from error
    if not isinstance(table, Mapping):
        raise ValueError(f"{path} holds a {type(table).__name__}; expected lines such as 'wave: {{gesture: WAVING}}'")
    for label, entry in table.items():
        texts = isinstance(entry, Mapping) and all(isinstance(value, str) for value in entry.values())
        if not texts or not set(entry) <= known:
            raise ValueError(
                f"{path}: {quoted(label)} is {quoted(entry)}; expected names for some of {', '.join(sorted(known))}"
            )
    return {str(label): Symbols(**entry) for label, entry in table.items()}


def constant(message: type[Any], name: str) -> Any:
    """The value of a constant of a message class.

    Raises:
        ValueError: The class has no such constant, perhaps in this release.
    """
    if not name.isupper() or not hasattr(message, name):
        choices = ", ".join(sorted(key for key in dir(type(message)) + dir(message) if key.isupper()))
        raise ValueError(f"{message.__name__} has no constant {quoted(name)}; choose one of: {choices}")
    return getattr(message, name)
