"""One example of a gesture: what one person did, in whatever layout it was seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from csre_ros.foreign_text import quoted
from csre_ros.skeleton import FloatArray, Frame, Skeleton, get_layout


class TeachError(ValueError):
    """An example that teaches nothing, or a label that cannot be taught; the text says what to do."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Skeletons of one person.

    Attributes:
        layout: Name of their layout.
        stamps_ns: ``[T]`` int64, increasing.
        positions: ``[T, V, dims]`` as :class:`csre_ros.skeleton.Skeleton` has them; NaN where not seen.
        confidence: ``[T, V]`` in 0..1; 0 where not seen.

    Raises:
        TeachError: Unknown layout, other shapes, no frame, or stamps that do not increase.
    """

    layout: str
    stamps_ns: NDArray[np.int64]
    positions: FloatArray
    confidence: FloatArray

    def __post_init__(self) -> None:
        try:
            layout = get_layout(self.layout)
        except ValueError as error:
            raise TeachError(str(error)) from None
        shape = (len(self.stamps_ns), len(layout))
        if self.positions.shape != (*shape, layout.dims) or self.confidence.shape != shape:
            raise TeachError(
                f"positions are {list(self.positions.shape)} and confidence {list(self.confidence.shape)}; "
                f"{shape[0]} stamps of layout {quoted(self.layout)} need {[*shape, layout.dims]} and {list(shape)}"
            )
        if not len(self.stamps_ns):
            raise TeachError("the recording is empty: nobody was seen; stand in view of the camera and record again")
        if (np.diff(self.stamps_ns) <= 0).any():
            raise TeachError("the stamps of the recording do not increase; record again with one clock")
        if np.isinf(self.positions).any() or not ((self.confidence >= 0) & (self.confidence <= 1)).all():
            raise TeachError("positions must be finite or NaN, and confidence must lie in 0..1; record again")

    def __len__(self) -> int:
        return len(self.stamps_ns)

    @property
    def seconds(self) -> float:
        """From the first to the last frame."""
        return float(self.stamps_ns[-1] - self.stamps_ns[0]) / 1e9

    def cut(self, part: slice) -> Recording:
        """Some of its frames."""
        return replace(
            self, stamps_ns=self.stamps_ns[part], positions=self.positions[part], confidence=self.confidence[part]
        )

    @classmethod
    def from_frames(cls, frames: Iterable[Frame]) -> Recording:
        """The one person of some frames; frames in which nobody is seen, or that come late, are left out.

        Raises:
            TeachError: Nobody is seen, there are two people, or two layouts.
        """
        stamps: list[int] = []
        people: list[Skeleton] = []
        for frame in frames:
            if len(frame.skeletons) > 1:
                seconds = (frame.stamp_ns - stamps[0]) / 1e9 if stamps else 0.0
                raise TeachError(
                    f"{len(frame.skeletons)} people are in view at {seconds:.1f} s; an example shows one person: let "
                    "the others step aside and record again"
                )
            if frame.skeletons and (not stamps or frame.stamp_ns > stamps[-1]):
                stamps.append(frame.stamp_ns)
                people.append(frame.skeletons[0])
        if not people:
            raise TeachError("the recording is empty: nobody was seen; stand in view of the camera and record again")
        layouts = {person.layout.name for person in people}
        if len(layouts) > 1:
            raise TeachError(f"the recording mixes the layouts {', '.join(sorted(layouts))}; record from one source")
        return cls(
            people[0].layout.name,
            np.array(stamps, np.int64),
            np.stack([person.positions for person in people]),
            np.stack([person.confidence for person in people]),
        )
