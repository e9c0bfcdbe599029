"""Training data of the stream bundles: composed streams, continuous recordings, cameras that see nothing of ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from models.data.augment import Augmentation
from models.data.clips import DATA_SETS, read_clips
from models.data.live import VALIDATION_SUBJECTS
from models.data.streams.camera import VirtualCamera
from models.data.streams.clips import AS_WINDOWS, ClipStream, read_clip_streams
from models.data.streams.compose import Composer, Composition
from models.data.streams.labels import read_stream_labels
from models.data.streams.mocap import FILE as MOCAP_FILE
from models.data.streams.mocap import TERMS as MOCAP_TERMS
from models.data.streams.mocap import read_mocap
from models.data.streams.pieces import Piece, pieces_of
from models.data.streams.recordings import BETWEEN, HELD_OUT_WORDS, read_desk, read_labelled, read_signing
from models.data.streams.stream import Stream
from models.data.streams.windows import SPARE, StreamWindowData, StreamWindows
from models.data.windows import to_body

# The continuous sets are a handful of people, whom a network learns by heart where it sees more of them.
_MIXTURE = {"composed": 0.84, "utkinect": 0.02, "precog": 0.04, "desk": 0.07, "signing": 0.03}


class StreamData(StreamWindowData):
    """Windows of streams, odd subjects for training, even ones for test.

    One odd subject of each set makes the validation part, and so do some clips of the mocap set, of which a third is
    kept from training. Of the camera recordings without any action of ours half is kept: :data:`HELD_OUT_WORDS`, and
    every second recording of people who sign.

    Args:
        root: Folder with the data sets.
        labels_file: Label table.
        flat: Project the bodies into pictures: for key points in two dimensions.
        frames: Frames of a window.
        batch_size: Windows per step.
        epoch_windows: Windows per epoch.
        composed: Composed streams to draw windows from.
        mixture: Share of each kind of stream: ``composed``, the continuous sets, ``desk`` and ``signing``.
        composition: How streams are composed.
        augmentation: Ranges of the augmentation.
        camera: Ranges of the virtual cameras.
        between: Target set of what lies between the labelled actions, by continuous set.
        hold_out: Keep the validation subjects from training. False, once everything is chosen: train on them too, and
            export with ``--settings_of`` a bundle of the same recipe that kept them.
        left_out: Classes by data set, in the words of the set: movements that the network must never have seen, see
            :meth:`StreamLabels.without`. A continuous set that holds one of them is left out altogether.
        seed: Base of all random streams.
        workers: Loader processes; windows are the same for any number. One keeps a GPU fed.
    """

    def __init__(
        self,
        root: Path = Path("../shared/data"),
        labels_file: Path = Path("models/configs/labels_stream.yaml"),
        flat: bool = False,
        frames: int = 80,
        batch_size: int = 32,
        epoch_windows: int = 3200,
        composed: int = 9000,
        mixture: dict[str, float] | None = None,
        composition: Composition | None = None,
        augmentation: Augmentation | None = None,
        camera: VirtualCamera | None = None,
        between: dict[str, str] | None = None,
        hold_out: bool = True,
        left_out: dict[str, list[str]] | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        table = read_stream_labels(labels_file)
        self.labels = table.without(left_out) if left_out else table
        self._continuous = [name for name in BETWEEN if self.labels.sources[name] == table.sources[name]]
        kinds = {
            kind: share for kind, share in (mixture or _MIXTURE).items() if kind not in {*BETWEEN} - {*self._continuous}
        }
        super().__init__(flat, frames, batch_size, epoch_windows, kinds, augmentation, camera, seed, workers)
        self.save_hyperparameters(ignore=["workers", "composition", "augmentation", "camera", "root", "labels_file"])
        self.clip_words = AS_WINDOWS
        self.root, self.labels_file = root, labels_file
        self._composed, self._left_out = composed, left_out or {}
        self._composition = composition or Composition()
        if left_out:
            self._composition = self._composition.of(self.labels)
        self._between = dict(BETWEEN) | (between or {})
        self._hold_out = hold_out

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data sets and their conditions of use."""
        sets = [{"name": name, "terms": DATA_SETS[name].terms} for name in DATA_SETS]
        return [
            *sets,
            {"name": MOCAP_FILE, "terms": MOCAP_TERMS},
            {"name": "mediapipe_16words (negatives)", "terms": "no licence stated; not redistributed"},
            {"name": "people who sign, Intel IoT DevKit sample-videos (negatives)", "terms": "CC BY 4.0"},
        ]

    @property
    def identity(self) -> str:
        """Data and split in words: what fixes the meaning of a memory-bank row besides its label."""
        people = "" if self._hold_out else ", all odd subjects"
        kinds = ", ".join(sorted(self.mixture))
        without = "".join(f", without {name}" for names in self._left_out.values() for name in names)
        return f"streams{', flat' if self.flat else ''}: {kinds}, {self._composed} composed{people}{without}"

    def setup(self, stage: str | None = None) -> None:
        """Read the sets, compose the streams of both parts, and number the rows of the memory banks."""
        clips = to_body([clip for name in DATA_SETS for clip in read_clips(name, self.root)])
        pieces = pieces_of([*clips, *read_mocap(self.root)], self.labels)
        parts = split_pieces(pieces, self._hold_out)
        slots = [self.labels.classes.index(piece.label) for piece in parts["train"]]
        streams: dict[str, dict[str, list[Stream]]] = {"train": {}, "val": {}}
        for name in self._continuous:
            kept = read_labelled(name, self.root, self.labels, len(slots), self._between[name])
            slots += [span.label for stream in kept for span in stream.spans]
            for stream in kept:
                if stream.subject % 2:
                    held_out = stream.subject in VALIDATION_SUBJECTS[name]
                    if held_out:
                        streams["val"].setdefault(name, []).append(stream)
                    if not (held_out and self._hold_out):
                        streams["train"].setdefault(name, []).append(stream)
        desk = [stream for stream in read_desk(self.root, self.labels) if stream.name not in HELD_OUT_WORDS]
        streams["train"]["desk"] = [stream for number, stream in enumerate(desk) if number % 5]
        streams["val"]["desk"] = desk[::5]
        signing = read_signing(self.root, self.labels)[::2]
        streams["train"]["signing"], streams["val"]["signing"] = signing[:-1], signing[-1:]
        self.slot_labels = torch.tensor(slots)
        length = int(self.frames * SPARE)
        for part, number in (("train", self._composed), ("val", max(self._composed // 20, 1))):
            composer = Composer(parts[part], self.labels, self._composition)
            rng = np.random.default_rng((self._seed, part == "val"))
            streams[part]["composed"] = [composer.make(length, rng) for _ in range(number)]
        self.train = StreamWindows(streams["train"], self.frames, self._seed)
        self.val = StreamWindows(streams["val"], self.frames, self._seed)

    def clips(self, part: str) -> list[ClipStream]:
        """Trimmed clips of the test or the validation subjects, for figures: ``test`` or ``val``."""
        return read_clip_streams(self.root, part, self.labels if self._left_out else None)


def split_pieces(pieces: Sequence[Piece], hold_out: bool = True) -> dict[str, list[Piece]]:
    """Pieces of the training, validation and test part; without ``hold_out`` training has those of validation too.

    Of the mocap set, which names no subjects, every third clip is for test and every thirtieth for validation. What
    PRECOG does not name is cut too short to be a piece.
    """
    parts: dict[str, list[Piece]] = {"train": [], "val": [], "test": []}
    mocap = 0
    for piece in pieces:
        if piece.source == "precog" and piece.label == "other":
            continue
        if piece.source == "mocap":
            mocap += 1
            part = "test" if mocap % 3 == 0 else "val" if mocap % 30 == 1 else "train"
        elif piece.subject in VALIDATION_SUBJECTS[piece.source]:
            part = "val"
        else:
            part = "train" if piece.subject % 2 else "test"
        parts[part].append(piece)
    return parts if hold_out else {**parts, "train": parts["train"] + parts["val"]}
