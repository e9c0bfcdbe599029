"""The gallery: labels that were taught, with the recordings that taught them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from csre_ros.foreign_text import quoted
from csre_ros.recognition.bundle import BUNDLE_FOLDER, Bundle
from csre_ros.recognition.bundle_info import Label
from csre_ros.skeleton import get_layout
from csre_ros.teaching.enrol import Example, enrol, stream_of, trim
from csre_ros.teaching.matching import GalleryMatcher, sequence_distances
from csre_ros.teaching.recording import Recording, TeachError
from csre_ros.teaching.splitting import split
from csre_ros.teaching.storage import MOST_EXAMPLES, GalleryError, read, write

REACH = 0.75
"""Mean distance at which an example is as likely meant as not, of bundles that do not say (extension ``teach``).

Chosen on training subjects, with networks that never saw the gestures (``models/results/teach.md``).
"""

_THRESHOLD = 0.5
_APART, _ALIKE = 1.25, 0.6  # shares of the reach
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")

__all__ = ["REACH", "Gallery", "GalleryError"]


class Gallery:
    """Taught labels and their examples; give it to a :class:`~csre_ros.recognition.Recognizer`.

    Args:
        bundle: The bundle whose embedding the examples are compared by; one that labels every frame.

    Attributes:
        reach: Mean distance at which an example is as likely meant as not.

    Raises:
        TeachError: The bundle classifies windows.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._stream = bundle, stream_of(bundle)
        self.reach = float(bundle.info.extensions.get("teach", {}).get("reach", REACH))
        self._examples: dict[str, list[Example]] = {}

    @classmethod
    def from_recordings(
        cls, bundle: Bundle, recordings: Mapping[str, Sequence[Recording]], whole: bool = False
    ) -> Gallery:
        """A gallery of recordings by label, as :meth:`add` takes them."""
        gallery = cls(bundle)
        for label, several in recordings.items():
            for recording in several:
                gallery.add(label, recording, whole)
        return gallery

    @property
    def bundle(self) -> Bundle:
        """The bundle that it is taught to."""
        return self._bundle

    @property
    def labels(self) -> tuple[Label, ...]:
        """The taught labels, in the order in which they were taught."""
        return tuple(Label(name, _THRESHOLD) for name in self._examples)

    @property
    def examples(self) -> dict[str, tuple[Recording, ...]]:
        """The recordings by label, as they were kept."""
        return {name: tuple(one.recording for one in several) for name, several in self._examples.items()}

    def add(self, label: str, recording: Recording, whole: bool = False) -> Recording:
        """Teach one example more.

        Args:
            label: Letters, digits and ``_``; no label of the bundle.
            recording: One person who shows the gesture once, or holds the posture.
            whole: Keep all of it: it was cut to what is meant already, such as a person's whole way up to the robot.

        Returns:
            What was kept of the recording.

        Raises:
            TeachError: The label cannot be taught, or the recording shows too little.
        """
        self.check_label(label)
        if sum(map(len, self._examples.values())) >= MOST_EXAMPLES:
            raise TeachError(f"the gallery holds {MOST_EXAMPLES} examples, the most there can be; remove some first")
        kept = trim(recording, self._bundle, whole)
        self._examples.setdefault(label, []).append(enrol(kept, self._bundle))
        return kept

    def add_all(self, label: str, recording: Recording) -> tuple[list[Recording], list[str]]:
        """Teach all examples in a recording, which is cut at the rests between them.

        Args:
            label: As of :meth:`add`.
            recording: One person who stands still, shows the gesture, stands still, and so on.

        Returns:
            What was kept, and why the others were refused.

        Raises:
            TeachError: Nothing was kept.
        """
        self.check_label(label)
        kept: list[Recording] = []
        refused: list[str] = []
        pieces = split(recording, self._bundle)
        for number, one in enumerate(pieces, 1):
            try:
                kept.append(self.add(label, one))
            except TeachError as error:
                begin_s = (one.stamps_ns[0] - recording.stamps_ns[0]) / 1e9
                refused.append(f"example {number}, at {begin_s:.1f} s: {error}" if len(pieces) > 1 else str(error))
        if not kept:
            raise TeachError("; ".join(refused))
        return kept, refused

    def check_label(self, label: str) -> None:
        """Refuse a name that cannot be taught.

        Raises:
            TeachError: It holds other characters, or the bundle has a label of this name.
        """
        if not _NAME.fullmatch(label):
            raise TeachError(f"the label {quoted(label)} must consist of 1..64 letters, digits and '_'")
        if label in {known.name for known in self._bundle.info.labels}:
            raise TeachError(
                f"the bundle {self._bundle.info.name!r} knows a label {label!r} already; choose another name, such as "
                f"my_{label}"
            )

    def remove(self, label: str, number: int | None = None) -> None:
        """Forget a label and its examples, or one of them.

        Args:
            label: The label; it goes with its last example.
            number: Which example, from 1 on; None: all of them.

        Raises:
            TeachError: There is no such label or example.
        """
        if label not in self._examples:
            known = ", ".join(self._examples) or "none"
            raise TeachError(f"the gallery has no label {quoted(label)}; it has: {known}")
        several = self._examples[label]
        if number is not None:
            if not 1 <= number <= len(several):
                raise TeachError(f"{label!r} has no example {number}; it has 1..{len(several)}")
            del several[number - 1]
        if number is None or not several:
            del self._examples[label]

    def copy(self) -> Gallery:
        """Another gallery with the same examples; what is added to one of them is not in the other."""
        other = Gallery(self._bundle)
        other._examples = {label: list(several) for label, several in self._examples.items()}
        return other

    def findings(self, label: str = "") -> tuple[str, ...]:
        """What is odd about the examples, in sentences.

        Examples of one label that contradict each other, labels that look alike, and examples that the bundle calls by
        a label of its own.

        Args:
            label: Only about the examples of this one; empty: about all.
        """
        names = [name for name, several in self._examples.items() for _ in several]
        examples = [one for several in self._examples.values() for one in several]
        features = [one.features for one in examples]
        found = []
        for row, name in enumerate(names):
            if label not in ("", name):
                continue
            distances = sequence_distances(features[row], features)
            distances[row] = np.inf
            own = np.array([other == name for other in names])
            number = names[:row].count(name) + 1
            if own.sum() > 1 and distances[own].min() > _APART * self.reach:
                found.append(
                    f"example {number} of {name!r} looks like no other example of it; remove it, or show it again"
                )
            if examples[row].called:
                called = " and ".join(map(repr, examples[row].called))
                found.append(
                    f"the bundle calls example {number} of {name!r} {called}, which may be reported in its place; make "
                    "the gesture more different, or let the robot listen to that label"
                )
            if not own.all():
                nearest = int(np.where(own, np.inf, distances).argmin())
                if distances[nearest] < _ALIKE * self.reach:
                    found.append(
                        f"example {number} of {name!r} looks like {names[nearest]!r}; make the gestures more different"
                    )
        return tuple(found)

    def matcher(self) -> GalleryMatcher:
        """A matcher for one more person, with the labels of now."""
        several = list(self._examples.values())
        return GalleryMatcher(
            [one.features for examples in several for one in examples],
            np.repeat(np.arange(len(several)), [len(examples) for examples in several]),
            len(several),
            self.reach,
            get_layout(self._bundle.info.layout),
            self._stream.rate_hz,
        )

    def save(self, path: Path) -> None:
        """Write one file; a file that is there is replaced as a whole, or not at all.

        Raises:
            ValueError: The file is not called ``.npz``.
            OSError: It cannot be written.
        """
        write(path, self._bundle.info.digest, self.examples)

    @classmethod
    def load(cls, path: Path, bundle: Bundle, enrol_again: bool = False) -> Gallery:
        """Read what :meth:`save` wrote.

        Args:
            path: The file.
            bundle: The bundle that it was taught to.
            enrol_again: Take another bundle too, and teach it the recordings that the file keeps.

        Raises:
            GalleryError: The file is missing, damaged, or was taught to another bundle.
            TeachError: The bundle classifies windows, or cannot use a recording.
        """
        gallery = cls(bundle)
        digest, recordings = read(path)
        if digest != bundle.info.digest and not enrol_again:
            known = bundle.path.stem if bundle.path.parent == BUNDLE_FOLDER else bundle.path
            raise GalleryError(
                f"gallery {path} was taught to another bundle ({digest[:12]}...) than {bundle.info.name!r} "
                f"({bundle.info.digest[:12]}...); the recordings in it can teach this one: "
                f"csre teach --enrol_again --gallery {path} --bundle {known}"
            )
        for label, several in recordings.items():
            gallery._examples[label] = [enrol(recording, bundle) for recording in several]
        return gallery
