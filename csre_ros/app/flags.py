"""Command-line flags from the settings' dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field
from typing import Any

from jsonargparse import ActionYesNo, ArgumentParser

from csre_ros.options import leaf_fields


def add_options(
    parser: ArgumentParser,
    cls: type,
    name: Callable[[str], str],
    aliases: Mapping[str, Sequence[str]],
    positional: str = "",
) -> None:
    """Add a flag for every option of a dataclass tree, with its help, default and choices.

    Args:
        parser: The parser.
        cls: A dataclass as ``csre_ros.options.leaf_fields`` takes it.
        name: From the dotted name of an option to its flag, without dashes.
        aliases: Further spellings by flag.
        positional: Name of the option that is written without its flag, if there is one; it must be given, once or,
            where its default is a tuple, more often; where it has a default or is optional, it may be left out.
    """
    for dotted, item, default in leaf_fields(cls):
        if name(dotted) == positional:
            several: dict[str, Any] = (
                {"nargs": "+", "type": str} if isinstance(default, tuple) else {"type": type(default)}
            )
            if isinstance(default, str) and (default or item.metadata["optional"]):
                several |= {"nargs": "?", "default": default}
            parser.add_argument(positional, help=_help(item), **several)
            continue
        flags = [f"--{name(dotted)}", *aliases.get(name(dotted), ())]
        if isinstance(default, bool):
            parser.add_argument(*flags, action=ActionYesNo(no_prefix="no-"), default=default, help=_help(item))
        else:
            parser.add_argument(*flags, type=type(default), default=default, help=_help(item))


def _help(item: Field[Any]) -> str:
    meta = item.metadata
    text = str(meta["help"])
    if meta["choices"]:
        text += f" One of: {', '.join(meta['choices'])}."
    if (meta["minimum"], meta["maximum"]) != (None, None):
        low, high = ("" if bound is None else bound for bound in (meta["minimum"], meta["maximum"]))
        text += f" [{low}..{high}]"
    return text.replace("%", "%%")
