"""The model file of MediaPipe's pose landmarker, made from what the mediapipe package already carries.

The Tasks API wants one ``.task`` file: a zip of two ``.tflite`` models with metadata. The wheel has both models but not
that file, so it is assembled once and kept in the user's cache. Its name ends in the digest of its content: a damaged
file does not match its own name and is made again, and two processes that make it at once write the same bytes.
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

logger = logging.getLogger(__name__)

DETECTOR, LANDMARKS = "pose_detector.tflite", "pose_landmarks_detector.tflite"
"""Members of a pose landmarker ``.task``."""

# Member, model inside the wheel, and how its input is normalised: (pixel - mean) / std.
_WHEEL_MODELS = (
    (DETECTOR, "modules/pose_detection/pose_detection.tflite", 127.5, 127.5),
    (LANDMARKS, "modules/pose_landmark/pose_landmark_full.tflite", 0.0, 255.0),
)
_DIGEST_LENGTH = 16
_INSTALL = "pip install 'csre_ros[mediapipe]'"


def load_landmarker_task(model: str = "") -> bytes:
    """Content of a verified ``.task`` file.

    Args:
        model: Path of the user's own file; empty for the one assembled from the mediapipe package.

    Raises:
        OSError: The user's file cannot be read, or the installed mediapipe carries no pose models.
        ValueError: The user's file is no pose landmarker, or damaged.
        ModuleNotFoundError: mediapipe is not installed.
    """
    if model:
        return _read_user_task(user_path(model))
    mediapipe = import_mediapipe()
    stem = f"pose_landmarker_full-{mediapipe.__version__}"
    cached = _read_cached(stem)
    if cached is not None:
        return cached
    content = _assemble(Path(str(mediapipe.__file__)).parent, mediapipe.__version__)
    _store(content, stem)
    return content


def import_mediapipe() -> ModuleType:
    """The mediapipe module.

    Raises:
        ModuleNotFoundError: It is not installed; the text names the command that installs it.
    """
    # Read by the native library when it is loaded: keeps informative lines off standard error.
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
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


def _assemble(package: Path, version: str) -> bytes:
    """Zip the wheel's models as the Tasks API expects them: uncompressed, with metadata of the image input."""
    if absent := [name for _, name, _, _ in _WHEEL_MODELS if not (package / name).is_file()]:
        raise FileNotFoundError(
            f"mediapipe {version} does not carry {', '.join(absent)}: install a release that does ({_INSTALL}) "
            "or name a pose landmarker .task file"
        )
    from mediapipe.tasks.python.metadata.metadata_writers.metadata_writer import MetadataWriter

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for member, name, mean, std in _WHEEL_MODELS:
            writer = MetadataWriter.create(bytearray((package / name).read_bytes()))
            writer.add_general_info(Path(name).stem)
            writer.add_image_input([mean], [std])
            model, _ = writer.populate()
            # ZipInfo without a date: the same bytes on every machine and at every time.
            archive.writestr(zipfile.ZipInfo(member), bytes(model))
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
