"""The model files of MediaPipe's pose landmarker, made from the models that MediaPipe publishes.

The Tasks API wants one ``.task`` file: a zip of two ``.tflite`` models with metadata. The wheel carries the models of
size ``full`` but not that file, so it is assembled once, without the segmentation that nobody reads, and kept in the
user's cache. Its name ends in the digest of its content: a damaged file does not match its own name and is made again,
and two processes that make it at once write the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType

from csre_ros.foreign_text import sentence
from csre_ros.paths import user_path
from csre_ros.pose.lean_import import without_plots_and_sound
from csre_ros.pose.settings import MODELS
from csre_ros.pose.tflite import with_filled_outputs, with_image_input, without_segmentation

logger = logging.getLogger(__name__)

DETECTOR, LANDMARKS = "pose_detector.tflite", "pose_landmarks_detector.tflite"
"""Members of a pose landmarker ``.task``."""

_RECIPE = 3  # how files are assembled; another number for another way, so that no file of the old one is used
_DETECTOR_MODEL, _LANDMARK_MODEL = "pose_detection", "pose_landmark_{size}"
_DIGEST_LENGTH = 16
_INSTALL = "pip install 'csre_ros[mediapipe]'"


def load_landmarker_task(model: str = "full") -> bytes:
    """Content of a verified ``.task`` file.

    Args:
        model: One of :data:`MODELS`, or the path of the user's own file; empty for ``full``.

    Raises:
        OSError: The user's file cannot be read, or models of that size are neither kept nor installed.
        ValueError: The user's file is no pose landmarker, or damaged.
        ModuleNotFoundError: mediapipe is not installed.
    """
    model = model or "full"
    if model not in MODELS:
        return _read_user_task(user_path(model))
    cached = _read_cached(_stem(model))
    if cached is not None:
        return cached
    mediapipe = import_mediapipe()
    return keep_task(model, *_installed_models(Path(str(mediapipe.__file__)).parent, mediapipe.__version__, model))


def keep_task(size: str, detector: bytes, landmarks: bytes) -> bytes:
    """Assemble a ``.task`` file from MediaPipe's own models, and keep it in the cache for :func:`load_landmarker_task`.

    Args:
        size: One of :data:`MODELS`.
        detector: Content of ``pose_detection.tflite``.
        landmarks: Content of ``pose_landmark_SIZE.tflite``.

    Returns:
        The file: the same bytes on every machine and at every time.

    Raises:
        ModuleNotFoundError: mediapipe is not installed; its schemas are needed to read models.
    """
    import_mediapipe()
    content = _zipped(
        with_image_input(detector, _DETECTOR_MODEL, mean=127.5, std=127.5),
        with_image_input(without_segmentation(landmarks), _LANDMARK_MODEL.format(size=size), mean=0.0, std=255.0),
    )
    _store(content, _stem(size))
    return content


def detector_alone(task: bytes) -> bytes:
    """The ``.task`` of a landmarker that finds people as that of ``task`` does, and knows no joints."""
    with zipfile.ZipFile(io.BytesIO(task)) as archive:
        # Presence is among the outputs: everybody whom the detector finds is there.
        return _zipped(archive.read(DETECTOR), with_filled_outputs(archive.read(LANDMARKS), 1.0))


def import_mediapipe() -> ModuleType:
    """The mediapipe module.

    Raises:
        ModuleNotFoundError: It is not installed; the text names the command that installs it.
    """
    # Read by the native library when it is loaded: keeps informative lines off standard error.
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with without_plots_and_sound():
            import mediapipe
    except ModuleNotFoundError as error:
        if error.name != "mediapipe":
            raise
        raise ModuleNotFoundError(f"finding people in images needs mediapipe: {_INSTALL}", name="mediapipe") from None
    return mediapipe  # type: ignore[no-any-return]


def cache_folder() -> Path:
    """Where derived files of this package live: ``$XDG_CACHE_HOME/csre_ros``, by default ``~/.cache/csre_ros``."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path("~/.cache").expanduser()) / "csre_ros"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]


def _read_cached(stem: str) -> bytes | None:
    for path in sorted(cache_folder().glob(f"{stem}-*.task")):
        try:
            content = path.read_bytes()
        except OSError as error:
            logger.warning("cannot read %s (%s); the pose model is assembled again", path, error.strerror)
            continue
        if path.stem == f"{stem}-{_digest(content)}":
            return content
        logger.warning("%s is damaged; the pose model is assembled again", path)
    return None


def _store(content: bytes, stem: str) -> None:
    """Keep the file for the next start; without a writable cache it is assembled every time."""
    path = cache_folder() / f"{stem}-{_digest(content)}.task"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        logger.warning("cannot keep the pose model in %s (%s); set XDG_CACHE_HOME", path.parent, error.strerror)


def _stem(size: str) -> str:
    return f"pose_landmarker_{size}-{_RECIPE}"


def _installed_models(package: Path, version: str, size: str) -> tuple[bytes, bytes]:
    """Detector and landmark model out of the mediapipe package."""
    folders = {_DETECTOR_MODEL: "pose_detection", _LANDMARK_MODEL.format(size=size): "pose_landmark"}
    paths = [package / "modules" / folder / f"{name}.tflite" for name, folder in folders.items()]
    if absent := [path.name for path in paths if not path.is_file()]:
        raise FileNotFoundError(
            f"the pose model {size!r} is not here, and mediapipe {version} does not carry {', '.join(absent)}: "
            f"get it once with `csre pose-model {size}`, or name a pose landmarker .task file"
        )
    detector, landmarks = (path.read_bytes() for path in paths)
    return detector, landmarks


def _zipped(detector: bytes, landmarks: bytes) -> bytes:
    """The models as the Tasks API expects them: uncompressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for member, content in ((DETECTOR, detector), (LANDMARKS, landmarks)):
            archive.writestr(zipfile.ZipInfo(member), content)  # without a date
    return buffer.getvalue()


def _read_user_task(path: Path) -> bytes:
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename: info.compress_type for info in archive.infolist()}
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError(
            f"{path} ({len(content)} bytes) is no MediaPipe .task file: {sentence(error)}; "
            f"expected a zip of {DETECTOR} and {LANDMARKS}"
        ) from error
    if damaged is not None:
        raise ValueError(f"{path} is damaged: the checksum of its member {damaged} is wrong; fetch the file again")
    if absent := [member for member in (DETECTOR, LANDMARKS) if member not in members]:
        raise ValueError(
            f"{path} is no pose landmarker: it holds {', '.join(sorted(members)) or 'nothing'} "
            f"but not {', '.join(absent)}"
        )
    if packed := [member for member in (DETECTOR, LANDMARKS) if members[member] != zipfile.ZIP_STORED]:
        raise ValueError(f"{path} compresses {', '.join(packed)}; MediaPipe needs them stored uncompressed (zip -0)")
    return content
