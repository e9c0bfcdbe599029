"""The file of a gallery: one ``.npz`` without pickled objects, written whole or not at all, checked before it is used.

It holds the recordings themselves, so that another bundle can be taught by them; features are made of them anew.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from csre_ros.foreign_text import quoted, sentence
from csre_ros.teaching.recording import Recording, TeachError

VERSION = 1
MOST_EXAMPLES, _MOST_BYTES = 2000, 1 << 28
_ARRAYS = ("stamps_ns", "positions", "confidence")


class GalleryError(ValueError):
    """A gallery file that cannot be used; the text says what was found and what to do."""


def write(path: Path, digest: str, recordings: Mapping[str, Sequence[Recording]]) -> None:
    """Write a gallery.

    Args:
        path: File to write, ``.npz``; replaced as a whole, or not at all.
        digest: Of the bundle that it was taught to.
        recordings: Trimmed examples by label.

    Raises:
        ValueError: The file is not called ``.npz``.
        OSError: It cannot be written.
    """
    if path.suffix != ".npz":
        raise ValueError(f"a gallery is called something.npz, not {path.name!r}")
    examples = [(label, one) for label, several in recordings.items() for one in several]
    listed = [{"label": label, "layout": one.layout} for label, one in examples]
    document = {"version": VERSION, "bundle": digest, "examples": listed}
    arrays: dict[str, Any] = {"gallery": np.array(json.dumps(document))}
    for number, (_, one) in enumerate(examples):
        arrays |= {f"{name}_{number}": getattr(one, name) for name in _ARRAYS}
    path = path.resolve()  # a link stays one
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            np.savez_compressed(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path) -> tuple[str, dict[str, list[Recording]]]:
    """Digest of the bundle and the recordings by label.

    Raises:
        GalleryError: The file is missing, damaged, foreign, or of another version.
    """
    if not path.is_file():
        raise GalleryError(
            f"there is no gallery {path}; make one by showing a gesture, csre teach NAME --gallery {path}, or an empty "
            f"one, csre teach --create --gallery {path}"
        )
    if path.stat().st_size > _MOST_BYTES:
        raise GalleryError(f"{path} has {path.stat().st_size} bytes, too many for a gallery; give another file")
    try:
        with np.load(path, allow_pickle=False) as file:
            document = json.loads(str(file["gallery"]))
            if document["version"] != VERSION:
                raise GalleryError(
                    f"gallery {path} has version {quoted(document['version'])}, expected {VERSION}; use the release of "
                    "csre_ros that wrote it"
                )
            listed = document["examples"][: MOST_EXAMPLES + 1]
            if len(listed) > MOST_EXAMPLES:
                raise GalleryError(f"gallery {path} holds more than {MOST_EXAMPLES} examples; give another file")
            recordings: dict[str, list[Recording]] = {}
            for number, one in enumerate(listed):
                stamps, positions, confidence = (file[f"{name}_{number}"] for name in _ARRAYS)
                recording = Recording(
                    str(one["layout"]),
                    stamps.astype(np.int64),
                    positions.astype(np.float32),
                    confidence.astype(np.float32),
                )
                recordings.setdefault(str(one["label"]), []).append(recording)
            return str(document["bundle"]), recordings
    except (GalleryError, TeachError) as error:
        raise GalleryError(str(error)) from None
    except Exception as error:  # NumPy, zipfile and zlib raise whatever they stumble over first
        raise GalleryError(
            f"gallery {path} is damaged or no gallery ({sentence(error)}); take a copy of it, or teach it again"
        ) from None
