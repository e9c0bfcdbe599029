"""Teaching the gallery of a running node: a recording begins and ends by a request; only that gallery is written."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from csre_ros.foreign_text import quoted, sentence
from csre_ros.paths import user_path
from csre_ros.pipeline import Pipeline
from csre_ros.ros.node.services import Answer
from csre_ros.skeleton import Frame
from csre_ros.teaching import Gallery, GalleryError, Recording, TeachError

_LONGEST_S = 60.0
"""Of one recording; what comes later is not recorded."""


class Teacher:
    """Records the one person in view from a request to the next, and teaches what was seen.

    Requests come on the node's thread, frames on the worker's.

    Args:
        path: The file of the gallery; nothing else is ever written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._label = ""  # empty: nothing is being recorded
        self._frames: list[Frame] = []
        self._over = False
        self._people = 0
        self._dropped = ""
        self._written = _signature(path)

    def see(self, frame: Frame) -> None:
        """Take a frame in, if a recording is on."""
        with self._lock:
            self._people = len(frame.skeletons)
            if not self._label or self._over:
                return
            self._frames.append(frame)
            self._over = abs(frame.stamp_ns - self._frames[0].stamp_ns) > _LONGEST_S * 1e9

    def drop(self, reason: str) -> None:
        """Forget a recording that is on; whoever ends it is told why."""
        with self._lock:
            if self._label:
                self._dropped = f"the recording of {self._label!r} was dropped: {reason}"
            self._label, self._frames, self._people = "", [], 0

    def start(self, label: str, pipeline: Pipeline | None) -> Answer:
        """Begin a recording.

        Args:
            label: What it is to teach.
            pipeline: The runtime; None while the node is not active.
        """
        try:
            if not label:
                return False, "no name: set the parameter teach_name to that of the gesture first"
            self._gallery(pipeline).check_label(label)
        except TeachError as error:
            return False, str(error)
        with self._lock:
            if self._label:
                return False, f"{self._label!r} is being recorded already; end that by ~/teach/stop first"
            if self._people > 1:
                return False, f"{self._people} people are in view; let the others step aside and ask again"
            self._label, self._frames, self._over, self._dropped = label, [], False, ""
            seen = "" if self._people else "; nobody is in view yet"
        return True, f"recording {label!r}: stand still, show it, stand still, then call ~/teach/stop{seen}"

    def stop(self, pipeline: Pipeline | None, adopt: Callable[[Gallery], object]) -> Answer:
        """End the recording, and teach and save what it holds.

        Where the file cannot be written or read, the recording is kept for another request.

        Args:
            pipeline: As for :meth:`start`; its gallery is not changed.
            adopt: Called with the gallery that is to take its place.
        """
        with self._lock:
            if not self._label:
                dropped, self._dropped = self._dropped, ""
                return False, dropped or "nothing is being recorded; begin by ~/teach/start"
            self._over = True
            label, frames = self._label, self._frames
        try:
            recording = Recording.from_frames(frames)
            now = self._newest(self._gallery(pipeline))
            kept, refused = now.add_all(label, recording)
            now.save(self.path)
        except TeachError as error:
            self._forget()
            return False, f"nothing was kept of {label!r}: {error}"
        except (OSError, GalleryError) as error:
            return False, f"{sentence(error)}; the recording of {label!r} is kept: call ~/teach/stop again"
        self._forget()
        self._written = _signature(self.path)
        adopt(now)
        lengths = ", ".join(f"{one.seconds:.1f}" for one in kept)
        told = f"{label!r}: kept {lengths} s of {recording.seconds:.1f} s, {len(now.examples[label])} examples in all"
        notes = [*(f"left out {reason}" for reason in refused), *now.findings(label)]
        return True, ". ".join([told, *notes])

    def _gallery(self, pipeline: Pipeline | None) -> Gallery:
        """What can be taught; TeachError where nothing can."""
        if pipeline is None:
            raise TeachError("the node is not active and sees nobody; activate it first")
        gallery, path = pipeline.recognizer.gallery, pipeline.config.recognizer.gallery
        if not isinstance(gallery, Gallery) or user_path(path) != self.path:
            raise TeachError(
                f"the gallery is {quoted(path)} now, and only {self.path}, that of the start, may be written; set the "
                "parameter gallery back while the node is inactive, or restart it"
            )
        return gallery

    def _newest(self, gallery: Gallery) -> Gallery:
        """A copy of what the node knows, or what somebody else has written meanwhile."""
        if _signature(self.path) == self._written:
            return gallery.copy()
        return Gallery.load(self.path, gallery.bundle)

    def _forget(self) -> None:
        with self._lock:
            self._label, self._frames = "", []


def _signature(path: Path) -> tuple[int, int, int]:
    """What differs when a file was replaced; zeros where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size
