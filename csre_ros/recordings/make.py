"""Turn clips into a recording of skeletons by the project's own pose stage.

    python -m csre_ros.recordings.make OUTPUT.mcap CLIP=LABEL [CLIP=LABEL ...]

The clips follow each other with a pause in which nobody is in view. Stamps are those of the clips, shifted.
"""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from csre_ros.pose.estimator import PoseEstimator
from csre_ros.pose.registry import make_estimator
from csre_ros.pose.settings import PoseConfig
from csre_ros.skeleton import Frame
from csre_ros.sources import open_source
from csre_ros.sources.recording_writer import RecordingWriter

logger = logging.getLogger(__name__)

_PAUSE_NS = 2_000_000_000
_PAUSE_STEP_NS = 100_000_000


def make_recording(output: Path, clips: Sequence[tuple[Path, str]], seconds: float = math.inf) -> None:
    """Write the people of some clips, without images, as one recording.

    Args:
        output: The new ``.mcap`` file.
        clips: Path and label of each clip, in order.
        seconds: Longest part of each clip that is taken, from its beginning.

    Raises:
        OSError: A clip does not open, or the output exists or cannot be written.
        ValueError: The output is not called ``.mcap``, or a clip has no images.
        ModuleNotFoundError: The pose estimator is not installed.
    """
    pose = make_estimator(PoseConfig())
    begin_ns = 0
    with RecordingWriter(output, pose.layout) as recording:
        for number, (clip, label) in enumerate(clips):
            if number:
                for frame in _nobody(begin_ns):
                    recording.write(frame)
                begin_ns += _PAUSE_NS
            begin_ns = _append_clip(recording, pose, clip, label, seconds, begin_ns)
    pose.close()


def _append_clip(
    recording: RecordingWriter, pose: PoseEstimator, clip: Path, label: str, seconds: float, begin_ns: int
) -> int:
    """Append one clip; returns the stamp of its last frame."""
    pose.reset()
    stamp_ns = begin_ns
    with open_source(str(clip)) as source:
        for shot in source:
            if shot.image is None:
                raise ValueError(f"{clip} has no images; name video files or folders of images")
            if shot.stamp_ns > seconds * 1e9:
                break
            stamp_ns = begin_ns + shot.stamp_ns
            recording.write(pose.step(shot.image, stamp_ns, shot.frame_id), label=label)
    return stamp_ns


def _nobody(after_ns: int) -> Iterator[Frame]:
    for stamp_ns in range(after_ns + _PAUSE_STEP_NS, after_ns + _PAUSE_NS, _PAUSE_STEP_NS):
        yield Frame(stamp_ns, "camera_optical_frame", ())


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m csre_ros.recordings.make", description=__doc__.split("\n")[0])
    parser.add_argument("output", type=Path, help="the new .mcap file")
    parser.add_argument("clips", nargs="+", metavar="CLIP=LABEL", help="a video file and what is done in it")
    parser.add_argument("--seconds", type=float, default=math.inf, help="longest part of each clip, from its beginning")
    given = parser.parse_args(arguments)
    pairs = [clip.rpartition("=") for clip in given.clips]
    if wrong := [clip for clip, (path, _, label) in zip(given.clips, pairs, strict=True) if not (path and label)]:
        parser.error(f"{wrong[0]!r} is not of the form CLIP=LABEL")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    make_recording(given.output, [(Path(path), label) for path, _, label in pairs], given.seconds)
    logger.info("%s: %d bytes", given.output, given.output.stat().st_size)


if __name__ == "__main__":
    main()
