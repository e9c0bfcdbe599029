"""Training data of the bundles for live cameras: the union of the Kinect sets, synthetic content, desk recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from models.data.augment import Augmentation
from models.data.batch import Batch
from models.data.clips import DATA_SETS, Clip, read_clips, read_desk_clips
from models.data.labels import read_labels
from models.data.module import Calibration, SkeletonData
from models.data.sampling import Sample
from models.data.synthesis import BODY
from models.data.windows import (
    WindowDataset,
    WindowKind,
    WindowSpec,
    item_weights,
    kind_of,
    live_items,
    to_body,
)

# One person per data set, of the training half, on whom epochs and thresholds are chosen.
VALIDATION_SUBJECTS = {"utd_mhad": {7}, "msr_action3d": {9}, "nw_ucla": {9}, "utkinect": {9}, "precog": {7}}
# Desk recordings in which the seated person really pushes are no negatives.
_DESK_NOT_NEGATIVE = {"push"}

# What a robot sees of people who do nothing for it: mostly stillness, then other movements, work at a desk, and now and
# then one of the lookalikes that training is full of. A judgement about rooms with robots, not a measurement. Weighting
# came in after unweighted thresholds had left a slow wave on a demonstration clip unreported; the shares were set once.
BACKGROUND_SHARES = {"still": 0.60, "clip": 0.20, "desk": 0.15, "raised": 0.04, "legless": 0.01}


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
        mixture: Share of each kind of window: ``clip``, ``still``, ``wave``, ``raised``, ``legless``, ``desk``.
        augmentation: Ranges of the augmentation.
        watch_test: Score the test part after every epoch too; nothing is chosen by it.
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
        watch_test: bool = False,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, workers, seed, watch_test=watch_test)
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
        items = {part: live_items(chosen, self.labels) for part, chosen in parts.items()}
        items["val"] = [item for item in items["val"] if item.mirror < 1]
        items["test"] = [item for item in items["test"] if item.mirror < 1 and item.kind is WindowKind.CLIP]
        self.parts: Mapping[str, WindowDataset] = {
            part: WindowDataset(parts[part], items[part], self.labels, self.spec, self._seed, fixed=part != "train")
            for part in parts
        }

    @staticmethod
    def _part(clip: Clip) -> str:
        if clip.source == "desk":
            return "val" if int(clip.name.removeprefix("desk")) % 5 == 0 else "train"
        if clip.subject in VALIDATION_SUBJECTS[clip.source]:
            return "val"
        return "train" if clip.subject % 2 else "test"

    @property
    def test_protocol(self) -> str:
        """One window of each clip of the people whom nothing was trained or chosen on."""
        return "clips of the even subjects, one window each; trained on odd subjects"

    @property
    def test_subsets(self) -> Mapping[str, NDArray[np.bool_]]:
        """The test clips of each data set."""
        test = self.parts["test"]
        sources = np.array([test.clips[item.clip].source for item in test.items])
        return {str(source): sources == source for source in np.unique(sources)}

    def calibration(self) -> Calibration:
        """Windows of the validation subjects; every kind of background has its share of :data:`BACKGROUND_SHARES`."""
        val = self.parts["val"]
        kinds = np.array([kind_of(item, val.clips) for item in val.items])
        is_background = np.isin(val.labels, list(self.background))
        weights = np.zeros(len(val))
        for kind, share in BACKGROUND_SHARES.items():
            chosen = is_background & (kinds == kind)
            weights[chosen] = share / max(int(chosen.sum()), 1)
        return Calibration(self.validation(), weights)

    def train_dataloader(self) -> DataLoader[Sample]:
        """Windows drawn by the mixture."""
        train, count = self.parts["train"], self._epoch_windows
        weights = item_weights(train.items, train.clips, self.mixture)
        return self._train_loader(lambda rng: rng.choice(len(weights), count, p=weights), count)

    def augment(self, batch: Batch) -> Batch:
        """View, depth, size, noise, and what a camera cannot see."""
        keeps_legs = self._needs_legs.to(batch.label.device)[batch.label]
        positions, confidence = self.augmentation(batch.positions[:, 0], batch.confidence[:, 0], keeps_legs)
        return batch._replace(positions=positions[:, None], confidence=confidence[:, None])
