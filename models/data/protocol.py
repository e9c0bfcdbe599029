"""One data set under its own protocol: whole clips, its own classes, its standard split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator

from csre_ros.skeleton import FloatArray, get_layout
from models.data.augment import rotation_matrices
from models.data.batch import Batch
from models.data.clips import DATA_SETS, Clip, read_clips
from models.data.labels import plain_labels
from models.data.live import VALIDATION_SUBJECTS
from models.data.mixing import mix
from models.data.official import msr
from models.data.sampling import SampleDataset
from models.data.split import SplitData
from models.data.windows import WindowSpec, clip_at


class ClipDataset(SampleDataset):
    """Whole clips, stretched to the time steps of the encoder.

    Args:
        clips: The clips.
        classes: Class names in index order.
        steps: Time steps.
        crop: Range of the share of the clip that is used, cut at a random place; (1, 1) uses all of it.
        seed: Base of the random streams.
    """

    def __init__(
        self, clips: Sequence[Clip], classes: Sequence[str], steps: int, crop: tuple[float, float], seed: int
    ) -> None:
        super().__init__(np.array([list(classes).index(clip.label) for clip in clips], np.int64), seed)
        self.clips = list(clips)
        self._steps, self._crop = steps, crop

    def make(self, index: int, rng: Generator) -> tuple[FloatArray, FloatArray]:
        """A clip, or a piece of it."""
        clip = self.clips[index]
        last = (len(clip) - 1) / clip.rate
        span = last * rng.uniform(*self._crop)
        start = rng.uniform(0, last - span) if span < last else 0.0
        return clip_at(clip, np.linspace(start, start + span, self._steps, dtype=np.float32))


class ProtocolData(SplitData):
    """Training, validation and test clips of one data set.

    The split is the published one, or one subject is left out for the test. The validation part is one subject of the
    training part. With ``hold_out`` off the subject trains too, as in the published protocols, and the validation
    figures are then optimistic.

    Args:
        name: Key of ``models.data.clips.DATA_SETS``.
        root: Folder with the ``.npz`` files, or with the official ones.
        layout: Layout of the clips.
        subset: Published subset of the actions: ``as1``, ``as2`` or ``as3`` of MSR-Action3D; all of them by default.
        leave_out: Subject that tests while all others train, as in the protocols of UTKinect and PRECOG; the next one
            validates. By default the standard split.
        steps: Time steps of the encoder.
        batch_size: Clips per step and process.
        repeats: How often every clip is visited per epoch.
        rotation_deg: Half range of yaw; half of it for pitch.
        crop: Shortest share of a clip that is used in training.
        mixup: Blend the clips with each other, see :func:`models.data.mixing.mix`, by this parameter of the Beta
            distribution; 0 blends none. Half of the cross-entropy is then that of blended clips; CSRE sees the others.
        hold_out: Keep the validation subject out of training.
        watch_test: Score the test part after every epoch too; nothing is chosen by it.
        workers: Loader processes.
        seed: Base of all random streams.

    Raises:
        ValueError: The data set has no standard split, no such subset, or no such subject.
    """

    def __init__(
        self,
        name: str = "utd_mhad",
        root: Path = Path("../shared/data"),
        layout: str = "kinect20",
        subset: str | None = None,
        leave_out: int | None = None,
        steps: int = 64,
        batch_size: int = 64,
        repeats: int = 5,
        rotation_deg: float = 30.0,
        crop: float = 0.7,
        mixup: float = 0.0,
        hold_out: bool = True,
        watch_test: bool = False,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, workers, seed, watch_test=watch_test)
        self.save_hyperparameters(ignore=["root"])
        clips = read_clips(name, root, get_layout(layout))
        held = VALIDATION_SUBJECTS[name]
        if leave_out is not None:
            clips, held = _leave_out(clips, leave_out)
        if not any(clip.split for clip in clips):
            raise ValueError(
                f"data set {name!r} has no standard split; choose one that has, such as utd_mhad, or set leave_out"
            )
        if subset is not None:
            actions = _actions(name, subset)
            clips = [clip for clip in clips if clip.label in actions]
        self.labels = plain_labels(name, sorted({clip.label for clip in clips}))
        self.spec = WindowSpec(max(clip.seconds for clip in clips), steps)
        self.layout = get_layout(layout)
        self.repeats, self.held_out = repeats, hold_out
        self._name, self._rotation, self._mixup = name, rotation_deg, mixup
        self._part = subset or ("" if leave_out is None else f"without subject {leave_out}")
        train = [clip for clip in clips if clip.split == "train"]
        val = [clip for clip in train if clip.subject in held]
        if hold_out:
            train = [clip for clip in train if clip.subject not in held]
        parts = {"train": train, "val": val, "test": [clip for clip in clips if clip.split == "test"]}
        crops = {"train": (crop, 1.0), "val": (1.0, 1.0), "test": (1.0, 1.0)}
        self.parts: Mapping[str, ClipDataset] = {
            part: ClipDataset(chosen, self.classes, steps, crops[part], seed) for part, chosen in parts.items()
        }

    @property
    def terms(self) -> list[dict[str, str]]:
        """The data set and its conditions of use."""
        return [{"name": self._name, "terms": DATA_SETS[self._name].terms}]

    @property
    def identity(self) -> str:
        """Data set and split in words."""
        return f"{self._name} {self._part}, {self.layout.name}, hold_out={self.held_out}"

    def augment(self, batch: Batch) -> Batch:
        """Turn the clips, and where they are to be blended, each with its partner."""
        limit, size = float(np.deg2rad(self._rotation)), len(batch.label)
        device = batch.positions.device
        yaw = torch.empty(size, device=device).uniform_(-limit, limit)
        pitch = torch.empty(size, device=device).uniform_(-limit / 2, limit / 2)
        turn = rotation_matrices(yaw, pitch, torch.zeros_like(yaw))
        turn = turn.transpose(1, 2)[:, None, None]
        if self._mixup:
            mixed = mix(batch, self._mixup)
            batch = batch._replace(mixed=mixed._replace(positions=mixed.positions @ turn))
        return batch._replace(positions=batch.positions @ turn)


def _leave_out(clips: Sequence[Clip], subject: int) -> tuple[list[Clip], set[int]]:
    """The clips with one subject as the test part, and the subject that validates."""
    subjects = sorted({clip.subject for clip in clips})
    if subject not in subjects:
        raise ValueError(
            f"{clips[0].source!r} has no subject {subject}; choose one of: {', '.join(map(str, subjects))}"
        )
    split = [replace(clip, split="test" if clip.subject == subject else "train") for clip in clips]
    return split, {subjects[(subjects.index(subject) + 1) % len(subjects)]}


def _actions(name: str, subset: str) -> set[str]:
    """Class names of a published subset."""
    if name != "msr_action3d" or subset not in msr.SUBSETS:
        raise ValueError(f"data set {name!r} has no subset {subset!r}; msr_action3d has {', '.join(msr.SUBSETS)}")
    return {msr.CLASSES[number - 1] for number in msr.SUBSETS[subset]}
