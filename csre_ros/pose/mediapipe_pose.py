"""People in images by MediaPipe's pose landmarker: 33 landmarks each, in metres, several people at once."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from csre_ros.foreign_text import sentence
from csre_ros.image_size import check_size
from csre_ros.pose.landmarker_task import import_mediapipe, load_landmarker_task
from csre_ros.pose.native_log import native_chatter_hidden
from csre_ros.pose.placement import place, viewing_rays
from csre_ros.pose.settings import PoseConfig
from csre_ros.skeleton import Frame, Skeleton, SkeletonLayout, get_layout

_JUMP_NS = 1_000_000_000
"""A stamp that goes back further than this belongs to another recording: the people of the last one are forgotten."""
_COMPANY_MS = 500
"""How often somebody alone is checked for company, and how long company must be gone before one is alone again."""


class MediaPipePose:
    """Pose estimator on MediaPipe Tasks in video mode: people are followed from frame to frame.

    The pose is MediaPipe's world landmarks as they are: metres, camera-optical axes, confidence = visibility. The
    person as a whole is then placed in camera coordinates, see :mod:`csre_ros.pose.placement`.

    A landmarker that looks for several people neither smooths nor skips its detector while it has found fewer, which
    doubles jitter and cost for somebody alone. So there are two: one for a single person, and one for ``max_people``
    that works alone while several people are in view and otherwise looks for company twice a second. Two people who
    overlap in the image may be taken for one.

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
        self._task = load_landmarker_task(self.config.model)
        self._landmarkers: dict[int, Any] = {}
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
        result = self._search(self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb))
        size = (image.shape[1], image.shape[0])
        people = zip(result.pose_world_landmarks, result.pose_landmarks, strict=True)
        return Frame(stamp_ns, frame_id, tuple(self._skeleton(world, points, size) for world, points in people))

    def reset(self) -> None:
        """Forget the people seen so far; the next stamp may be any.

        The landmarkers are made afresh, because MediaPipe has no other way to forget.
        """
        self.close()
        self._stamp_ns = 0
        self._native_ms = -1  # what MediaPipe was told last; it demands that this increases
        self._searched_ms = self._company_ms = -_COMPANY_MS
        self._found_somebody = False
        self._start()

    def close(self) -> None:
        """Free the model; the next image loads it again."""
        for landmarker in self._landmarkers.values():
            landmarker.close()
        self._landmarkers = {}

    def _start(self) -> None:
        from mediapipe.tasks.python import BaseOptions, vision

        confidence = self.config.min_confidence
        for people in {1, self.config.max_people}:
            options = vision.PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=self._task),
                running_mode=vision.RunningMode.VIDEO,
                num_poses=people,
                min_pose_detection_confidence=confidence,
                min_pose_presence_confidence=confidence,
                min_tracking_confidence=confidence,
            )
            try:
                with native_chatter_hidden():
                    self._landmarkers[people] = vision.PoseLandmarker.create_from_options(options)
            except (RuntimeError, ValueError) as error:
                model = self.config.model or "assembled from the mediapipe package"
                raise ValueError(f"MediaPipe cannot use the pose model {model}: {sentence(error)}") from error

    def _search(self, image: Any) -> Any:
        """The people in an image, by the landmarker that suits how many there are."""
        most = self.config.max_people
        in_company = self._native_ms - self._company_ms < _COMPANY_MS
        if most > 1 and (in_company or self._native_ms - self._searched_ms >= _COMPANY_MS):
            self._searched_ms = self._native_ms
            result = self._detect(image, most)
            if len(result.pose_landmarks) > 1:
                self._company_ms = self._native_ms
                return result
            if in_company:
                return result
        return self._detect(image, 1)

    def _detect(self, image: Any, people: int) -> Any:
        # The first landmarks make the native library warn once more.
        with nullcontext() if self._found_somebody else native_chatter_hidden():
            result = self._landmarkers[people].detect_for_video(image, self._native_ms)
        self._found_somebody |= bool(result.pose_landmarks)
        return result

    def _skeleton(self, world: list[Any], points: list[Any], size: tuple[int, int]) -> Skeleton:
        body = np.array([(joint.x, joint.y, joint.z) for joint in world])
        visibility = np.clip([joint.visibility for joint in world], 0, 1)
        image_points = np.array([(joint.x, joint.y) for joint in points], np.float32)
        offset = place(body, viewing_rays(image_points, size, self.config.horizontal_fov_deg), visibility)
        return Skeleton(
            self.layout, (body + offset).astype(np.float32), visibility.astype(np.float32), image_points=image_points
        )


def _check(image: NDArray[np.uint8]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(
            f"the image has shape {image.shape} and type {image.dtype}; "
            "pose estimation needs [H, W, 3] uint8 BGR with H and W of at least 1: convert it first"
        )
    check_size(image.shape[1], image.shape[0])
