"""From a longer stream to a training window: another speed, and the frames that a slow source leaves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from csre_ros.skeleton import FloatArray
from models.data.streams.stream import Places, Stream, Targets


class Window(NamedTuple):
    """A training sample.

    Attributes:
        positions: ``[T, 13, 3]`` metres.
        confidence: ``[T, 13]``.
        target: ``[T]`` indices of target sets.
        action: Label, first frame, frame behind the last one, and memory-bank slot of one of its actions; slot -1
            where there is none.
    """

    positions: FloatArray
    confidence: FloatArray
    target: Targets
    action: tuple[int, int, int, int]


def window_of(
    stream: Stream,
    frames: int,
    rng: Generator,
    stretch: tuple[float, float] = (0.8, 1.25),
    thin: float = 0.35,
    sought: float = 0.0,
) -> Window:
    """Cut a window out of a stream, at a random speed and as if seen at 5 to 30 Hz.

    Args:
        stream: Where from; shorter ones stand still at their ends.
        frames: Length of the window.
        rng: All chance.
        stretch: Range of the speed.
        thin: Chance that frames are left out.
        sought: Chance that the window is placed over one of the actions, each as likely as the others.
    """
    speed = float(np.exp(rng.uniform(*np.log(stretch))))
    lowest, highest = -0.1 * frames, max(len(stream) - 0.85 * frames * speed, 0)
    if stream.spans and rng.random() < sought:
        span = stream.spans[int(rng.integers(len(stream.spans)))]
        lowest = max(lowest, min(span.end - 0.9 * frames * speed, highest))
        highest = max(lowest, min(span.start, highest))
    start = rng.uniform(lowest, highest)
    place = start + np.arange(frames) * speed
    positions, confidence = (
        _thinned(stream, place, float(rng.uniform(1.2, 3.0)), rng) if rng.random() < thin else (sampled(stream, place))
    )
    nearest = np.clip(np.round(place), 0, len(stream) - 1).astype(int)
    chosen = [span for span in stream.spans if span.slot >= 0 and _inside(span.start, span.end, place)]
    action = (0, 0, 0, -1)
    if chosen:
        span = chosen[int(rng.integers(len(chosen)))]
        first, last = (int(np.clip((edge - start) / speed, 0, frames)) for edge in (span.start, span.end))
        action = (span.label, first, last, span.slot)
    return Window(positions, confidence, stream.target[nearest], action)


def _inside(start: int, end: int, place: Places) -> bool:
    """Whether at least 60 % of an action lies inside the window."""
    return bool(min(end, place[-1]) - max(start, place[0]) > 0.6 * (end - start))


def sampled(stream: Stream, place: Places) -> tuple[FloatArray, FloatArray]:
    """Positions and confidence at fractional frames: between those on both sides, as sure as the less sure of them."""
    place = np.clip(place, 0, len(stream) - 1)
    low = np.minimum(place.astype(int), max(len(stream) - 2, 0))
    high = np.minimum(low + 1, len(stream) - 1)
    share = (place - low).astype(np.float32)[:, None]
    confidence = np.minimum(stream.confidence[low], stream.confidence[high])
    share = share[..., None]
    return (stream.positions[low] * (1 - share) + stream.positions[high] * share).astype(np.float32), confidence


def _thinned(stream: Stream, place: Places, every: float, rng: Generator) -> tuple[FloatArray, FloatArray]:
    """Every ``every``-th frame only, and straight lines between them."""
    frames = np.arange(len(place)) / every + rng.random()
    coarse = np.arange(int(frames[-1]) + 2)
    at = np.interp((coarse - frames[0]) * every, np.arange(len(place)), place)
    positions, confidence = sampled(stream, at)
    low = frames.astype(int)
    share = (frames - low).astype(np.float32)[:, None]
    mixed = positions[low] * (1 - share[..., None]) + positions[low + 1] * share[..., None]
    return mixed.astype(np.float32), np.minimum(confidence[low], confidence[low + 1])
