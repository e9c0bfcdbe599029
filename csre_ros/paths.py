"""Paths as people write them, and as native libraries can be trusted with them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def user_path(text: str | Path) -> Path:
    """A path in which ``~`` and ``~name`` stand for home folders, wherever it was written.

    Raises:
        FileNotFoundError: There is no user of that name.

    >>> user_path("~/wave.mcap") == Path.home() / "wave.mcap"
    True
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        name = Path(text).parts[0]
        raise FileNotFoundError(
            f"{str(text)!r}: {name} stands for the home folder of a user, and there is none of that name; a file that "
            f"is really called so is written ./{text}"
        ) from None


@contextmanager
def native_name(path: Path) -> Iterator[str]:
    """A name under which a native library opens a file, now or to write it, and takes it for nothing else.

    FFmpeg takes the text before a colon for a protocol, which it does not where the name begins with a slash. OpenCV
    crashes at a name that is not UTF-8, so such a file gets another name for as long as the context lasts; what was
    opened under it stays open.
    """
    absolute = str(path.absolute())
    try:
        absolute.encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / f"file{os.fsencode(path.suffix).decode(errors='ignore')}"
            link.symlink_to(path.absolute())
            yield str(link)
    else:
        yield absolute
