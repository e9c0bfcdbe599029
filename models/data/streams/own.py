"""Training data of one's own: a folder of recordings, and what can be composed of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from csre_ros.recognition.bundle_info import OTHER
from csre_ros.skeleton import FloatArray
from models.data.augment import Augmentation
from models.data.streams.body import LEGS, Motion
from models.data.streams.clips import ClipStream
from models.data.streams.compose import Composer, Composition
from models.data.streams.labels import ANYTHING, REST, StreamLabels, reported
from models.data.streams.own_folder import read_folder, split
from models.data.streams.own_recordings import SOURCE, OwnRecording, RecordingsError
from models.data.streams.pieces import Piece
from models.data.streams.resemblance import KeyPoses
from models.data.streams.stream import RATE_HZ, Stream
from models.data.streams.warm_start import WarmStart
from models.data.streams.windows import SPARE, StreamWindowData, StreamWindows

_MIXTURE = {"composed": 0.6, SOURCE: 0.4}
_WITH_BACKGROUND = {"composed": 0.5, SOURCE: 0.3, "background": 0.2}
_UNSURE_S = 0.2
"""Around a border that was found by motion, nobody can say whether it has begun."""
_LEGS_MOVE = 0.25
"""Metres that the end of a leg's bone moves against the other, from which on legs take part in an action."""
_STILL_S = 1.0
_VALIDATION_SHARE = 0.2


class OwnData(StreamWindowData):
    """Windows of one's own recordings and of streams composed of them.

    Background are the stretches without a label, the rest before and after an action, and what is composed: standing,
    and movements without a recording; a frame of these that looks like one of the own actions says nothing.

    Args:
        recordings: Folder of recordings, as :func:`models.data.streams.own_folder.read_folder` takes it.
        bundle: Stream bundle whose weights and whose knowledge of other movement the run starts from; None: from
            scratch.
        keep_labels: Go on reporting the labels of the bundle, exactly as it does; only rows for the own labels are
            trained then. Otherwise its labels are part of the background.
        subjects: CSV file with the columns ``file`` and ``subject``.
        held_out: Subject whose recordings choose thresholds; empty: chosen, see
            :func:`models.data.streams.own_folder.split`.
        mirror: Whether an action in the mirror is the same action; False where left and right hand mean different
            things. Labels such as ``turn_left`` and ``turn_right`` become each other.
        frames: Frames of a window.
        batch_size: Windows per step.
        epoch_windows: Windows per epoch.
        composed: Composed streams to draw windows from.
        composition: How streams are composed.
        augmentation: Ranges of the augmentation.
        seed: Base of all random streams.
    """

    def __init__(
        self,
        recordings: Path,
        bundle: Path | None = Path("csre_ros/bundles/default.onnx"),
        keep_labels: bool = False,
        subjects: Path | None = None,
        held_out: str = "",
        mirror: bool = True,
        frames: int = 80,
        batch_size: int = 32,
        epoch_windows: int = 1600,
        composed: int = 500,
        composition: Composition | None = None,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(False, frames, batch_size, epoch_windows, _MIXTURE, augmentation, None, seed)
        if keep_labels and bundle is None:
            raise RecordingsError("keep_labels keeps those of a bundle: name one, or train from scratch without it")
        self.keep_labels = keep_labels
        self._recordings, self._subjects, self._held_out, self._mirrors = recordings, subjects, held_out, mirror
        self._composed, self._composition = composed, composition or Composition()
        self.warm_start = WarmStart.read(bundle) if bundle is not None else None
        self._count = 0
        self._pieces: dict[str, list[Piece]] = {}

    @property
    def terms(self) -> list[dict[str, str]]:
        """The own recordings, and what the bundle was trained on."""
        before = self.warm_start.info.data if self.warm_start is not None else ()
        own = {"name": f"{self._count} own recordings", "terms": "those of their owner"}
        return [own, *({"name": source.name, "terms": source.terms} for source in before)]

    @property
    def identity(self) -> str:
        """Recordings and bundle in words."""
        digest = self.warm_start.info.digest[:12] if self.warm_start is not None else "scratch"
        return f"{self._count} own recordings from {digest}, {self._composed} composed"

    @property
    def own_classes(self) -> frozenset[str]:
        """The own labels."""
        return frozenset(piece.label for piece in self._pieces["train"])

    @property
    def judged(self) -> tuple[str, str]:
        """Clips on which the figures of the bundle are measured: part, and whose they are."""
        return "val", "of held-out recordings, which chose the thresholds too"

    def setup(self, stage: str | None = None) -> None:
        """Read the recordings and compose the streams of both parts.

        Raises:
            RecordingsError: There is no such folder, a recording cannot be used, or there are too few.
        """
        found = read_folder(self._recordings, self._subjects)
        self._count = len(found)
        parts = dict(zip(("train", "val"), split(found, self._held_out), strict=True))
        pieces = {part: [piece for one in some for piece in one.pieces()] for part, some in parts.items()}
        self.labels = own_labels(pieces["train"], self.warm_start, self.keep_labels)
        self.mirrors = self._mirrors and not one_sided(sorted({label for one in found for label in one.labels}))
        self.slot_labels = torch.tensor([self.labels.classes.index(piece.label) for piece in pieces["train"]])
        self._pieces = pieces
        poses = KeyPoses(pieces["train"], self.mirrors)
        streams: dict[str, dict[str, list[Stream]]] = {}
        for part, some in parts.items():
            kinds = {SOURCE: [self._stream(one) for one in some if one.actions]}
            if background := [self._stream(one) for one in some if not one.actions]:
                kinds["background"] = background
            count = self._composed if part == "train" else max(int(self._composed * _VALIDATION_SHARE), 4)
            composer = Composer(pieces[part], self.labels, self._composition)
            rng = np.random.default_rng((self._seed, part == "val"))
            made = (composer.make(int(self.frames * SPARE), rng) for _ in range(count))
            kinds["composed"] = [poses.doubt(one, self.labels) for one in made]
            streams[part] = kinds
        self.mixture = dict(_WITH_BACKGROUND if "background" in streams["train"] else _MIXTURE)
        self.train = StreamWindows(streams["train"], self.frames, self._seed)
        self.val = StreamWindows(streams["val"], self.frames, self._seed)

    def clips(self, part: str) -> list[ClipStream]:
        """The actions of the held-out recordings, each behind a second of its first pose."""
        found = []
        for piece in self._pieces[part]:
            still = np.r_[np.full(round(_STILL_S * RATE_HZ), piece.start), np.arange(piece.start, piece.end)]
            positions = piece.motion.positions()[still]
            seen = np.ones(positions.shape[:2], np.float32)
            found.append(ClipStream(positions, seen, piece.label, SOURCE))
        return found

    def _stream(self, one: OwnRecording) -> Stream:
        target = np.full(len(one.positions), self.labels.target(REST))
        margin = round(_UNSURE_S * RATE_HZ)
        for label, first, behind in one.actions:
            if one.trimmed:
                target[max(first - margin, 0) : behind + margin] = self.labels.target(ANYTHING)
            inner = slice(first + margin, behind - margin) if one.trimmed and behind - first > 4 * margin else None
            target[inner or slice(first, behind)] = self.labels.target(label)
        spans = one.spans(self.labels.classes)
        return Stream(one.positions, one.confidence, target, spans, SOURCE, 0, one.path.stem)


def own_labels(pieces: Sequence[Piece], start: WarmStart | None, keep: bool) -> StreamLabels:
    """The label table of own recordings: the own labels, and what a bundle tells apart as labels or as background."""
    own = sorted({piece.label for piece in pieces})
    names, parts = ["idle", OTHER, *own], []
    background = frozenset(("idle", OTHER))
    if start is not None:
        background |= start.background
        known = [label.name for label in start.info.labels]
        kept = [name for name in known if keep or name in background]
        names = [*kept, *(name for name in own if name not in kept)]
        # What is not reported any more stays in the background under its own name.
        parts = [name if reported(name) in names else f"{OTHER}/{name}" for name in start.classes]
    legs = [label for label in own if _legs_move([piece for piece in pieces if piece.label == label])]
    return StreamLabels(
        names=tuple(names),
        background=background,
        leg_actions=frozenset(legs),
        mirrored={name: partner for name in own if (partner := other_side(name)) in own and partner != name},
        sources={SOURCE: {name: name for name in (*own, *parts)}},
    )


def other_side(name: str) -> str:
    """The label in the mirror by its name.

    >>> other_side("turn_left"), other_side("halt")
    ('turn_right', 'halt')
    """
    sides = {"left": "right", "right": "left"}
    return "_".join(sides.get(word, word) for word in name.split("_"))


def one_sided(labels: Sequence[str]) -> bool:
    """Whether a label names a side and there is none for the other: what a mirror shows has no name then."""
    return any(other_side(name) not in labels for name in labels)


def _legs_move(pieces: Sequence[Piece]) -> bool:
    """Whether legs take part in most examples of an action."""
    return float(np.mean([_leg_travel(piece.motion[piece.start : piece.end]) > _LEGS_MOVE for piece in pieces])) > 0.5


def _leg_travel(motion: Motion) -> float:
    bones: FloatArray = motion.bones[:, LEGS]
    return float(np.linalg.norm(bones - bones[:1], axis=-1).max())
