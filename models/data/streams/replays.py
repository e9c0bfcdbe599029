"""One recording six times: faster, slower and in a mirror, so that a few dozen actions choose settings better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.data.streams.labels import StreamLabels
from models.data.streams.stream import Span, Stream
from models.data.streams.warp import sampled
from models.data.synthesis import BODY

_SPEEDS = (0.85, 1.0, 1.18)


def replays(stream: Stream, labels: StreamLabels, mirrors: bool = True) -> list[Stream]:
    """A stream at three speeds, and in a mirror where that shows something with a name; the stream itself among them.

    Args:
        stream: A recording.
        labels: Its label table.
        mirrors: Whether what a mirror shows has a name.
    """
    sides = [stream, _mirrored(stream, labels)] if mirrors else [stream]
    return [_at_speed(side, speed) for side in sides for speed in _SPEEDS]


def _mirrored(stream: Stream, labels: StreamLabels) -> Stream:
    order, renamed = list(BODY.mirror), labels.mirrored_targets.numpy()
    flipped = stream.positions[:, order] * np.array((-1, 1, 1), np.float32)
    spans = tuple(replace(span, label=int(renamed[span.label])) for span in stream.spans)
    return replace(
        stream, positions=flipped, confidence=stream.confidence[:, order], target=renamed[stream.target], spans=spans
    )


def _at_speed(stream: Stream, speed: float) -> Stream:
    """Played faster or slower: positions lie between the frames on both sides, the rest comes from the nearest."""
    place = np.arange(0, len(stream) - 1, speed)
    positions, confidence = sampled(stream, place)
    nearest = np.round(place).astype(int)
    spans = tuple(Span(round(one.start / speed), round(one.end / speed), one.label, one.slot) for one in stream.spans)
    return replace(
        stream,
        positions=positions,
        confidence=confidence,
        target=stream.target[nearest],
        spans=spans,
    )
