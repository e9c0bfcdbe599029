"""Events as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
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
        self._path = path
        self._file: IO[str] | None = None
        if path == "-":
            self._file = sys.stdout
        elif path:
            self._file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None and self._file is not sys.stdout:
            with self._named(), suppress(OSError) if error is not None else nullcontext():
                self._file.close()  # which writes what could not be written before, and fails once more

    def write(self, event: ActionEvent) -> None:
        """Append an event.

        Raises:
            OSError: It cannot be written; the text names the file.
        """
        if self._file is not None:
            with self._named():
                self._file.write(json.dumps(event.to_record()) + "\n")
                self._file.flush()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Says which file could not be written; that nobody reads standard output any more is another matter."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OSError(f"cannot write the events to {self._path}: {error.strerror}") from error
