"""Training data of the bundles for live cameras: the union of the Kinect sets, synthetic content, desk recordings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, WeightedRandomSampler

from csre_ros.skeleton import SkeletonLayout
from models.data.augment import Augmentation
from models.data.batch import Batch
from models.data.clips import DATA_SETS, Clip, read_clips, read_desk_clips, select
from models.data.labels import LabelMap, read_labels
from models.data.synthesis import BODY
from models.data.windows import Recipe, WindowDataset, WindowSpec, item_weights, live_items, to_body

# One person per data set, of the training half, on whom epochs and thresholds are chosen.
VALIDATION_SUBJECTS = {"utd_mhad": {7}, "msr_action3d": {9}, "nw_ucla": {9}, "utkinect": {9}, "precog": {7}}
# Desk recordings in which the seated person really pushes are no negatives.
_DESK_NOT_NEGATIVE = {"push"}


class LiveData(L.LightningDataModule):
    """Union of the Kinect sets over the joints that a camera sees, odd subjects for training, even ones for test.

    One odd subject of each set, and every fifth desk clip, make the validation part.

    Args:
        root: Folder with the ``.npz`` files.
        labels_file: Label table.
        sets: Data sets of the union.
        seconds: Length of a window.
        steps: Time steps of a window.
        batch_size: Windows per step.
        epoch_windows: Windows per epoch.
        mixture: Share of each window recipe: ``clip``, ``still``, ``wave``, ``raised``, ``legless``, ``desk``.
        augmentation: Ranges of the augmentation.
        workers: Loader processes.
        seed: Base of all random streams.
    """

    def __init__(
        self,
        root: Path = Path("../shared/data"),
        labels_file: Path = Path("models/configs/labels_live.yaml"),
        sets: Sequence[str] = tuple(DATA_SETS),
        seconds: float = 2.0,
        steps: int = 32,
        batch_size: int = 128,
        epoch_windows: int = 12800,
        mixture: dict[str, float] | None = None,
        augmentation: Augmentation | None = None,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["augmentation"])
        self.labels: LabelMap = read_labels(labels_file)
        self.spec = WindowSpec(seconds, steps)
        self.mixture = mixture or {
            "clip": 0.62, "still": 0.10, "wave": 0.08, "raised": 0.05, "legless": 0.03, "desk": 0.12
        }  # fmt: skip
        self.augmentation = augmentation or Augmentation()
        self.persons = 1
        self._root, self._sets, self._seed = root, list(sets), seed
        self._loader = partial(DataLoader, batch_size=batch_size, num_workers=workers, persistent_workers=workers > 0)
        self._epoch_windows = epoch_windows
        leg = [name in self.labels.leg_actions for name in self.labels.names]
        self._needs_legs = torch.tensor(leg)

    @property
    def layout(self) -> SkeletonLayout:
        """Layout of the windows."""
        return BODY

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in index order."""
        return self.labels.names

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data sets and their conditions of use, for the bundle."""
        sets = [{"name": name, "terms": DATA_SETS[name].terms} for name in self._sets]
        return [*sets, {"name": "mediapipe_16words (negatives)", "terms": "no licence stated; not redistributed"}]

    def setup(self, stage: str | None = None) -> None:
        """Read the clips and list the windows of every part."""
        clips = [clip for name in self._sets for clip in read_clips(name, self._root)]
        desk = select(read_desk_clips(self._root), lambda clip: clip.label not in _DESK_NOT_NEGATIVE)
        clips = to_body(clips + desk)
        parts = {part: [clip for clip in clips if self._part(clip) == part] for part in ("train", "val", "test")}
        self.train = self._windows(parts["train"], fixed=False)
        self.val = self._windows(parts["val"], fixed=True)
        self.test = self._windows(parts["test"], fixed=True)

    @staticmethod
    def _part(clip: Clip) -> str:
        if clip.source == "desk":
            return "val" if int(clip.name.removeprefix("desk")) % 5 == 0 else "train"
        if clip.subject in VALIDATION_SUBJECTS[clip.source]:
            return "val"
        return "train" if clip.subject % 2 else "test"

    def _windows(self, clips: Sequence[Clip], fixed: bool) -> WindowDataset:
        items = live_items(clips, self.labels)
        if fixed:
            items = [item for item in items if item.mirror < 1]
        return WindowDataset(clips, items, self.labels, self.spec, self._seed, fixed)

    @property
    def slot_labels(self) -> Tensor:
        """``[slots]`` label of every training window: the classes of the memory banks."""
        return torch.tensor([item.label for item in self.train.items])

    def train_dataloader(self) -> DataLoader[Any]:
        """Windows drawn by the mixture."""
        weights = item_weights(self.train.items, self.train.clips, self.mixture)
        generator = torch.Generator().manual_seed(self._seed)
        sampler = WeightedRandomSampler(weights.tolist(), self._epoch_windows, generator=generator)
        return self._loader(self.train, sampler=sampler, drop_last=True, collate_fn=collate)

    def val_dataloader(self) -> DataLoader[Any]:
        """Fixed windows of the validation subjects."""
        return self._loader(self.val, collate_fn=collate)

    def test_dataloader(self) -> DataLoader[Any]:
        """Fixed windows of the test subjects; synthetic recipes stay out."""
        plain = [i for i, item in enumerate(self.test.items) if item.recipe is Recipe.CLIP]
        return self._loader(torch.utils.data.Subset(self.test, plain), collate_fn=collate)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment training batches on the device."""
        if self.trainer is None or not self.trainer.training:
            return batch
        keeps_legs = self._needs_legs.to(batch.label.device)[batch.label]
        positions, confidence = self.augmentation(batch.positions[:, 0], batch.confidence[:, 0], keeps_legs)
        return batch._replace(positions=positions[:, None], confidence=confidence[:, None])


def collate(samples: Sequence[tuple[Any, ...]]) -> Batch:
    """Stack samples of one-person windows."""
    positions, confidence, labels, slots = zip(*samples, strict=True)
    stack = [torch.stack([torch.from_numpy(value) for value in values])[:, None] for values in (positions, confidence)]
    return Batch(stack[0], stack[1], torch.tensor(labels), torch.tensor(slots))
