"""From a label for every frame to intervals: hysteresis, least length, bridged gaps, and when an action began (onset).

NumPy only and no stamps of its own: the trainer fits the settings with the very decoder that a robot runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from csre_ros.foreign_text import quoted
from csre_ros.recognition.bundle_info import Label

_MOST = 60  # seconds, or shares
_BY_LABEL = ("leaves", "bridges_s", "repeats")
_REPEATED_S = 0.8
"""Least time from the beginning of an action to that of the same one again: what begins sooner is the one that goes on.
By validation subjects, none of whom kicks faster."""


@dataclass(frozen=True)
class FrameDecoding:
    """Settings of :class:`FrameDecoder`; a bundle carries those that were fitted for it.

    Attributes:
        min_duration_s: Time that an action must be the best label, at or above its threshold, before it is reported.
        leave: An action goes on while its probability is at least this share of its threshold.
        leaves: The same for single labels, by name.
        onset: It began where its probability rose above this share of its threshold.
        bridge_s: Longest gap inside one action.
        bridges_s: The same for single labels, by name.
        repeats: Probability of a beginning from which on an action that goes on is over and done again, by name; never
            for other labels.
        families: Names of labels that are easily taken for each other, such as a wave and a raised hand: what is sure
            to be one of them is told as the likeliest of them.
    """

    min_duration_s: float = 0.13
    leave: float = 0.6
    leaves: Mapping[str, float] = field(default_factory=dict)
    onset: float = 0.5
    bridge_s: float = 0.3
    bridges_s: Mapping[str, float] = field(default_factory=dict)
    repeats: Mapping[str, float] = field(default_factory=dict)
    families: Sequence[Sequence[str]] = ()

    @classmethod
    def from_extension(cls, extension: Mapping[str, Any]) -> FrameDecoding:
        """Read the entry ``decoder`` of a bundle's extensions; what it does not say keeps its default.

        Raises:
            ValueError: A value is no number, or out of range.
        """
        known = {name: extension[name] for name in cls.__dataclass_fields__ if name in extension}
        by_label = {name: known.get(name, {}) for name in _BY_LABEL}
        for name, values in by_label.items():
            if not isinstance(values, Mapping):
                raise ValueError(
                    f"{name} of the extension 'decoder' is {quoted(values)}; it must be an object by label"
                )
        families = known.get("families", ())
        if not isinstance(families, list | tuple) or not all(
            isinstance(one, list | tuple) and all(isinstance(name, str) for name in one) for one in families
        ):
            raise ValueError(
                f"families of the extension 'decoder' is {quoted(families)}; it must be a list of lists of labels"
            )
        known["families"] = tuple(tuple(one) for one in families)
        numbers = [item for item in known.items() if item[0] not in (*_BY_LABEL, "families")]
        for name, value in (*numbers, *(item for values in by_label.values() for item in values.items())):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
                what = f"{quoted(name)} of the extension 'decoder'"
                raise ValueError(f"{what} is {quoted(value)}; it must lie in 0..{_MOST}")
        return cls(**known)


class Reported(NamedTuple):
    """One change; all times in seconds on the clock of the steps.

    Attributes:
        label: Index of the action.
        since: When it began.
        until: When it ended; None while it goes on.
        score: Its probability now, or its highest where it has ended.
    """

    label: int
    since: float
    until: float | None
    score: float


class FrameDecoder:
    """Decides what one person is doing, from the probabilities of one frame after the other.

    Args:
        labels: In the order of the probabilities, with their thresholds.
        settings: Times and shares.
        rate_hz: Steps per second.

    Attributes:
        scale: Factor on all thresholds; may change between two steps.
        active: Index of the action that goes on, or None.
        candidate: Index of the action that is the best label and at or above its threshold, or None.
        since: When the active one began.
    """

    def __init__(self, labels: Sequence[Label], settings: FrameDecoding, rate_hz: float) -> None:
        self.scale = 1.0
        self._thresholds = np.array([label.threshold for label in labels])
        self._is_action = [not label.background for label in labels]
        self._leaves = [settings.leaves.get(label.name, settings.leave) for label in labels]
        self._bridges = [settings.bridges_s.get(label.name, settings.bridge_s) for label in labels]
        self._repeats = [settings.repeats.get(label.name, np.inf) for label in labels]
        names = [label.name for label in labels]
        families = [[names.index(name) for name in family if name in names] for family in settings.families]
        self._families = [np.array(family) for family in families if len(family) > 1]
        self._settings, self._period = settings, 1 / rate_hz
        self._needed = max(round(settings.min_duration_s * rate_hz), 1)
        self.reset()

    def reset(self) -> None:
        """Forget everything; reports nothing."""
        self.active: int | None = None
        self.candidate: int | None = None
        self.since = 0.0
        self._last = self._peak = 0.0
        self._over = -np.inf  # when the last action ended
        self._count = 0
        self._begun, self._begins = np.nan, False  # when an action began that goes on, and whether one does just now
        self._risen = np.full(len(self._thresholds), np.nan)  # when each label rose to its onset

    def step(
        self,
        at: float,
        probabilities: NDArray[np.floating[Any]],
        began: NDArray[np.floating[Any]] | None = None,
        known: NDArray[np.bool_] | None = None,
        begin: float = 0.0,
    ) -> list[Reported]:
        """Take the probabilities of an instant in.

        Args:
            at: The instant.
            probabilities: ``[labels]``.
            began: ``[labels]`` since when each label holds, where that is known better than by its probabilities; NaN
                where it is not.
            known: ``[labels]`` whether the movement may be this at all; what may not starts no action, though one that
                goes on is kept by its probability.
            begin: Probability that an action begins, whichever.

        Returns:
            What changed, in order.
        """
        limits = self.scale * self._thresholds
        if self._families:
            probabilities = self._with_families(probabilities, limits)
        above = probabilities >= self._settings.onset * limits
        self._risen = np.where(above, np.where(np.isnan(self._risen), at, self._risen), np.nan)
        best = int(probabilities.argmax())
        strong = bool(self._is_action[best] and probabilities[best] >= limits[best])
        strong = strong and (known is None or bool(known[best]))
        self._count = self._count + 1 if strong and best == self.candidate else int(strong)
        self.candidate = best if strong else None
        changes: list[Reported] = []
        if self.active is not None:
            score = float(probabilities[self.active])
            if score >= self._leaves[self.active] * limits[self.active]:
                self._last, self._peak = at, max(self._peak, score)
            elif at - self._last > self._bridges[self.active]:
                changes += self.end()
        again = self._done_again(at, begin) and best == self.active
        if strong and self._count >= self._needed and (again or best != self.active):
            start = self._begun if again else np.nan if began is None else began[best]
            since = max(float(self._risen[best] if np.isnan(start) else start), self._over)
            if self.active is not None:
                changes += self.end(since)
            self.active, self.since, self._last, self._begun = best, since, at, np.nan
            self._peak = float(probabilities[best])
            changes.append(Reported(best, since, None, self._peak))
        return changes

    def _done_again(self, at: float, begin: float) -> bool:
        """Whether the action that goes on began once more since it was told."""
        begins = self.active is not None and begin >= self._repeats[self.active]
        if begins and not self._begins and at - self.since >= _REPEATED_S:
            self._begun = at
        self._begins = begins
        return not np.isnan(self._begun)

    def _with_families(
        self, probabilities: NDArray[np.floating[Any]], limits: NDArray[np.floating[Any]]
    ) -> NDArray[np.floating[Any]]:
        """Give one label of every family the probability of all: the one that goes on, unless another is sure alone."""
        pooled = probabilities.copy()
        for family in self._families:
            best = int(family[probabilities[family].argmax()])
            if self.active is not None and self.active in family and probabilities[best] < limits[best]:
                best = self.active
            pooled[best] = probabilities[family].sum()
        return pooled

    def end(self, latest: float = np.inf) -> list[Reported]:
        """End the action, if there is one: at ``latest`` something else began, or nothing is known any more."""
        if self.active is None:
            return []
        until = max(min(self._last + self._period, latest), self.since)
        ended = Reported(self.active, self.since, until, self._peak)
        self.active, self._over, self._begun = None, until, np.nan
        return [ended]
