"""Continuous streams of one person in an ``.npz`` file, with a label for every frame: the form of PRECOG.

``frames`` (``[sum T, V, 3]`` metres in Kinect axes) holds all streams one after the other; ``offset`` and ``length``
say where each of them lies, ``subject`` who it is, ``frame_label`` (from 0, into ``class_name``) what is done.
``joint`` names the joints in the words of the Kinect SDK, whose own order counts where it is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csre_ros.skeleton import FloatArray, Skeleton, SkeletonLayout, get_layout
from csre_ros.skeleton.kinect import KINECT_JOINTS, TO_OPTICAL, joint_name
from csre_ros.sources.frames import SourceFrame

_RATE = 30.0
_FIRST_STAMP_S = 1.0
_FRAME_ID = "camera_optical_frame"
_NEEDED = {"frames": "f", "offset": "iu", "length": "iu", "subject": "iu", "frame_label": "iu", "class_name": "U"}


@dataclass(frozen=True, eq=False)
class StreamArrays:
    """One stream as the file holds it.

    Attributes:
        name: ``stream`` and its number in the file.
        subject: Person number.
        frames: ``[T, V, 3]`` metres in Kinect axes; zero where not seen.
        joints: Names of the V joints, in the words of the Kinect SDK.
        labels: What is done in every frame.
    """

    name: str
    subject: int
    frames: FloatArray
    joints: tuple[str, ...]
    labels: tuple[str, ...]

    def skeleton_frames(self, rate: float = _RATE) -> Iterator[SourceFrame]:
        """The stream as frames of ``kinect20`` skeletons; stamps begin at one second, since the file has none.

        Args:
            rate: Frames per second.

        Raises:
            ValueError: A joint of the layout is missing.
        """
        layout = get_layout("kinect20")
        ours = [joint_name(word) for word in self.joints]
        if missing := sorted(set(layout.joints) - set(ours)):
            raise ValueError(
                f"{self.name} lacks the joints {missing} of {layout.name!r}; write the file again with them"
            )
        order = [ours.index(joint) for joint in layout.joints]
        for k, (pose, label) in enumerate(zip(self.frames[:, order], self.labels, strict=True)):
            stamp_ns = round((_FIRST_STAMP_S + k / rate) * 1e9)
            yield SourceFrame(stamp_ns, _FRAME_ID, None, _skeletons(pose, layout), label)


def read_stream_arrays(path: Path) -> list[StreamArrays]:
    """Read a file of streams.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged or holds something else; the text names the array.
    """
    arrays = _load(path)
    _check(path, arrays)
    joints = tuple(str(word) for word in arrays.get("joint", KINECT_JOINTS))
    streams = []
    for i, (offset, length) in enumerate(zip(arrays["offset"], arrays["length"], strict=True)):
        part = slice(int(offset), int(offset) + int(length))
        labels = tuple(str(arrays["class_name"][k]) for k in arrays["frame_label"][part])
        subject = int(arrays["subject"][i])
        streams.append(StreamArrays(f"stream{i:02d}", subject, arrays["frames"][part], joints, labels))
    return streams


def _load(path: Path) -> Mapping[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as data:
            return {key: data[key] for key in data.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # NumPy, zipfile and zlib raise whatever they stumble over first
        raise ValueError(f"{path} cannot be read ({error!r}); copy it again") from error


def _check(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    if missing := [key for key in _NEEDED if key not in arrays]:
        raise ValueError(f"{path} holds no streams: it lacks {missing}; it has {sorted(arrays)}")
    for key, kind in _NEEDED.items():
        if arrays[key].dtype.kind not in kind:
            raise ValueError(f"{path}: {key} holds {arrays[key].dtype}; write the file again")
    frames, labels = arrays["frames"], arrays["frame_label"]
    joints = len(arrays.get("joint", KINECT_JOINTS))
    if frames.ndim != 3 or frames.shape[1:] != (joints, 3) or labels.shape != frames.shape[:1]:
        shapes = f"frames have shape {frames.shape} and frame_label {labels.shape}"
        raise ValueError(f"{path}: {shapes}, not [T, {joints}, 3] and [T]; write the file again")
    per_stream = [arrays[key].shape for key in ("offset", "length", "subject")]
    if len(set(per_stream)) > 1 or len(per_stream[0]) != 1:
        raise ValueError(f"{path}: offset, length and subject have shapes {per_stream}; give one of each per stream")
    offset, length = (arrays[key].astype(np.int64) for key in ("offset", "length"))
    _refuse(path, "offset", offset, offset < 0, "0 or more")
    _refuse(path, "length", length, length < 1, "1 or more")
    _refuse(path, "offset + length", offset + length, offset + length > len(frames), f"at most {len(frames)}")
    classes = arrays["class_name"].size
    _refuse(path, "frame_label", labels, (labels < 0) | (labels >= classes), f"0 to {classes - 1}")


def _refuse(path: Path, key: str, values: NDArray[Any], wrong: NDArray[np.bool_], allowed: str) -> None:
    if wrong.any():
        first = int(wrong.argmax())
        raise ValueError(f"{path}: {key}[{first}] is {values[first].item()!r}, not {allowed}; write the file again")


def _skeletons(pose: FloatArray, layout: SkeletonLayout) -> tuple[Skeleton, ...]:
    """The person of one frame; nobody where all joints lie at the origin."""
    seen = np.isfinite(pose).all(-1) & (np.abs(pose).sum(-1) > 0)
    if not seen.any():
        return ()
    positions = np.where(seen[:, None], pose * np.asarray(TO_OPTICAL, np.float32), np.nan)
    return (Skeleton(layout, positions, seen.astype(np.float32)),)
