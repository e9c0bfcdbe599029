"""What bundles may say beyond schema 1 that this release acts upon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from csre_ros.foreign_text import quoted
from csre_ros.recognition.open_set import UNKNOWN

STREAM, DECODER = "stream", "decoder"
KNOWN_EXTENSIONS = frozenset((STREAM, DECODER, UNKNOWN))
"""Extensions of a description that this release acts upon; a bundle may demand one of these and no other."""


@dataclass(frozen=True)
class StreamInfo:
    """The bundle labels every frame: its graph is one step, with states of each person in and out.

    Attributes:
        rate_hz: Steps per second.
        delay_s: The scores of a step speak of the instant so long before it.
        receptive_s: How far back a step looks.

    Raises:
        ValueError: A value is no number, or out of range.
    """

    rate_hz: float
    delay_s: float
    receptive_s: float

    def __post_init__(self) -> None:
        for name, least, most in (("rate_hz", 1, 240), ("delay_s", 0, 10), ("receptive_s", 0, 600)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise ValueError(f"{name} of the extension 'stream' is {quoted(value)}; it must lie in {least}..{most}")

    @classmethod
    def from_extension(cls, extension: Mapping[str, Any]) -> StreamInfo:
        """Read the entry ``stream`` of a bundle's extensions.

        Raises:
            ValueError: A value is missing, no number, or out of range.
        """
        names = [field.name for field in fields(cls)]
        if absent := [name for name in names if name not in extension]:
            raise ValueError(f"the extension 'stream' lacks {', '.join(absent)}")
        return cls(*(extension[name] for name in names))
