"""Events as JSON lines."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

from csre_ros.recognition import ActionEvent


class EventLog:
    """Writes one JSON object per event and line, at once. A context manager.

    Args:
        path: The file, which is replaced; ``-`` for standard output, empty for nowhere.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._stack = ExitStack()
        self._file: IO[str] | None = None
        if path == "-":
            self._file = sys.stdout
        elif path:
            self._file = self._stack.enter_context(Path(path).open("w", encoding="utf-8"))  # noqa: SIM115

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def write(self, event: ActionEvent) -> None:
        """Append an event."""
        if self._file is not None:
            self._file.write(json.dumps(event.to_record()) + "\n")
            self._file.flush()
