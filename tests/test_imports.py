"""Imports point one way, in the whole tree, wherever in a file they stand."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASE = {"foreign_text", "image_size", "inference", "options", "timing", "worker"}
# part of csre_ros -> the parts that it may import besides itself
ALLOWED = {
    "foreign_text": set(),
    "image_size": set(),
    "options": {"foreign_text"},
    "inference": {"foreign_text"},
    "timing": set(),
    "worker": set(),
    "skeleton": {"foreign_text"},
    "evaluation": set(),
    "overlay": {"skeleton"},
    "recognition": {"skeleton", *BASE},
    "sources": {"skeleton", *BASE},
    "pose": {"skeleton", *BASE},
    "recordings": {"sources", "pose", "skeleton", *BASE},
    "pipeline": {"recognition", "sources", "pose", "skeleton", *BASE},
    "ros": {"overlay", "pipeline", "recordings", "recognition", "sources", "pose", "skeleton", *BASE},
    "app": {
        "ros",
        "evaluation",
        "overlay",
        "pipeline",
        "recordings",
        "recognition",
        "sources",
        "pose",
        "skeleton",
        *BASE,
    },
}
# room of the trainer -> the rooms that it may import besides itself
TRAINER_ROOMS = {
    "data": set(),
    "encoders": set(),
    "csre": set(),
    "network": {"encoders"},
    "training": {"network", "encoders", "csre", "data"},
    "experiments": {"training", "network", "encoders", "csre", "data"},
    "export": {"training", "network", "encoders", "csre", "data"},
}
# package -> the one part of csre_ros that may import it; ROS message packages count as rclpy
OWNED = {
    "mediapipe": "pose",
    "rclpy": "ros",
    "builtin_interfaces": "ros",
    "diagnostic_msgs": "ros",
    "geometry_msgs": "ros",
    "lifecycle_msgs": "ros",
    "rcl_interfaces": "ros",
    "sensor_msgs": "ros",
    "std_msgs": "ros",
    "std_srvs": "ros",
    "visualization_msgs": "ros",
}
# The trainer writes bundles and recordings, cuts windows and measures streams as the runtime does; it does not reach
# into the rest of the runtime.
ALLOWED_TO_MODELS = (
    "csre_ros.skeleton",
    "csre_ros.recognition.bundle",
    "csre_ros.recognition.bundle_info",
    "csre_ros.recognition.window",
    "csre_ros.evaluation",
    "csre_ros.sources.recording_writer",
    "csre_ros.sources.stream_arrays",
)


def modules(folder: str) -> dict[str, Path]:
    """Dotted names and files of a package."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported(path: Path) -> Iterator[str]:
    """Everything a file imports, as dotted names; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively; write the whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


RUNTIME, TRAINER = modules("csre_ros"), modules("models")


def test_the_table_names_every_part() -> None:
    assert {name.split(".")[1] for name in RUNTIME if "." in name} - {"__init__"} == set(ALLOWED)
    rooms = {path.parent.name for path in TRAINER.values()} - {"models", "official"}
    assert rooms == set(TRAINER_ROOMS)


@pytest.mark.parametrize("name", sorted(RUNTIME))
def test_runtime_module(name: str) -> None:
    part = name.split(".")[1] if "." in name else None
    for target in imported(RUNTIME[name]):
        package, *rest = target.split(".")
        assert package not in ("models", "torch", "lightning", "onnx"), f"{name} imports {target}: the trainer's own"
        assert OWNED.get(package, part) == part, f"{name} imports {target}: only csre_ros.{OWNED[package]} may"
        if package == "csre_ros" and rest and rest[0] in ALLOWED:
            assert part is not None, f"{name} imports {target}: importing csre_ros must stay cheap"
            assert rest[0] in {part, *ALLOWED[part]}, f"{name} imports {target}: imports point the other way"


@pytest.mark.parametrize("name", sorted(TRAINER))
def test_trainer_module(name: str) -> None:
    room = name.split(".")[1] if "." in name else None
    for target in imported(TRAINER[name]):
        package, _, rest = target.partition(".")
        if package == "models" and room in TRAINER_ROOMS:
            allowed_rooms = {room, *TRAINER_ROOMS[room]}
            assert rest.split(".")[0] in allowed_rooms, f"{name} imports {target}: imports point the other way"
        if target.split(".")[0] == "csre_ros":
            allowed = any(f"{target}.".startswith(f"{prefix}.") for prefix in ALLOWED_TO_MODELS)
            assert allowed, f"{name} imports {target}; allowed: {', '.join(ALLOWED_TO_MODELS)}"
        assert target.split(".")[0] not in OWNED, f"{name} imports {target}"


def test_the_rule_catches_a_wrong_import(tmp_path: Path) -> None:
    """The scanner sees imports inside functions, under an alias, and of several names."""
    path = tmp_path / "bad.py"
    path.write_text(
        "import a.b as c\ndef f():\n    from csre_ros.ros import node, inputs\n    import rclpy.node, torch\n"
    )
    assert sorted(imported(path)) == ["a.b", "csre_ros.ros.inputs", "csre_ros.ros.node", "rclpy.node", "torch"]


@pytest.mark.parametrize("name", ["csre_ros.recognition", "csre_ros.skeleton", "csre_ros.pipeline", "csre_ros.sources"])
def test_importing_stays_cheap(name: str) -> None:
    """What a part may need one day is imported on that day."""
    heavy = ("torch", "rclpy", "mediapipe", "onnxruntime", "cv2")
    code = f"import sys, {name}; print([package for package in {heavy} if package in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
