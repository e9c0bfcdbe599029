"""What was wrong with the clips of a data set: counted while it is read, told at the end, never silently dropped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

_NAMED = 3
"""So many clips are named for each remark; the rest are counted."""


@dataclass
class LoadReport:
    """Remarks on the clips of one data set.

    Attributes:
        source: Name of the data set.
        remarks: What was found, and the clips in which it was found.

    >>> report = LoadReport("nw_ucla")
    >>> report.note("one frame, kept", "a02_s09_e04_v02")
    >>> print(report)
    nw_ucla: one frame, kept: 1 (a02_s09_e04_v02)
    """

    source: str
    remarks: dict[str, list[str]] = field(default_factory=dict)

    def note(self, remark: str, clip: str) -> None:
        """Count a clip under a remark, such as ``one frame, kept``."""
        self.remarks.setdefault(remark, []).append(clip)

    def count(self, expected: int, names: Sequence[str]) -> None:
        """Remark on a number of clips that is not the published one."""
        if len(names) != expected:
            self.remarks[f"clips found where {expected} were published"] = list(names)

    def __str__(self) -> str:
        lines = []
        for remark, clips in self.remarks.items():
            more = ", ..." if len(clips) > _NAMED else ""
            lines.append(f"{self.source}: {remark}: {len(clips)} ({', '.join(clips[:_NAMED])}{more})")
        return "\n".join(lines)

    def tell(self) -> None:
        """Log the remarks as one warning, if there are any."""
        if self.remarks:
            logger.warning("%s", self)
