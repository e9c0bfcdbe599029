"""From scores to what a robot may act on. One decoder per person; which kind, the bundle decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from csre_ros.recognition.bundle_info import OTHER, Label
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.settings import DecoderConfig
from csre_ros.recognition.types import ActionEvent, Decision
from csre_ros.skeleton import FloatArray


class Decoder(ABC):
    """Decides what one person is doing, and says so in events.

    Args:
        labels: Classes in the order of the logits.
        config: Times and ratios.

    Attributes:
        config: As given; may be replaced between two steps.
    """

    def __init__(self, labels: Sequence[Label], config: DecoderConfig) -> None:
        self.config = config
        self._labels = tuple(labels)
        self.reset()

    @property
    def probabilities(self) -> FloatArray | None:
        """``[classes]``; None before the first step."""
        return None if self._probabilities is None else self._probabilities.astype(np.float32)

    @property
    def best(self) -> str | None:
        """The label with the highest probability, background included; None before the first step."""
        return None if self._probabilities is None else self._labels[int(self._probabilities.argmax())].name

    @property
    def decision(self) -> Decision:
        """Whether there is an action, and if not, why not."""
        if self._active is not None:
            return Decision.ACTION
        if self._probabilities is None or self._candidate is not None:
            return Decision.UNDECIDED
        best = self._labels[int(self._probabilities.argmax())]
        return Decision.IDLE if best.background and best.name != OTHER else Decision.UNKNOWN

    @property
    def action(self) -> str | None:
        """The action being performed; None unless :attr:`decision` is ``ACTION``."""
        return None if self._active is None else self._labels[self._active].name

    @property
    def score(self) -> float:
        """Probability of the action, or of the best label where there is none."""
        if self._probabilities is None:
            return 0.0
        return float(self._probabilities.max() if self._active is None else self._probabilities[self._active])

    @abstractmethod
    def step(self, evidence: Evidence, person: int) -> list[ActionEvent]:
        """Take one answer of the encoder in.

        Args:
            evidence: Finite; its newest frame is no older than at the step before.
            person: Track id, for the events.

        Returns:
            What changed, in order.
        """

    @abstractmethod
    def end(self, stamp_ns: int, person: int) -> list[ActionEvent]:
        """End the action, if there is one, when it was last seen: nothing is known about the person any more."""

    def reset(self) -> None:
        """Forget everything; makes no event."""
        self._probabilities: NDArray[np.float64] | None = None
        self._candidate: int | None = None  # index of the label that may become the action
        self._active: int | None = None  # index of the action
        self._reported_ns = 0  # stamp of the newest event but 'ended'

    def _ongoing_due(self, stamp_ns: int) -> bool:
        """Whether it is time to say again what is being done; counts as said."""
        due = self._active is not None and (stamp_ns - self._reported_ns) / 1e9 >= self.config.ongoing_s
        if due:
            self._reported_ns = stamp_ns
        return due


def softmax(logits: FloatArray) -> NDArray[np.float64]:
    """Probabilities ``[classes]``."""
    exponents = np.exp(logits.astype(np.float64) - float(logits.max()))
    probabilities: NDArray[np.float64] = exponents / exponents.sum()
    return probabilities
