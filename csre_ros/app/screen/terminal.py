"""Where text for people goes: news to standard error, which leaves standard output to results."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from rich.console import Console


class _StandardError:
    """Standard error as it is at the moment; what is said to a terminal that has closed is dropped."""

    def write(self, text: str) -> int:
        with self._while_open():
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with self._while_open():
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    @contextmanager
    def _while_open(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno != errno.EIO:
                raise


class _Plain(Console):
    """Prints text as it is: a path may hold square brackets and colons, which mean nothing here."""

    def __init__(self, file: IO[str] | None = None) -> None:
        super().__init__(file=file, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: an error like any other, with which the whole command ends."""
        raise BrokenPipeError


console = _Plain(cast("IO[str]", _StandardError()))
results = _Plain()
