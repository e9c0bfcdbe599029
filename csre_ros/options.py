"""How settings are written: dataclasses whose fields say what they are.

The same dataclasses give the command-line flags, the ROS parameters (description, range, read-only flag) and the
table in the documentation. ``option`` carries what a type cannot say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields
from typing import Any, TypeVar

from csre_ros.foreign_text import quoted
from csre_ros.paths import user_path

Config = TypeVar("Config")

READ, REPLACED, MADE = "read", "replaced", "made"
"""What becomes of a file that an option names; what is made is never there before."""


def option(
    default: Any,
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
    dynamic: bool = False,
    remote: bool = True,
    file: str = "",
    optional: bool = False,
) -> Any:
    """A dataclass field with its documentation.

    Args:
        default: Default value.
        help: One sentence with the unit, shown by ``--help`` and ``ros2 param describe``.
        minimum: Smallest allowed number.
        maximum: Largest allowed number.
        choices: Allowed strings.
        dynamic: Whether a running node accepts a new value.
        remote: Whether others may set it over the network once the node has started; False for what names files,
            devices or addresses.
        file: What becomes of the file that it names, if it names one: :data:`READ`, :data:`REPLACED` or :data:`MADE`.
            In such a value ``~`` stands for the home folder.
        optional: Whether it may be left out where it is written without its flag; with a default it always may.
    """
    limits = {"minimum": minimum, "maximum": maximum, "choices": choices}
    metadata = {"help": help, **limits, "dynamic": dynamic, "remote": remote, "file": file, "optional": optional}
    return field(default=default, metadata=metadata)


def check(config: Any) -> None:
    """Refuse values outside the documented ranges; call from ``__post_init__``.

    Raises:
        ValueError: A field breaks its range or choices; the text names field, value and what is allowed.
    """
    for item in fields(config):
        check_field(item, getattr(config, item.name))


def check_field(item: Field[Any], value: Any) -> None:
    """Refuse one value that breaks the range or choices of its field.

    Raises:
        ValueError: As for :func:`check`.
    """
    meta = item.metadata
    low, high, choices = meta.get("minimum"), meta.get("maximum"), meta.get("choices")
    if choices is not None and value not in choices:
        raise ValueError(f"{item.name} is {quoted(value)}; choose one of: {', '.join(choices)}")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        allowed = f"be at least {low}" if high is None else f"lie in {low}..{high}"
        raise ValueError(f"{item.name} is {value}; it must {allowed}")


def leaf_fields(cls: type, prefix: str = "") -> list[tuple[str, Field[Any], Any]]:
    """All options of a dataclass tree as ``(dotted name, field, default)``, in order of definition.

    >>> from csre_ros.recognition.settings import RecognizerConfig
    >>> [name for name, _, _ in leaf_fields(RecognizerConfig)][:3]
    ['bundle', 'device', 'gallery']
    """
    found: list[tuple[str, Field[Any], Any]] = []
    for item in fields(cls):
        if item.default is MISSING and isinstance(item.default_factory, type):
            found += leaf_fields(item.default_factory, f"{prefix}{item.name}.")
        else:
            found.append((prefix + item.name, item, item.default))
    return found


def build(cls: type[Config], values: Mapping[str, Any], name: Callable[[str], str] = str, prefix: str = "") -> Config:
    """A dataclass tree from values by name; what is not given keeps its default.

    Args:
        cls: A dataclass as :func:`leaf_fields` takes it.
        values: The values.
        name: From the dotted name of an option to its key in ``values``.
        prefix: Dotted name of ``cls`` itself, with a dot behind it.

    Raises:
        ValueError: A value lies outside its range or choices.
        FileNotFoundError: A path names the home folder of a user who does not exist.

    >>> from csre_ros.recognition.settings import RecognizerConfig
    >>> build(RecognizerConfig, {"tracker.gate_m": 1.0}).tracker.gate_m
    1.0
    """
    arguments: dict[str, Any] = {}
    for item in fields(cls):  # type: ignore[arg-type]
        dotted = prefix + item.name
        if item.default is MISSING and isinstance(item.default_factory, type):
            arguments[item.name] = build(item.default_factory, values, name, dotted + ".")
        elif name(dotted) in values:
            value = values[name(dotted)]
            arguments[item.name] = _at_home(value) if item.metadata.get("file") else value
    return cls(**arguments)


def _at_home(value: Any) -> Any:
    if isinstance(value, str):
        return str(user_path(value)) if value.startswith("~") else value
    return [_at_home(one) for one in value]
