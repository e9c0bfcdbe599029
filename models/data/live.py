"""Training data of the bundles for live cameras: the union of the Kinect sets, synthetic content, desk recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from models.data.augment import Augmentation
from models.data.batch import Batch
from models.data.clips import DATA_SETS, Clip, read_clips, read_desk_clips
from models.data.labels import read_labels
from models.data.module import SkeletonData
from models.data.sampling import Sample
from models.data.synthesis import BODY
from models.data.windows import Recipe, WindowDataset, WindowSpec, item_weights, live_items, to_body

# One person per data set, of the training half, on whom epochs and thresholds are chosen.
VALIDATION_SUBJECTS = {"utd_mhad": {7}, "msr_action3d": {9}, "nw_ucla": {9}, "utkinect": {9}, "precog": {7}}
# Desk recordings in which the seated person really pushes are no negatives.
_DESK_NOT_NEGATIVE = {"push"}


class LiveData(SkeletonData):
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
        super().__init__(batch_size, workers, seed)
        self.save_hyperparameters(ignore=["augmentation", "root", "labels_file"])
        self.labels = read_labels(labels_file)
        self.layout = BODY
        self.spec = WindowSpec(seconds, steps)
        self.mixture = mixture or {
            "clip": 0.62, "still": 0.10, "wave": 0.08, "raised": 0.05, "legless": 0.03, "desk": 0.12
        }  # fmt: skip
        self.augmentation = augmentation or Augmentation()
        self._root, self._sets, self._epoch_windows = root, list(sets), epoch_windows
        self._needs_legs = torch.tensor([name in self.labels.leg_actions for name in self.classes])

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data sets and their conditions of use, for the bundle."""
        sets = [{"name": name, "terms": DATA_SETS[name].terms} for name in self._sets]
        return [*sets, {"name": "mediapipe_16words (negatives)", "terms": "no licence stated; not redistributed"}]

    @property
    def identity(self) -> str:
        """The sets of the union."""
        return f"live: {', '.join(self._sets)}"

    def setup(self, stage: str | None = None) -> None:
        """Read the clips and list the windows of every part."""
        clips = [clip for name in self._sets for clip in read_clips(name, self._root)]
        desk = [clip for clip in read_desk_clips(self._root) if clip.label not in _DESK_NOT_NEGATIVE]
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

    def train_dataloader(self) -> DataLoader[Sample]:
        """Windows drawn by the mixture."""
        weights = item_weights(self.train.items, self.train.clips, self.mixture)
        count = self._epoch_windows
        return self._train_loader(self.train, lambda rng: rng.choice(len(weights), count, p=weights), count)

    def val_dataloader(self) -> DataLoader[Sample]:
        """Fixed windows of the validation subjects."""
        return self._loader(self.val)

    def test_dataloader(self) -> DataLoader[Sample]:
        """Fixed windows of the test subjects; synthetic recipes stay out."""
        plain = [i for i, item in enumerate(self.test.items) if item.recipe is Recipe.CLIP]
        return self._loader(Subset(self.test, plain))

    def augment(self, batch: Batch) -> Batch:
        """View, depth, size, noise, and what a camera cannot see."""
        keeps_legs = self._needs_legs.to(batch.label.device)[batch.label]
        positions, confidence = self.augmentation(batch.positions[:, 0], batch.confidence[:, 0], keeps_legs)
        return batch._replace(positions=positions[:, None], confidence=confidence[:, None])
