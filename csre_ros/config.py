"""Every setting of the runtime, defined once.

The same dataclasses give the command-line flags, the ROS parameters (description, range, read-only flag) and the
table in the documentation. ``option`` carries what a type cannot say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar

Config = TypeVar("Config")


def option(
    default: Any,
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
    dynamic: bool = False,
) -> Any:
    """A dataclass field with its documentation.

    Args:
        default: Default value.
        help: One sentence with the unit, shown by ``--help`` and ``ros2 param describe``.
        minimum: Smallest allowed number.
        maximum: Largest allowed number.
        choices: Allowed strings.
        dynamic: Whether a running node accepts a new value.
    """
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "choices": choices, "dynamic": dynamic}
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
        raise ValueError(f"{item.name} is {value!r}; choose one of: {', '.join(choices)}")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise ValueError(f"{item.name} is {value}; it must lie in {low}..{high}")


@dataclass(frozen=True)
class TrackerConfig:
    """Who is who from frame to frame."""

    gate_m: float = option(
        0.6, "Largest mean joint distance in metres between a track and its next skeleton.", minimum=0.05, maximum=5.0
    )
    birth_s: float = option(0.1, "Seconds a new person must be seen before the track counts.", minimum=0.0, maximum=5.0)
    death_s: float = option(0.7, "Seconds without a sighting after which a track ends.", minimum=0.05, maximum=10.0)
    max_people: int = option(
        12, "Most people followed at once; further skeletons are counted and left out.", minimum=1, maximum=64
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class WindowConfig:
    """How much of the past one decision sees. The length itself belongs to the bundle."""

    stride_s: float = option(0.1, "Seconds between decisions.", minimum=0.01, maximum=5.0, dynamic=True)
    min_fill_s: float = option(
        0.8, "Seconds of a person that must be seen before the first decision.", minimum=0.0, maximum=10.0
    )
    max_gap_s: float = option(
        0.5,
        "Seconds between sightings that clear a person's window; a frame that comes less late than that is left out.",
        minimum=0.05,
        maximum=10.0,
    )
    max_jump_s: float = option(
        60.0,
        "A stamp further ahead than this, in seconds, is refused as a clock error unless the next one confirms it.",
        minimum=1.0,
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class DecoderConfig:
    """From scores to something a robot may act on. Thresholds of each label come with the bundle."""

    smoothing_s: float = option(
        0.25, "Time constant of the exponential smoothing of probabilities, in seconds.", minimum=0.0, maximum=5.0
    )
    threshold_scale: float = option(
        1.0,
        "Factor on the bundle's thresholds: above 1 is stricter, below 1 more eager.",
        minimum=0.1,
        maximum=2.0,
        dynamic=True,
    )
    leave_ratio: float = option(
        0.7, "An action ends when its probability falls below this share of its threshold.", minimum=0.0, maximum=1.0
    )
    min_duration_s: float = option(
        0.2, "Seconds a label must stay above its threshold before it is reported.", minimum=0.0, maximum=10.0
    )
    ongoing_s: float = option(1.0, "Seconds between 'ongoing' events of one action.", minimum=0.05, maximum=60.0)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class RecognizerConfig:
    """Settings of the recognition chain."""

    bundle: str = option("default", "Name of a shipped bundle, or path of an .onnx bundle.")
    device: str = option(
        "auto",
        "Where the encoder runs; 'cuda' and 'tensorrt' refuse to start if they are not active.",
        choices=("auto", "cpu", "cuda", "tensorrt"),
    )
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    def __post_init__(self) -> None:
        check(self)


def leaf_fields(cls: type, prefix: str = "") -> list[tuple[str, Field[Any], Any]]:
    """All options of a dataclass tree as ``(dotted name, field, default)``, in order of definition.

    >>> [name for name, _, _ in leaf_fields(RecognizerConfig)][:3]
    ['bundle', 'device', 'tracker.gate_m']
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

    >>> build(RecognizerConfig, {"tracker.gate_m": 1.0}).tracker.gate_m
    1.0
    """
    arguments: dict[str, Any] = {}
    for item in fields(cls):  # type: ignore[arg-type]
        dotted = prefix + item.name
        if item.default is MISSING and isinstance(item.default_factory, type):
            arguments[item.name] = build(item.default_factory, values, name, dotted + ".")
        elif name(dotted) in values:
            arguments[item.name] = values[name(dotted)]
    return cls(**arguments)
