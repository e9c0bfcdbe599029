"""People in images by MediaPipe's pose landmarker: 33 landmarks each, in metres, several people at once."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from csre_ros.foreign_text import sentence
from csre_ros.image_size import check_size
from csre_ros.pose.landmarker_task import detector_alone, import_mediapipe, load_landmarker_task
from csre_ros.pose.model_memory import ModelFile, give_back
from csre_ros.pose.native_log import native_chatter_hidden
from csre_ros.pose.placement import place, viewing_rays
from csre_ros.pose.settings import PoseConfig
from csre_ros.skeleton import Frame, Skeleton, SkeletonLayout, get_layout

_Pose = tuple[list[Any], list[Any]]
"""World landmarks of a person, and landmarks in the image."""

_JUMP_NS = 1_000_000_000
"""A stamp that goes back further than this belongs to another recording: the people of the last one are forgotten."""
_SEARCH_MS, _AGAIN_MS = 700, 300
"""How often a picture is searched for people besides those who are followed, and how soon again after a false hope."""
_SPARE_MS = 5000
"""For how long after the last false hope the landmarker that was made for it is kept: it holds 60 MB."""
_GONE_MS = 500
"""For how long somebody must be missing before fewer people are followed."""
_SAME_ROI = 0.7
"""Overlap (intersection over union) from which MediaPipe takes two squares around people for one. Its default of 0.5
loses people who stand close together."""
_SAME_PERSON = 0.1
"""Mean distance of the joints, as a share of the body, under which two poses are of one person."""


class MediaPipePose:
    """Pose estimator on MediaPipe Tasks in video mode: people are followed from frame to frame.

    The pose is MediaPipe's world landmarks as they are: metres, camera-optical axes, confidence = visibility. The
    person as a whole is then placed in camera coordinates, see :mod:`csre_ros.pose.placement`.

    A landmarker that looks for more people than there are neither smooths nor skips its detector, which doubles jitter
    and cost. So it looks for as many as are in view. Whether there are more is asked of the detector alone, every
    0.7 s and with half of the confidence, on a thread of its own: the answer is for the next image, so that no image
    waits for two models. When it sees more, and a landmarker for so many finds them, that one takes over. Two people
    who overlap in the image for the most part may be taken for one.

    Args:
        config: Settings; the model is loaded here.

    Raises:
        ModuleNotFoundError: mediapipe is not installed.
        OSError: The model file cannot be read.
        ValueError: The model file is damaged or no pose landmarker.
    """

    layout: ClassVar[SkeletonLayout] = get_layout("mediapipe33")
    _stamp_ns: int
    _native_ms: int

    def __init__(self, config: PoseConfig | None = None) -> None:
        self.config = config or PoseConfig()
        self._mediapipe = import_mediapipe()
        task = load_landmarker_task(self.config.model)
        self._model = ModelFile(task)
        self._detector_model = ModelFile(self._detector_of(task)) if self.config.max_people > 1 else None
        # By how many people they look for: as many as are in view and, once the detector saw more, as many as it saw.
        self._landmarkers: dict[int, Any] = {}
        self._detector: Any = None
        self._looker: ThreadPoolExecutor | None = None
        self._seen: Future[int] | None = None
        self.reset()

    def step(self, image: NDArray[np.uint8], stamp_ns: int, frame_id: str) -> Frame:
        """Find the people in an image.

        A stamp that repeats or goes back a little is processed as the next millisecond; one that goes back by more than
        a second also forgets the people. The frame always carries the stamp as given.

        Args:
            image: ``[H, W, 3]`` uint8 BGR.
            stamp_ns: Capture stamp.
            frame_id: Camera-optical frame of the image.

        Returns:
            Skeletons of layout ``mediapipe33``, in no particular order, with ``image_points``.

        Raises:
            ValueError: The image is empty, too large, not uint8, or has no three channels.
        """
        import cv2  # comes with mediapipe

        _check(image)
        if not self._landmarkers or stamp_ns < self._stamp_ns - _JUMP_NS:
            self.reset()
        self._stamp_ns = stamp_ns
        self._native_ms = max(stamp_ns // 1_000_000, self._native_ms + 1)
        rgb = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2RGB)
        people = self._search(self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb))
        size = (image.shape[1], image.shape[0])
        return Frame(stamp_ns, frame_id, tuple(self._skeleton(world, points, size) for world, points in people))

    def reset(self) -> None:
        """Forget the people seen so far; the next stamp may be any.

        The landmarkers are made afresh, because MediaPipe has no other way to forget.
        """
        self._close_landmarkers()
        self._seen = None
        self._stamp_ns = 0
        self._native_ms = -1  # what MediaPipe was told last; it demands that this increases
        self._searched_ms = -_SEARCH_MS
        self._complete_ms = self._hoped_ms = 0
        self._found_somebody = False
        self._follow(1)

    def close(self) -> None:
        """Free the model; the next image loads it again."""
        self._close_landmarkers()
        self._seen = None
        if self._looker is not None:
            self._looker.shutdown()
            self._looker = None
        if self._detector is not None:
            _close(self._detector)
            self._detector = None

    def _close_landmarkers(self) -> None:
        for landmarker in self._landmarkers.values():
            _close(landmarker)
        self._landmarkers = {}

    def _search(self, image: Any) -> list[_Pose]:
        """The people in an image. Follows more of them, or fewer, from now on where that is needed."""
        now_ms, people = self._native_ms, self._people
        found = self._landmarks(image, people)
        seen, self._seen = self._seen, None
        if len(found) == people:
            self._complete_ms = now_ms
            if people < self.config.max_people and now_ms - self._searched_ms >= _SEARCH_MS:
                self._seen = self._count(image)
                if self._searched_ms < 0:  # of the first picture, whose answer takes long anyway, everybody is told
                    seen, self._seen = self._seen, None
                self._searched_ms = now_ms
                if now_ms - self._hoped_ms >= _SPARE_MS:
                    self._follow(people)
            if seen is not None and (number := seen.result()) > people:
                self._hoped_ms = now_ms
                if len(more := self._landmarks(image, number)) > people:
                    self._follow(len(more))
                    return more
                self._searched_ms += _AGAIN_MS - _SEARCH_MS
        elif people > 1 and now_ms - self._complete_ms >= _GONE_MS:
            self._follow(max(len(found), 1))
        return found

    def _follow(self, people: int) -> None:
        """Look for so many people from now on, and keep no landmarker for another number."""
        if people not in self._landmarkers:
            self._close_landmarkers()
            self._landmarkers[people] = self._make(people)
        for number in self._landmarkers.keys() - {people}:
            _close(self._landmarkers.pop(number))
        self._people, self._complete_ms = people, self._native_ms
        give_back()

    def _landmarks(self, image: Any, people: int) -> list[_Pose]:
        """Up to so many people, each once."""
        if people not in self._landmarkers:
            self._landmarkers[people] = self._make(people)
        # The first landmarks make the native library warn once more.
        with nullcontext() if self._found_somebody else native_chatter_hidden():
            result = self._landmarkers[people].detect_for_video(image, self._native_ms)
        self._found_somebody |= bool(result.pose_landmarks)
        found: list[_Pose] = []
        for world, points in zip(result.pose_world_landmarks, result.pose_landmarks, strict=True):
            if not any(_same_person(points, other) for _, other in found):
                found.append((world, points))
        return found

    def _count(self, image: Any) -> Future[int]:
        """How many people the detector sees, up to ``max_people``; it looks while others work."""

        def look() -> int:
            if self._detector is None:
                self._detector = self._make(self.config.max_people, detector=True)
                give_back()
            with nullcontext() if self._found_somebody else native_chatter_hidden():
                return len(self._detector.detect(image).pose_landmarks)

        if self._looker is None:
            self._looker = ThreadPoolExecutor(1, "company")
        return self._looker.submit(look)

    def _detector_of(self, task: bytes) -> bytes:
        try:
            return detector_alone(task)
        except ValueError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ValueError:
        return ValueError(f"MediaPipe cannot use the pose model {self.config.model}: {sentence(error)}")

    def _make(self, people: int, *, detector: bool = False) -> Any:
        from mediapipe.tasks.python import BaseOptions, vision

        confidence = self.config.min_confidence
        model = self._detector_model if detector else self._model
        assert model is not None
        options = vision.PoseLandmarkerOptions(
            base_options=BaseOptions(**model.asset),
            running_mode=vision.RunningMode.IMAGE if detector else vision.RunningMode.VIDEO,
            num_poses=people,
            min_pose_detection_confidence=confidence / 2 if detector else confidence,
            min_pose_presence_confidence=confidence,
            min_tracking_confidence=_SAME_ROI,
        )
        try:
            with native_chatter_hidden():
                return vision.PoseLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise self._unusable(error) from error

    def _skeleton(self, world: list[Any], points: list[Any], size: tuple[int, int]) -> Skeleton:
        body = np.array([(joint.x, joint.y, joint.z) for joint in world])
        visibility = np.clip([joint.visibility for joint in world], 0, 1)
        image_points = np.array([(joint.x, joint.y) for joint in points], np.float32)
        offset = place(body, viewing_rays(image_points, size, self.config.horizontal_fov_deg), visibility)
        return Skeleton(
            self.layout, (body + offset).astype(np.float32), visibility.astype(np.float32), image_points=image_points
        )


def _close(landmarker: Any) -> None:
    with native_chatter_hidden():
        landmarker.close()


def _same_person(points: list[Any], other: list[Any]) -> bool:
    """Whether two poses in an image are of one person: from either of two squares around somebody comes one."""
    one, two = (np.array([(joint.x, joint.y) for joint in each]) for each in (points, other))
    extent = np.maximum(np.ptp(one, axis=0), np.ptp(two, axis=0))
    return bool(np.abs((one - two) / np.where(extent > 0, extent, 1)).mean() < _SAME_PERSON)


def _check(image: NDArray[np.uint8]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(
            f"the image has shape {image.shape} and type {image.dtype}; "
            "pose estimation needs [H, W, 3] uint8 BGR with H and W of at least 1: convert it first"
        )
    check_size(image.shape[1], image.shape[0])
