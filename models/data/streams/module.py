"""Training data of the stream bundles: composed streams, continuous recordings, cameras that see nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import lightning as L
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from csre_ros.skeleton import SkeletonLayout, get_layout
from models.data.augment import Augmentation
from models.data.clips import DATA_SETS, read_clips
from models.data.live import VALIDATION_SUBJECTS
from models.data.sampling import Draw, DrawSampler
from models.data.streams.camera import VirtualCamera
from models.data.streams.clips import ClipStream, read_clip_streams
from models.data.streams.compose import Composer, Composition
from models.data.streams.labels import ANYTHING, REST, read_stream_labels, reported
from models.data.streams.mocap import FILE as MOCAP_FILE
from models.data.streams.mocap import TERMS as MOCAP_TERMS
from models.data.streams.mocap import read_mocap
from models.data.streams.pieces import Piece, pieces_of
from models.data.streams.recordings import (
    BETWEEN,
    HELD_OUT_WORDS,
    chained,
    read_desk,
    read_labelled,
    read_signing,
)
from models.data.streams.stream import RATE_HZ, Stream
from models.data.streams.warp import Window, window_of
from models.data.synthesis import BODY, legs
from models.data.windows import to_body

_AUGMENTATION = Augmentation(
    yaw_deg=180.0,
    depth=(0.45, 1.6),
    depth_share=0.4,
    noise_m=0.012,
    no_legs=0.2,
    no_arm=0.14,
    wobble_m=0.025,
    wobble_depth_m=0.06,
)
_SOUGHT = 0.5
"""Share of the windows of continuous recordings that are placed over an action: a throw lasts 0.7 s in a minute."""
_SPARE = 1.45
"""Composed streams are this much longer than a window, for its speed and place."""


class StreamBatch(NamedTuple):
    """What a training step gets.

    Attributes:
        positions: ``[B, T, V, D]`` camera-optical metres, or image points over the picture's height.
        confidence: ``[B, T, V]`` in 0..1.
        target: ``[B, T]`` indices of target sets.
        action: ``[B, 4]`` class, first frame, frame behind the last one, and memory-bank row of one of the actions;
            row -1 where there is none.
    """

    positions: Tensor
    confidence: Tensor
    target: Tensor
    action: Tensor


class StreamData(L.LightningDataModule):
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
        seed: Base of all random streams.
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
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["composition", "augmentation", "camera", "root", "labels_file"])
        self.labels = read_stream_labels(labels_file)
        self.layout: SkeletonLayout = get_layout("body13_2d") if flat else BODY
        self.flat, self.frames, self.batch_size, self.rate_hz = flat, frames, batch_size, RATE_HZ
        self.mixture = mixture or {"composed": 0.58, "utkinect": 0.15, "precog": 0.15, "desk": 0.08, "signing": 0.04}
        self._root, self._epoch_windows, self._composed, self._seed = root, epoch_windows, composed, seed
        self._composition, self._camera = composition or Composition(), camera or VirtualCamera()
        self._augmentation = augmentation or _AUGMENTATION
        self._between = dict(BETWEEN) | (between or {})
        self._mirror = torch.tensor(BODY.mirror)
        self.train: StreamWindows
        self.val: StreamWindows
        self.slot_labels: Tensor

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data sets and their conditions of use, for the bundle."""
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
        return f"streams{', flat' if self.flat else ''}: {', '.join(sorted(self.mixture))}, {self._composed} composed"

    def setup(self, stage: str | None = None) -> None:
        """Read the sets, compose the streams of both parts, and number the rows of the memory banks."""
        clips = to_body([clip for name in DATA_SETS for clip in read_clips(name, self._root)])
        pieces = pieces_of([*clips, *read_mocap(self._root)], self.labels)
        parts = split_pieces(pieces)
        slots = [self.labels.classes.index(piece.label) for piece in parts["train"]]
        streams: dict[str, dict[str, list[Stream]]] = {"train": {}, "val": {}}
        for name in BETWEEN:
            kept = read_labelled(name, self._root, self.labels, len(slots), self._between[name])
            slots += [span.label for stream in kept for span in stream.spans]
            for stream in kept:
                if stream.subject % 2:
                    part = "val" if stream.subject in VALIDATION_SUBJECTS[name] else "train"
                    streams[part].setdefault(name, []).append(stream)
        desk = [stream for stream in read_desk(self._root, self.labels) if stream.name not in HELD_OUT_WORDS]
        streams["train"]["desk"] = [stream for number, stream in enumerate(desk) if number % 5]
        streams["val"]["desk"] = desk[::5]
        signing = read_signing(self._root, self.labels)[::2]
        streams["train"]["signing"], streams["val"]["signing"] = signing[:-1], signing[-1:]
        self.slot_labels = torch.tensor(slots)
        length = int(self.frames * _SPARE)
        for part, number in (("train", self._composed), ("val", max(self._composed // 20, 1))):
            composer = Composer(parts[part], self.labels, self._composition)
            rng = np.random.default_rng((self._seed, part == "val"))
            streams[part]["composed"] = [composer.make(length, rng) for _ in range(number)]
        self.train = StreamWindows(streams["train"], self.frames, self._seed)
        self.val = StreamWindows(streams["val"], self.frames, self._seed)

    def clips(self, part: str) -> list[ClipStream]:
        """Trimmed clips of the test or the validation subjects, for figures: ``test`` or ``val``."""
        return read_clip_streams(self._root, part)

    def train_dataloader(self) -> DataLoader[Window]:
        """Windows drawn by the mixture."""
        kinds = list(self.mixture)
        if unknown := sorted(set(kinds) - set(self.train.kinds)):
            raise ValueError(
                f"no streams of kind {unknown} in the mixture; choose among: {', '.join(self.train.kinds)}"
            )
        shares = np.array([self.mixture[kind] for kind in kinds])
        numbers = np.array([self.train.kinds.index(kind) for kind in kinds])
        count = self._epoch_windows

        def order(rng: Generator) -> NDArray[np.int64]:
            drawn: NDArray[np.int64] = numbers[rng.choice(len(kinds), count, p=shares / shares.sum())]
            return drawn

        sampler = DrawSampler(order, count, self._seed, self._drawn)
        return DataLoader(
            self.train, self.batch_size, sampler=sampler, collate_fn=collate_windows, drop_last=True,
            generator=torch.Generator().manual_seed(self._seed),
        )  # fmt: skip

    def val_dataloader(self) -> DataLoader[Window]:
        """The same windows of the validation part at every epoch."""
        draws = [(number, number % len(self.val.kinds)) for number in range(8 * self.batch_size)]
        return DataLoader(self.val, self.batch_size, sampler=draws, collate_fn=collate_windows)

    def class_weights(self, power: float, background: float, draws: int = 600) -> Tensor:
        """``[targets]`` weight of a frame by its target: rare actions count more, by a power of their share.

        Args:
            power: 0 weighs all frames alike, 1 all classes.
            background: Weight of every background class and set.
            draws: Training windows that are counted.
        """
        counts = np.zeros(len(self.labels.targets))
        names = list(self.mixture)
        shares = np.array(list(self.mixture.values())) / sum(self.mixture.values())
        rng = np.random.default_rng((self._seed, 2))
        for draw in range(draws):
            kind = self.train.kinds.index(names[int(rng.choice(len(names), p=shares))])
            counts += np.bincount(self.train[draw, kind].target, minlength=len(counts))
        weights = (counts.sum() / np.maximum(counts, counts.sum() / 2000)) ** power
        weights /= (weights * counts).sum() / counts.sum()
        for number, name in enumerate(self.labels.targets):
            if number >= len(self.labels.classes) or reported(name) in self.labels.background:
                weights[number] = background
        weights[self.labels.target(ANYTHING)] = 0
        return torch.from_numpy(weights).float()

    def on_after_batch_transfer(self, batch: StreamBatch, dataloader_idx: int) -> StreamBatch:
        """Augment training batches; project all of them where the bundle is flat."""
        if self.trainer is not None and self.trainer.training:
            batch = self.augment(batch)
        return self.project(batch) if self.flat else batch

    def augment(self, batch: StreamBatch) -> StreamBatch:
        """Side, view, depth, size, noise, and what a camera cannot see; what has lost its legs is background."""
        positions, confidence, target, action = self._mirrored(batch)
        needs_legs = self.labels.needs_legs.to(target.device)[target]
        keeps = needs_legs.any(1) & (torch.rand(len(target), device=target.device) < 0.75)
        positions, confidence = self._augmentation(positions, confidence, keeps)
        legless = confidence[:, :, legs()].sum((1, 2)) == 0
        target = target.masked_fill(legless[:, None] & needs_legs, self.labels.target(REST))
        return StreamBatch(positions, confidence, target, action)

    def project(self, batch: StreamBatch) -> StreamBatch:
        """What a virtual camera sees."""
        points, confidence = self._camera(batch.positions, batch.confidence)
        return batch._replace(positions=points, confidence=confidence)

    def _mirrored(self, batch: StreamBatch) -> StreamBatch:
        """Half of the windows with left and right exchanged."""
        positions, confidence, target, action = batch
        chosen = torch.rand(len(target), device=target.device) < 0.5
        mirror, renamed = self._mirror.to(target.device), self.labels.mirrored_targets.to(target.device)
        flipped = positions[:, :, mirror] * positions.new_tensor((-1.0, 1.0, 1.0))
        action = torch.where(chosen[:, None], torch.cat((renamed[action[:, :1]], action[:, 1:]), 1), action)
        return StreamBatch(
            torch.where(chosen[:, None, None, None], flipped, positions),
            torch.where(chosen[:, None, None], confidence[:, :, mirror], confidence),
            torch.where(chosen[:, None], renamed[target], target),
            action,
        )

    def _drawn(self) -> int:
        """Windows that all processes have used so far."""
        if self.trainer is None:
            return 0
        return self.batch_size * self.trainer.world_size * self.trainer.global_step


class StreamWindows(Dataset[Window]):
    """Windows of several kinds of streams; ``[draw, kind]`` depends on seed, draw and kind only.

    Args:
        streams: Streams by kind.
        frames: Frames of a window.
        seed: Base of the random streams.

    Attributes:
        kinds: Kinds in index order.
    """

    def __init__(self, streams: Mapping[str, Sequence[Stream]], frames: int, seed: int) -> None:
        self.streams, self.kinds = streams, list(streams)
        self._frames, self._seed = frames, seed
        self._shares = {}
        for kind, some in streams.items():
            lengths = np.array([len(stream) for stream in some], float)
            self._shares[kind] = lengths / lengths.sum()

    def __getitem__(self, key: Draw) -> Window:
        draw, number = key
        rng = np.random.default_rng((self._seed, draw, number))
        kind = self.kinds[number]
        streams = self.streams[kind]
        if kind in ("desk", "signing"):
            return window_of(chained(streams, int(self._frames * _SPARE), rng), self._frames, rng)
        stream = streams[int(rng.choice(len(streams), p=self._shares[kind]))]
        return window_of(stream, self._frames, rng, sought=_SOUGHT if kind in BETWEEN else 0.0)


def split_pieces(pieces: Sequence[Piece]) -> dict[str, list[Piece]]:
    """Pieces of the training, validation and test part.

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
    return parts


def collate_windows(windows: Sequence[Window]) -> StreamBatch:
    """Stack windows."""
    return StreamBatch(
        torch.from_numpy(np.stack([window.positions for window in windows])),
        torch.from_numpy(np.stack([window.confidence for window in windows])),
        torch.from_numpy(np.stack([window.target for window in windows])),
        torch.tensor([window.action for window in windows]),
    )
