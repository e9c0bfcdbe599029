"""What every source yields, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import DepthImage, Pinhole, Skeleton, SkeletonLayout

Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One instant of a source.

    Attributes:
        stamp_ns: Capture stamp in nanoseconds: wall clock for live sources, position in the file for recordings.
        frame_id: Camera-optical coordinate frame (REP-103).
        image: ``[H, W, 3]`` uint8 BGR, or None where the source has skeletons only.
        skeletons: The people, where the source knows them already; None means that a pose estimator must look.
        label: Annotation of this instant, where the recording has one.
        camera: How points in space come into the picture, where that is known.
        depth: Depths of the picture, where the source measures them; then the camera is known too.
    """

    stamp_ns: int
    frame_id: str
    image: Image | None = None
    skeletons: tuple[Skeleton, ...] | None = None
    label: str | None = None
    camera: Pinhole | None = None
    depth: DepthImage | None = None


class Source(Protocol):
    """A context manager that iterates over frames.

    Attributes:
        name: What the user asked for, for messages.
        live: Whether frames come in real time; a live source keeps only the newest frame.
        fps: Nominal frames per second; None where unknown.
        dropped: Frames that were captured but never delivered because a newer one came.
        layout: Layout of the skeletons; None where frames have images only.
    """

    name: str
    live: bool
    fps: float | None
    dropped: int

    @property
    def layout(self) -> SkeletonLayout | None: ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Iterator[SourceFrame]: ...
