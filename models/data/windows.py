"""Training windows cut from clips: which windows there are (items), and how one is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from csre_ros.recognition import window
from csre_ros.skeleton import FloatArray, LayoutMapping, mirror
from models.data.clips import Clip
from models.data.labels import LabelMap
from models.data.sampling import SampleDataset
from models.data.synthesis import BODY, WaveStyle, give_arms, hips, legs, onset, ping_pong, raise_arm


class WindowKind(str, Enum):
    """How the window of an item is made."""

    CLIP = "clip"
    STILL = "still"  # the first quarter second back and forth
    WAVE = "wave"  # a still body whose arm or arms wave
    RAISED = "raised"  # the same without the swing
    LEGLESS = "legless"  # a leg action whose legs nobody can see


@dataclass(frozen=True)
class Item:
    """One entry of the training set; its label never changes, so it can own a memory-bank slot.

    Attributes:
        kind: How the window is made.
        clip: Index of the clip.
        label: Index of the label.
        mirror: Chance that left and right are exchanged: half for labels that a mirror does not change, none or all for
            the others, which have an item for each side.
        arms: Waving or raised arms: 1 or 2.
    """

    kind: WindowKind
    clip: int
    label: int
    mirror: float = 0.5
    arms: int = 1


@dataclass(frozen=True)
class WindowSpec:
    """Shape of a window in seconds and steps."""

    seconds: float
    steps: int


def to_body(clips: Sequence[Clip]) -> list[Clip]:
    """Clips of any layout with a depth in the ``body13`` layout."""
    mappings = {layout.name: LayoutMapping(layout, BODY) for layout in {clip.layout for clip in clips}}
    mapped = []
    for clip in clips:
        positions, confidence = mappings[clip.layout.name].apply(clip.positions, clip.confidence)
        mapped.append(replace(clip, positions=np.nan_to_num(positions), confidence=confidence, layout=BODY))
    return mapped


def clip_at(clip: Clip, instants: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A clip at given instants, through the runtime's own window, so that training and serving cannot drift apart.

    Before its first frame and after its last one the clip stands still.

    Args:
        clip: The clip.
        instants: ``[steps]`` seconds from the clip's first frame.

    Returns:
        ``[steps, V, 3]``, 0 where nothing was seen, and ``[steps, V]``.
    """
    stamps_ns = np.round(np.arange(len(clip)) * (1e9 / clip.rate)).astype(np.int64)
    instants_ns = instants.astype(np.float64) * 1e9
    positions, confidence = window.resample(stamps_ns, clip.positions, clip.confidence, instants_ns)
    return np.nan_to_num(positions), confidence


def live_items(clips: Sequence[Clip], labels: LabelMap) -> list[Item]:
    """The windows that a set of clips supports.

    Every clip is a body for stillness, and in turn for one waving arm, two waving arms and raised arms: one synthetic
    window per clip is enough variety, and memory banks stay small.
    """
    idle, other = labels.index("idle"), labels.index("other")
    plain: list[Item] = []
    for i, clip in enumerate(clips):
        name = "other" if clip.source == "desk" else labels.of(clip.source, clip.label)
        plain.append(Item(WindowKind.STILL, i, idle))
        raised = (
            Item(WindowKind.WAVE, i, labels.index("wave"), arms=1),
            Item(WindowKind.WAVE, i, labels.index("wave_two_hands"), arms=2),
            Item(WindowKind.RAISED, i, other, arms=1 + i % 2),
        )
        plain.append(raised[i % 3])
        if name is None:
            continue
        plain.append(Item(WindowKind.CLIP, i, labels.index(name)))
        if name in labels.leg_actions:
            plain.append(Item(WindowKind.LEGLESS, i, other))
    return [item for one in plain for item in _sides(one, labels)]


def _sides(item: Item, labels: LabelMap) -> list[Item]:
    """One item with a coin for its side, or one for each side where the label is another one in a mirror."""
    name = labels.names[item.label]
    if labels.mirror_of(name) == name:
        return [item]
    return [replace(item, mirror=0.0), replace(item, mirror=1.0, label=labels.index(labels.mirror_of(name)))]


def kind_of(item: Item, clips: Sequence[Clip]) -> str:
    """The kind of a window; plain clips from the desk are a kind of their own."""
    return "desk" if item.kind is WindowKind.CLIP and clips[item.clip].source == "desk" else item.kind.value


def item_weights(items: Sequence[Item], clips: Sequence[Clip], mixture: Mapping[str, float]) -> NDArray[np.float64]:
    """Sampling weight of every item.

    Args:
        items: The items.
        clips: Their clips.
        mixture: Share of each kind in a batch; clips from the desk are a kind of their own named ``desk``. Inside
            the plain clips a label counts by the square root of its size, so that small labels are seen.

    Raises:
        ValueError: The mixture names a kind that does not exist.
    """
    known = [*(kind.value for kind in WindowKind), "desk"]
    if unknown := set(mixture) - set(known):
        raise ValueError(f"unknown kinds {sorted(unknown)} in the mixture; choose among: {', '.join(known)}")
    group = np.array([kind_of(item, clips) for item in items])
    label = np.array([item.label for item in items])
    weights = np.zeros(len(items))
    for name, share in mixture.items():
        inside = group == name
        if not inside.any():
            continue
        sizes = np.bincount(label[inside], minlength=label.max() + 1)
        raw = 1 / np.sqrt(np.maximum(sizes, 1))[label] if name == "clip" else np.ones(len(items))
        weights[inside] = share * raw[inside] / raw[inside].sum()
    weights /= weights.sum()
    return weights


class WindowDataset(SampleDataset):
    """Windows of ``body13`` skeletons.

    Args:
        clips: Clips in the ``body13`` layout.
        items: What to cut from them.
        labels: Label list, for the leg actions that borrow arms.
        spec: Length and steps of a window.
        seed: Base of the random streams.
        fixed: Cut the middle of the clip, at its own speed and with its own arms: for validation and test.
    """

    def __init__(
        self, clips: Sequence[Clip], items: Sequence[Item], labels: LabelMap, spec: WindowSpec, seed: int, fixed: bool
    ) -> None:
        super().__init__(np.array([item.label for item in items], np.int64), seed)
        self.clips, self.items, self.spec = list(clips), list(items), spec
        self._fixed = fixed
        self._leg_labels = frozenset(labels.index(name) for name in labels.leg_actions)

    def make(self, index: int, rng: Generator) -> tuple[FloatArray, FloatArray]:
        """The window of an item."""
        item = self.items[index]
        positions, confidence = self._unmirrored(item, rng)
        if rng.random() < (item.mirror if not self._fixed else np.floor(item.mirror)):
            positions, confidence = mirror(positions, confidence, BODY)
        return positions, confidence

    def _unmirrored(self, item: Item, rng: Generator) -> tuple[FloatArray, FloatArray]:
        clip = self.clips[item.clip]
        if item.kind in (WindowKind.CLIP, WindowKind.LEGLESS):
            positions, confidence = clip_at(clip, self._instants(clip, rng))
            # The donor must have real arms; a desk clip as donor would bring a desk's depth.
            if item.label in self._leg_labels and not self._fixed and rng.random() < 0.5:
                donor = self.clips[int(rng.integers(len(self.clips)))]
                if donor.source != "desk":
                    give_arms(positions, confidence, *clip_at(donor, self._instants(donor, rng)))
            if item.kind is WindowKind.LEGLESS:
                confidence[:, legs() + hips() * int(rng.integers(2))] = 0
            return positions, confidence
        instants = np.linspace(0, self.spec.seconds, self.spec.steps, dtype=np.float32)
        positions, confidence = clip_at(clip, ping_pong(instants + rng.uniform(0, 1), min(0.25, clip.seconds / 4)))
        if item.kind in (WindowKind.WAVE, WindowKind.RAISED):
            style, weight = WaveStyle.draw(rng, moving=item.kind is WindowKind.WAVE), onset(rng, instants)
            for side in ("left", "right") if item.arms == 2 else ("right",):
                raise_arm(positions, side, style, instants, weight)
                for joint in ("elbow", "wrist"):
                    confidence[:, BODY.index[f"{side}_{joint}"]] = confidence[:, BODY.index[f"{side}_shoulder"]]
        return positions, confidence

    def _instants(self, clip: Clip, rng: Generator) -> FloatArray:
        """Instants of a window in the clip's own time, at a random speed, where most of the action is visible."""
        speed = 1.0 if self._fixed else float(np.exp(rng.uniform(np.log(0.7), np.log(1.4))))
        span, length = self.spec.seconds * speed, clip.seconds
        earliest = 0.8 * min(span, length)
        latest = length + 0.15 * span
        end = (earliest + latest) / 2 if self._fixed else rng.uniform(earliest, latest)
        return np.linspace(end - span, end, self.spec.steps, dtype=np.float32)
