"""Windows of streams as training batches: drawn by a mixture, weighed by rarity, augmented on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from models.data.sampling import Draw, DrawSampler
from models.data.streams.camera import VirtualCamera
from models.data.streams.clips import ClipStream
from models.data.streams.labels import ANYTHING, REST, StreamLabels, reported
from models.data.streams.own_recordings import SOURCE
from models.data.streams.pieces import as_somebody_else
from models.data.streams.recordings import BETWEEN, chained
from models.data.streams.stream import RATE_HZ, Stream
from models.data.streams.warm_start import WarmStart
from models.data.streams.warp import Window, window_of
from models.data.synthesis import BODY, legs

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
SPARE = 1.45
"""Composed streams are this much longer than a window, for its speed and place."""


_SOUGHT = 0.5
"""Share of the windows of own recordings that are placed over an action; the large sets would be learnt by heart."""
_CHAINED = ("desk", "signing", "background")
"""Kinds of streams without actions that may be short: windows are made of several."""


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


class StreamWindowData(L.LightningDataModule):
    """What training on streams needs, whatever the streams are; :meth:`setup` of a subclass provides these.

    Args:
        flat: Project the bodies into pictures: for key points in two dimensions.
        frames: Frames of a window.
        batch_size: Windows per step.
        epoch_windows: Windows per epoch.
        mixture: Share of each kind of stream.
        augmentation: Ranges of the augmentation.
        camera: Ranges of the virtual cameras.
        seed: Base of all random streams.
        workers: Loader processes; windows are the same for any number. One keeps a GPU fed.

    Attributes:
        labels: Label table.
        train: Windows of the training part.
        val: Windows of the validation part.
        slot_labels: Class of every memory-bank row.
        warm_start: Bundle whose weights a run goes on with; None: from scratch.
        keep_labels: Whether what that bundle tells must not change.
        clip_words: What a label counts as among those of the clips, where it is another one.
        mirrors: Whether windows may be mirrored.
    """

    labels: StreamLabels
    train: StreamWindows
    val: StreamWindows
    slot_labels: Tensor
    warm_start: WarmStart | None = None
    keep_labels: bool = False
    clip_words: Mapping[str, str] = {}

    def __init__(
        self,
        flat: bool,
        frames: int,
        batch_size: int,
        epoch_windows: int,
        mixture: Mapping[str, float],
        augmentation: Augmentation | None,
        camera: VirtualCamera | None,
        seed: int,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.layout: SkeletonLayout = get_layout("body13_2d") if flat else BODY
        self.flat, self.frames, self.batch_size, self.rate_hz = flat, frames, batch_size, RATE_HZ
        self.mixture = dict(mixture)
        self.mirrors = True
        self._epoch_windows, self._seed, self._workers = epoch_windows, seed, workers
        self._camera, self._augmentation = camera or VirtualCamera(), augmentation or _AUGMENTATION
        self._mirror = torch.tensor(BODY.mirror)

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data sets and their conditions of use, for the bundle."""
        raise NotImplementedError

    @property
    def identity(self) -> str:
        """Data and split in words: what fixes the meaning of a memory-bank row besides its label."""
        raise NotImplementedError

    @property
    def judged(self) -> tuple[str, str]:
        """Clips on which the figures of a bundle are measured: part of :meth:`clips`, and whose they are."""
        return "test", "of the even subjects"

    @property
    def own_classes(self) -> frozenset[str]:
        """Classes that are trained even where the labels of a bundle are kept."""
        return frozenset(self.labels.classes)

    def clips(self, part: str) -> list[ClipStream]:
        """Trimmed clips of the test or the validation part, for figures: ``test`` or ``val``."""
        raise NotImplementedError

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
            num_workers=self._workers, persistent_workers=self._workers > 0,
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
        chosen = torch.rand(len(target), device=target.device) < (0.5 if self.mirrors else 0.0)
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
        if kind in _CHAINED:
            return window_of(chained(streams, int(self._frames * SPARE), rng), self._frames, rng)
        stream = streams[int(rng.choice(len(streams), p=self._shares[kind]))]
        if kind in BETWEEN:
            stream = as_somebody_else(stream, rng)
        return window_of(stream, self._frames, rng, sought=_SOUGHT if kind == SOURCE else 0.0)


def collate_windows(windows: Sequence[Window]) -> StreamBatch:
    """Stack windows."""
    return StreamBatch(
        torch.from_numpy(np.stack([window.positions for window in windows])),
        torch.from_numpy(np.stack([window.confidence for window in windows])),
        torch.from_numpy(np.stack([window.target for window in windows])),
        torch.tensor([window.action for window in windows]),
    )
