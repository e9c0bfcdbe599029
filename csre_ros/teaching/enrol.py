"""From a recording to an example: what of it counts, whether enough was seen, and what the network makes of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from csre_ros.recognition.bundle import Bundle
from csre_ros.recognition.encoder import Evidence
from csre_ros.recognition.extensions import StreamInfo
from csre_ros.recognition.intake import Intake
from csre_ros.recognition.stream_encoder import StreamEncoder
from csre_ros.skeleton import FloatArray, LayoutMapping, Skeleton, get_layout
from csre_ros.skeleton.proportions import SEEN
from csre_ros.teaching.features import Features, FeatureStream
from csre_ros.teaching.posture import Posture
from csre_ros.teaching.recording import Recording, TeachError
from csre_ros.timing import StageTimer

_LEAST_S, _MOST_S = 0.3, 8.0  # of what is kept
_MOVING_M_S = 0.45  # of the fastest joint, in typical metres
_SMOOTH_S = 0.2
_HELD_S, _HELD_AT_END_S = 0.8, 1.2
_HELD_KEPT_S = 1.0
_AWAY_M = 0.2  # a held posture differs so much from the first one
_MARGIN_S = 0.15
_LEAD_S = 1.0
_ARMS_SEEN = 0.6


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


def trim(recording: Recording, bundle: Bundle) -> Recording:
    """The part of a recording that shows the gesture: from the first to the last motion, or a posture that is held.

    Raises:
        TeachError: It is too short or too long, the arms are hardly seen, or the bundle cannot use its layout.
    """
    rate = stream_of(bundle).rate_hz
    _, positions, confidence = _mapped(recording, bundle)
    _check_arms(confidence, bundle)
    if recording.seconds < _LEAST_S:
        raise TeachError(
            f"the recording lasts {recording.seconds:.1f} s, which is too short; show the whole gesture, or hold the "
            "posture for two seconds"
        )
    stamps = (recording.stamps_ns - recording.stamps_ns[0]) / 1e9
    first_s, last_s = _interesting(stamps, positions, confidence, bundle, rate)
    kept = np.flatnonzero((stamps >= first_s - 1e-6) & (stamps <= last_s + 1e-6))
    if len(kept) < 3 or stamps[kept[-1]] - stamps[kept[0]] < _LEAST_S:
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


def features_of(recording: Recording, bundle: Bundle) -> Features:
    """What the network makes of an example that was trimmed, at the bundle's rate.

    The first posture is seen for a second before, so that the network has a past, and the last one as long after as
    its answers lag behind.
    """
    stream = stream_of(bundle)
    layout = get_layout(bundle.info.layout)
    stamps, positions, confidence = _mapped(recording, bundle)
    encoder, features = StreamEncoder(bundle, stream, StageTimer()), FeatureStream(layout, stream.rate_hz)
    lead = np.arange(-_LEAD_S, -1e-9, 1 / stream.rate_hz)
    trail = np.arange(1, round((stream.delay_s + 1 / stream.rate_hz) * stream.rate_hz) + 2) / stream.rate_hz
    times = np.r_[stamps[0] + lead * 1e9, stamps, stamps[-1] + trail * 1e9].round().astype(np.int64)
    order = np.clip(np.arange(len(times)) - len(lead), 0, len(stamps) - 1)
    memory = encoder.start()
    found: list[tuple[int, Features]] = []
    for time_ns, row in zip(times, order, strict=True):
        encoder.see(memory, int(time_ns), positions[row], confidence[row])
        if encoder.ready(memory):
            found += [(one.instant_ns, features.step(one)) for one in encoder.decide([memory])[0] if _finite(one)]
    kept = [one for at_ns, one in found if stamps[0] <= at_ns <= stamps[-1]]
    if not kept:
        raise TeachError("the network makes nothing of this recording; record again")
    return Features.joined(kept)


def _finite(evidence: Evidence) -> bool:
    return bool(np.isfinite(evidence.logits).all() and np.isfinite(evidence.embedding).all())


def _mapped(recording: Recording, bundle: Bundle) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
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


def _interesting(
    stamps: NDArray[np.float64], positions: FloatArray, confidence: FloatArray, bundle: Bundle, rate: float
) -> tuple[float, float]:
    """From when to when the gesture lasts, in seconds of ``stamps``."""
    posture = Posture(get_layout(bundle.info.layout), rate)
    grid = np.arange(stamps[0], stamps[-1] + 1e-9, 1 / rate)
    nearest = np.abs(stamps[:, None] - grid[None]).argmin(axis=0)
    shapes = [posture.step(positions[row], confidence[row]) for row in nearest]
    points, known = np.stack([shape.points for shape in shapes]), np.stack([shape.known for shape in shapes])
    moved = np.linalg.norm(np.diff(points, axis=0), axis=-1) * known[1:] * known[:-1] * rate
    width = max(round(_SMOOTH_S * rate), 1)
    smooth = np.stack([np.convolve(joint, np.ones(width) / width, "same") for joint in moved.T], axis=1)
    moving = np.r_[False, smooth.max(axis=1, initial=0) > _MOVING_M_S]
    if not moving.any():
        return _middle(float(grid[0]), float(grid[-1]))
    motion = np.flatnonzero(moving)
    away = (np.linalg.norm(points - points[:1], axis=-1) * known * known[:1]).max(axis=1)
    for first, behind in _still(moving, int(motion[0])):
        least = _HELD_AT_END_S if behind == len(moving) else _HELD_S
        if (behind - first) / rate >= least and np.median(away[first:behind]) > _AWAY_M:
            return _middle(float(grid[first]), float(grid[behind - 1]))
    return max(float(grid[motion[0]]) - _MARGIN_S, 0.0), min(float(grid[motion[-1]]) + _MARGIN_S, float(stamps[-1]))


def _still(moving: NDArray[np.bool_], start: int) -> list[tuple[int, int]]:
    """Stretches without motion behind ``start``, the longest first: first index and the one behind the last."""
    edges = np.flatnonzero(np.diff(np.r_[True, moving[start:], True].astype(int)))
    pairs = [(int(first) + start, int(behind) + start) for first, behind in zip(edges[::2], edges[1::2], strict=True)]
    return sorted(pairs, key=lambda pair: pair[0] - pair[1])


def _middle(first: float, last: float) -> tuple[float, float]:
    """The middle of a posture that is held."""
    spare = max(last - first - _HELD_KEPT_S, 0) / 2
    return first + spare, last - spare
