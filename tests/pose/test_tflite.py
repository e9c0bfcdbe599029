"""Models with less in them: the same answers, bit by bit."""

from __future__ import annotations

import io
import itertools
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mediapipe", reason="needs mediapipe (extra 'mediapipe')")
import cv2
import mediapipe

from csre_ros.pose import landmarker_task, tflite
from csre_ros.pose.landmarker_task import load_landmarker_task
from csre_ros.pose.mediapipe_pose import MediaPipePose
from csre_ros.pose.settings import PoseConfig
from csre_ros.skeleton import Frame

MODELS = Path(mediapipe.__file__).parent / "modules"

pytestmark = pytest.mark.skipif(
    not (MODELS / "pose_landmark").exists(), reason="this release of mediapipe carries no model to cut"
)


@pytest.fixture(scope="module")
def detector() -> bytes:
    return (MODELS / "pose_detection" / "pose_detection.tflite").read_bytes()


@pytest.fixture(scope="module")
def landmarks() -> bytes:
    return (MODELS / "pose_landmark" / "pose_landmark_full.tflite").read_bytes()


def poses(model: str, clip: Path, count: int) -> list[Frame]:
    pose = MediaPipePose(PoseConfig(model=model, max_people=1))
    capture = cv2.VideoCapture(str(clip))
    images = itertools.takewhile(lambda image: image is not None, (capture.read()[1] for _ in range(count)))
    frames = [pose.step(image, i * 100_000_000, "camera") for i, image in enumerate(images)]
    pose.close()
    return frames


@pytest.mark.slow
def test_without_the_segmentation_all_landmarks_are_the_same_to_the_last_bit(
    shared_data, tmp_path, detector, landmarks
):
    whole = tmp_path / "whole.task"
    whole.write_bytes(
        landmarker_task._zipped(
            tflite.with_image_input(detector, "pose_detection", 127.5, 127.5),
            tflite.with_image_input(landmarks, "pose_landmark_full", 0.0, 255.0),
        )
    )
    compared = 0
    for clip in ("pose_squats", "wave", "stand", "pose_1"):
        path = shared_data / "video" / f"{clip}.mp4"
        for one, other in zip(poses(str(whole), path, 12), poses("full", path, 12), strict=True):
            for before, after in zip(one.skeletons, other.skeletons, strict=True):
                assert before.positions.tobytes() == after.positions.tobytes()
                assert before.confidence.tobytes() == after.confidence.tobytes()
                assert before.image_points.tobytes() == after.image_points.tobytes()
                compared += 1
    assert compared == 48


def test_what_only_the_segmentation_needs_is_cut(landmarks):
    model, graph = tflite._read(landmarks)
    cut_model, cut = tflite._read(tflite.without_segmentation(landmarks))
    assert (len(graph.operators), len(cut.operators)) == (332, 287)
    assert [list(cut.tensors[number].shape) for number in cut.outputs] == [
        [1, 195], [1, 1], [1, 1], [1, 64, 64, 39], [1, 117],
    ]  # fmt: skip
    size = [sum(len(buffer.data) for buffer in each.buffers if buffer.data is not None) for each in (model, cut_model)]
    assert size[1] < size[0]


def test_a_model_without_segmentation_stays_as_it_is(detector, landmarks):
    assert tflite.without_segmentation(detector) is detector
    cut = tflite.without_segmentation(landmarks)
    assert tflite.without_segmentation(cut) is cut


@pytest.mark.parametrize(
    "content", [b"", b"no model" * 9, b"\0\0\0\0TFL3" + bytes(range(256)), b"\x08\0\0\0TFL3" + bytes(64)]
)
def test_bytes_that_are_no_model_are_refused(content):
    with pytest.raises(ValueError, match=rf"a model of {len(content)} bytes is (no TensorFlow Lite model|damaged)"):
        tflite.without_segmentation(content)


def test_the_detector_alone_computes_no_landmarks():
    task = load_landmarker_task()
    alone = landmarker_task.detector_alone(task)
    assert len(alone) < len(task) / 2
    model, graph = tflite._read(_member(alone, landmarker_task.LANDMARKS))
    assert [list(operator.outputs) for operator in graph.operators] == [[number] for number in graph.outputs]
    for operator in graph.operators:
        shape, number = (np.asarray(model.buffers[graph.tensors[i].buffer].data, np.uint8) for i in operator.inputs)
        assert shape.view(np.int32).tolist() == list(graph.tensors[operator.outputs[0]].shape)
        assert number.view(np.float32).tolist() == [1.0]
    assert _member(alone, landmarker_task.DETECTOR) == _member(task, landmarker_task.DETECTOR)


def _member(task: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(task)) as archive:
        return archive.read(name)
