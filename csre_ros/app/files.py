"""Which files a command reads and writes: no path twice; what can be refused is refused before any is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from csre_ros.app.source import resolve_recording
from csre_ros.options import READ, REPLACED, leaf_fields
from csre_ros.paths import user_path
from csre_ros.pose.settings import MODELS
from csre_ros.recognition.bundle import BUNDLE_FOLDER
from csre_ros.sources.bag_reader import BAG_SUFFIXES
from csre_ros.sources.stored import IMAGE_SUFFIXES

_STORED = (*IMAGE_SUFFIXES, *BAG_SUFFIXES, ".yaml")  # what is read of a folder


@dataclass(frozen=True)
class Use:
    """A path, what the user calls it, and what becomes of it.

    Attributes:
        role: The option.
        path: The path.
        fate: As in :mod:`csre_ros.options`.
    """

    role: str
    path: Path
    fate: str


def check_files(settings: Any, flag: Callable[[str], str], configs: Sequence[str] = ()) -> None:
    """Refuse settings by which a file would be written that is used otherwise, or that cannot be written.

    Args:
        settings: The settings of a command.
        flag: From the dotted name of an option to what the user writes.
        configs: Files that options were read from.

    Raises:
        ValueError: Two roles name the same file, by whatever name.
        OSError: The folder of a file that is to be written does not exist.
    """
    uses = [Use("--config", user_path(config), READ) for config in configs] + list(_uses(settings, flag))
    for number, one in enumerate(uses):
        for other in uses[:number]:
            if {one.fate, other.fate} != {READ} and _same(one.path, other.path):
                raise ValueError(_clash(one, other))
    for written in uses:
        for read in uses:
            if written.fate != READ and read.fate == READ and _lies_in(written.path, read.path):
                raise ValueError(_clash(written, read))
        if written.fate == REPLACED and not written.path.parent.is_dir():
            raise FileNotFoundError(
                f"cannot write {written.path} ({written.role}): there is no folder {written.path.parent}"
            )


def _clash(one: Use, other: Use) -> str:
    return (
        f"{one.role} and {other.role} name the same file, {one.path}, and one would destroy the other: choose another "
        "name"
    )


def _uses(settings: Any, flag: Callable[[str], str]) -> Iterator[Use]:
    for dotted, item, _ in leaf_fields(type(settings)):
        if fate := item.metadata.get("file"):
            value = attrgetter(dotted)(settings)
            for text in (value,) if isinstance(value, str) else value:
                role = flag(dotted)
                for path in _paths(text, role):
                    yield Use(role, path, fate)
                    if role.endswith("output") and fate == REPLACED:
                        yield Use("the contact sheet", path.with_suffix(".png"), fate)


def _paths(text: str, role: str) -> Iterable[Path]:
    """The path that a value names, if it names one."""
    if text in ("", "-", "auto") or text.startswith("camera:") or "://" in text:
        return ()
    if role.endswith("bundle") and (shipped := BUNDLE_FOLDER / f"{text}.onnx").exists():
        return (shipped,)
    if role.endswith("pose.model") and text in MODELS:
        return ()
    path = user_path(resolve_recording(text))
    return (path, path.parent) if path.name == "metadata.yaml" else (path,)


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one file: through links, and where the disk does not tell capitals apart."""
    try:
        first, second = one.stat(), other.stat()
    except OSError:  # one of them is still to be made
        return os.path.realpath(one).casefold() == os.path.realpath(other).casefold()
    regular = stat.S_ISREG(first.st_mode) or stat.S_ISDIR(first.st_mode)
    return regular and os.path.samestat(first, second)  # a device such as /dev/null may be used twice


def _lies_in(written: Path, folder: Path) -> bool:
    """Whether a file that would be replaced is one of those that are read of a folder."""
    if not (folder.is_dir() and written.is_file()):
        return False
    stored = (file for file in folder.rglob("*") if file.suffix.lower() in _STORED)
    return any(_same(written, file) for file in stored)
