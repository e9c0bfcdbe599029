"""One clip as an official file holds it, and what the readers of such files share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from csre_ros.skeleton import FloatArray


@dataclass(frozen=True, eq=False)
class Recording:
    """One clip before anything is done to it.

    Attributes:
        frames: ``[T, V, 3]`` or ``[T, V, 4]`` as in the file.
        joints: Names of the V joints, in the words of the Kinect files.
        label: Class name.
        subject: Person number.
        name: Name of the clip.
        split: ``"train"``, ``"test"`` or ``""``.
    """

    frames: FloatArray
    joints: Sequence[str]
    label: str
    subject: int
    name: str
    split: str


def find(folder: Path, pattern: str, what: str) -> list[Path]:
    """Files of a folder, sorted by name.

    Raises:
        FileNotFoundError: There is none.
    """
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f"{folder} holds no {pattern}; give the folder of the extracted {what}")
    return found


def numbers(path: Path, pattern: str) -> list[int]:
    """The numbers in a file's name.

    Raises:
        ValueError: The name has another form.
    """
    match = re.fullmatch(pattern, path.name)
    if match is None:
        raise ValueError(f"{path} is not named like {pattern}; take it out of the folder")
    return [int(group) for group in match.groups()]


def class_name(classes: Sequence[str], label: int, path: Path) -> str:
    """Name of a class by its number, counted from 1.

    Raises:
        ValueError: The number is outside the list.
    """
    if not 1 <= label <= len(classes):
        raise ValueError(
            f"{path} has label {label}, but the classes are numbered 1 to {len(classes)}; take the file out or mend it"
        )
    return classes[label - 1]
