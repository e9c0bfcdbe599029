"""From a recording to an example: what of it counts, whether enough was seen, and what the network makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from csre_ros.recognition.bundle import Bundle
from csre_ros.recognition.extensions import StreamInfo
from csre_ros.recognition.intake import Intake
from csre_ros.recognition.settings import DecoderConfig
from csre_ros.recognition.stream_decoder import StreamDecoder
from csre_ros.recognition.stream_encoder import StreamEncoder
from csre_ros.recognition.types import ActionEvent
from csre_ros.skeleton import FloatArray, LayoutMapping, Skeleton, get_layout
from csre_ros.skeleton.proportions import SEEN
from csre_ros.teaching.features import Features, FeatureStream
from csre_ros.teaching.motion import AWAY_M, Motion
from csre_ros.teaching.recording import Recording, TeachError
from csre_ros.timing import StageTimer

LEAST_S, _MOST_S = 0.3, 8.0
"""Of what is kept, in seconds."""
_HELD_S, _HELD_AT_END_S = 0.8, 1.2
_HELD_KEPT_S = 1.0
_MARGIN_S = 0.15
_LEAD_S = 1.0
_ARMS_SEEN = 0.6
_CALLED = 0.5  # share of an example


def stream_of(bundle: Bundle) -> StreamInfo:
    """How a bundle labels every frame.

    Raises:
        TeachError: It does not.
    """
    if bundle.info.stream is None:
        raise TeachError(
            f"bundle {bundle.info.name!r} classifies windows and cannot be taught; take one that labels every frame, "
            "such as 'default' or 'flat'"
        )
    return bundle.info.stream


def trim(recording: Recording, bundle: Bundle, whole: bool = False) -> Recording:
    """The part of a recording that shows the gesture: from the first to the last motion, or a posture that is held.

    Args:
        recording: One person.
        bundle: Which is to be taught.
        whole: The recording was cut to the gesture already: all of it counts.

    Raises:
        TeachError: It is too short or too long, the arms are hardly seen, or the bundle cannot use its layout.
    """
    rate = stream_of(bundle).rate_hz
    seen_ns, positions, confidence = mapped(recording, bundle)
    _check_arms(confidence, bundle)
    stamps, seen = ((some_ns - recording.stamps_ns[0]) / 1e9 for some_ns in (recording.stamps_ns, seen_ns))
    if seen[-1] - seen[0] < LEAST_S:
        raise TeachError(
            f"somebody is seen for {seen[-1] - seen[0]:.1f} s, which is too short; show the whole gesture, or hold the "
            "posture for two seconds"
        )
    first_s, last_s = 0.0, float(stamps[-1])
    if not whole:
        motion = Motion.of(seen, positions, confidence, get_layout(bundle.info.layout), rate)
        first_s, last_s = _interesting(motion, last_s)
    kept = np.flatnonzero((stamps >= first_s - 1e-6) & (stamps <= last_s + 1e-6))
    if len(kept) < 3 or stamps[kept[-1]] - stamps[kept[0]] < LEAST_S:
        raise TeachError(
            f"only {last_s - first_s:.1f} s of the recording show a movement, which is too short; show the whole "
            "gesture, or hold the posture for two seconds"
        )
    if last_s - first_s > _MOST_S:
        raise TeachError(
            f"the movement lasts {last_s - first_s:.1f} s; an example is one gesture of at most {_MOST_S:.0f} s: stand "
            "still, show it once, and stand still again"
        )
    return recording.cut(slice(int(kept[0]), int(kept[-1]) + 1))


class Example(NamedTuple):
    """A recording and what the network makes of it.

    Attributes:
        recording: What was kept of it.
        features: At the bundle's rate.
        called: The labels by which the bundle reports most of it, without a gallery.
    """

    recording: Recording
    features: Features
    called: tuple[str, ...]


def enrol(recording: Recording, bundle: Bundle) -> Example:
    """Show a recording that was trimmed to the network of a bundle.

    The first posture is seen for a second before, so that the network has a past, and the last one as long after as
    its answers lag behind.

    Raises:
        TeachError: The bundle cannot use it.
    """
    stream = stream_of(bundle)
    stamps, positions, confidence = mapped(recording, bundle)
    encoder, features = (
        StreamEncoder(bundle, stream, StageTimer()),
        FeatureStream(get_layout(bundle.info.layout), stream.rate_hz),
    )
    decoder = StreamDecoder(bundle.info.labels, DecoderConfig(), bundle.decoding, stream.rate_hz)
    lead = np.arange(-_LEAD_S, -1e-9, 1 / stream.rate_hz)
    trail = np.arange(1, round((stream.delay_s + 1 / stream.rate_hz) * stream.rate_hz) + 2) / stream.rate_hz
    times = np.r_[stamps[0] + lead * 1e9, stamps, stamps[-1] + trail * 1e9].round().astype(np.int64)
    order = np.clip(np.arange(len(times)) - len(lead), 0, len(stamps) - 1)
    memory = encoder.start()
    found: list[Features] = []
    events: list[ActionEvent] = []
    for time_ns, row in zip(times, order, strict=True):
        encoder.see(memory, int(time_ns), positions[row], confidence[row])
        for one in encoder.decide([memory])[0] if encoder.ready(memory) else ():
            if np.isfinite(one.logits).all() and np.isfinite(one.embedding).all():
                seen, now = features.step(one), decoder.step(one, 0)
                events += now
                found += [seen] if stamps[0] <= one.instant_ns <= stamps[-1] else []
    if not found:
        raise TeachError("the network makes nothing of this recording; record again")
    events += decoder.end(int(times[-1]), 0)
    return Example(recording, Features.joined(found), _called(events, int(stamps[0]), int(stamps[-1])))


def _called(events: Sequence[ActionEvent], begin_ns: int, end_ns: int) -> tuple[str, ...]:
    """The labels whose reports cover most of an example together, longest first; none where they do not."""
    covered: Counter[str] = Counter()
    for event in events:
        if event.until_ns is not None:
            covered[event.action] += max(min(event.until_ns, end_ns) - max(event.since_ns, begin_ns), 0)
    told = sum(covered.values()) >= _CALLED * (end_ns - begin_ns)
    return tuple(label for label, _ in covered.most_common()) if told else ()


def mapped(recording: Recording, bundle: Bundle) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Stamps, positions and confidence in the layout of the bundle, as the runtime maps them."""
    own, wanted = get_layout(recording.layout), get_layout(bundle.info.layout)
    if own.dims < wanted.dims or len(LayoutMapping(own, wanted).missing) == len(wanted):
        raise TeachError(
            f"skeletons of layout {recording.layout!r} ({own.dims}-D) do not fit bundle {bundle.info.name!r}, which "
            f"needs {wanted.dims}-D ones; record from another source, or teach another bundle: 'flat' takes people in "
            "the image"
        )
    intake = Intake(wanted)
    people = [Skeleton(own, *frame) for frame in zip(recording.positions, recording.confidence, strict=True)]
    found = [(i, intake.step([person])) for i, person in enumerate(people)]
    rows = [i for i, bodies in found if len(bodies.positions)]
    if not rows:
        raise TeachError("the recording is empty: nobody was seen; stand in view of the camera and record again")
    positions = np.concatenate([bodies.positions for _, bodies in found])
    confidence = np.concatenate([bodies.confidence for _, bodies in found])
    return recording.stamps_ns[rows], positions, confidence


def _check_arms(confidence: FloatArray, bundle: Bundle) -> None:
    index = get_layout(bundle.info.layout).index
    shares = []
    for side in ("left", "right"):
        joints = [index[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist")]
        shares.append(float((confidence[:, joints] >= SEEN).all(axis=1).mean()))
    if max(shares) < _ARMS_SEEN:
        raise TeachError(
            f"too little was seen of the arms: a whole arm in {max(shares):.0%} of the frames; step back until both "
            "hands stay in view, and record again"
        )


def _interesting(motion: Motion, end: float) -> tuple[float, float]:
    """From when to when the gesture lasts, in seconds of a recording that ends at ``end``."""
    grid, rate = motion.grid, 1 / float(motion.grid[1] - motion.grid[0])
    if not motion.moving.any():
        return _middle(float(grid[0]), float(grid[-1]))
    moved = np.flatnonzero(motion.moving)
    for first, behind in sorted(motion.still(int(moved[0])), key=lambda pair: pair[0] - pair[1]):
        least = _HELD_AT_END_S if behind == len(grid) else _HELD_S
        if (behind - first) / rate >= least and np.median(motion.apart(0, slice(first, behind))) > AWAY_M:
            return _middle(float(grid[first]), float(grid[behind - 1]))
    return max(float(grid[moved[0]]) - _MARGIN_S, 0.0), min(float(grid[moved[-1]]) + _MARGIN_S, end)


def _middle(first: float, last: float) -> tuple[float, float]:
    """The middle of a posture that is held."""
    spare = max(last - first - _HELD_KEPT_S, 0) / 2
    return first + spare, last - spare
