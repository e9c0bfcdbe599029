"""Where text for people goes: news to standard error, which leaves standard output to results."""

from __future__ import annotations

from rich.console import Console


class _Plain(Console):
    """Prints text as it is: a path may hold square brackets and colons, which mean nothing here."""

    def __init__(self, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: an error like any other, with which the whole command ends."""
        raise BrokenPipeError


console = _Plain(stderr=True)
results = _Plain()
