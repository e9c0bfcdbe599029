"""``csre doctor``: what is installed, what works, and what to do about the rest; one line each."""

from __future__ import annotations

import glob
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module, metadata

from rich.text import Text

from csre_ros import __version__
from csre_ros.app.screen.terminal import results
from csre_ros.pose.landmarker_task import load_landmarker_task
from csre_ros.recognition import Bundle
from csre_ros.recognition.bundle import shipped_bundles

_FINE, _BROKEN, _MISSING = Text("ok  ", "green"), Text("FAIL", "red"), Text("--  ", "yellow")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        what: What was looked at.
        fine: It works.
        text: Version, figure or reason.
        needed: The runtime cannot work without it.
    """

    what: str
    fine: bool
    text: str
    needed: bool = False


def _package(module: str, distribution: str, remedy: str, needed: bool = False) -> Finding:
    try:
        import_module(module)
        return Finding(module, True, metadata.version(distribution), needed)
    except metadata.PackageNotFoundError:
        return Finding(module, True, "from outside this environment", needed)
    except ImportError as error:
        return Finding(module, False, f"{error}; {remedy}", needed)


def _packages() -> Iterator[Finding]:
    yield Finding("csre_ros", True, f"{__version__}, Python {platform.python_version()}, {platform.machine()}")
    yield _package("numpy", "numpy", "pip install csre_ros", needed=True)
    runtime = "onnxruntime-gpu" if _installed("onnxruntime-gpu") else "onnxruntime"
    yield _package("onnxruntime", runtime, "pip install 'csre_ros[cpu]' or 'csre_ros[gpu]'", needed=True)
    yield _package("mediapipe", "mediapipe", "only needed for images: pip install 'csre_ros[mediapipe]'")
    yield _package("cv2", "opencv-contrib-python", "comes with pip install 'csre_ros[mediapipe]'")
    yield _package("rclpy", "ros-rclpy", "source a ROS 2 distribution, or pip install 'csre_ros[ros]'")


def _installed(distribution: str) -> bool:
    try:
        return bool(metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return False


def _pose() -> Iterator[Finding]:
    """Whether people are found in images: a package alone does not find them."""
    try:
        task = load_landmarker_task()
    except ImportError:
        return  # said above
    except FileNotFoundError:
        yield Finding("pose", False, "no model yet, run `csre pose-model`")
        return
    yield Finding("pose", True, f"model full, {len(task) / 1e6:.1f} MB")


def _opencv() -> Iterator[Finding]:
    """Two builds of OpenCV share one folder, and the one installed last has written over files of the other."""
    builds = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
    found = [f"{build} {metadata.version(build)}" for build in builds if _installed(build)]
    if len(found) > 1:
        keep = "pip uninstall all of them, then pip install --force-reinstall opencv-contrib-python"
        yield Finding("opencv", False, f"several builds in one place: {', '.join(found)}; {keep}")


def _providers() -> Iterator[Finding]:
    import onnxruntime

    names = [name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers()]
    yield Finding("providers", "CPU" in names, ", ".join(names), needed=True)


def _bundles() -> Iterator[Finding]:
    infos = shipped_bundles()
    if not infos:
        yield Finding("bundles", False, "none shipped; give one with --bundle FILE", needed=True)
    for name in infos:
        try:
            info = Bundle.load(name, "cpu").info
            yield Finding(f"bundle {name}", True, f"{info.name}, {len(info.labels)} labels, {info.digest[:12]}")
        except ValueError as error:
            yield Finding(f"bundle {name}", False, str(error), needed=True)


def _camera() -> Iterator[Finding]:
    devices = sorted(glob.glob("/dev/video*"))
    text = ", ".join(devices) if devices else "no /dev/video*; recordings, files and topics work without"
    yield Finding("camera", bool(devices), text)


def findings() -> list[Finding]:
    """Everything that ``csre doctor`` looks at; a check that itself fails is a finding too."""
    found: list[Finding] = []
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (_packages, _opencv, _pose, _providers, _bundles, _camera)
    for check in checks:
        try:
            found += check()
        except Exception as error:
            found.append(Finding(check.__name__.strip("_"), False, f"{type(error).__name__}: {error}", needed=True))
    return found


def run() -> int:
    """Print the findings.

    Returns:
        1 where something needed is broken, else 0.
    """
    found = findings()
    width = max(len(finding.what) for finding in found)
    for finding in found:
        mark = _FINE if finding.fine else (_BROKEN if finding.needed else _MISSING)
        results.print(mark, f"{finding.what:<{width}}  {finding.text}")
    return int(any(finding.needed and not finding.fine for finding in found))
