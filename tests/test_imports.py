"""Imports point one way and never in a circle, in the whole tree, wherever in a file they stand.

    python tests/test_imports.py [CHECKOUT]     rooms and arrows between them

What may import what stands in docs/rooms.yaml, from which the tables of docs/developer.md are made.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = ("csre_ros", "models")
HOUSES: dict[str, dict[str, set[str]]] = {
    house: {room: set(line["imports"]) for room, line in rooms.items()}
    for house, rooms in yaml.safe_load((ROOT / "docs" / "rooms.yaml").read_text(encoding="utf-8")).items()
}
"""Package with rooms -> room -> the rooms of the same package that it may import besides itself."""
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
"""Package -> the one room of csre_ros that may import it; ROS message packages count as rclpy."""
ALLOWED_TO_MODELS = (
    "csre_ros.skeleton",
    "csre_ros.recognition.bundle",
    "csre_ros.recognition.bundle_info",
    "csre_ros.recognition.encoder",
    "csre_ros.recognition.frame_decoder",
    "csre_ros.recognition.open_set",
    "csre_ros.recognition.settings",
    "csre_ros.recognition.stream_decoder",
    "csre_ros.recognition.taught",
    "csre_ros.recognition.window",
    "csre_ros.evaluation",
    "csre_ros.sources.recording",
    "csre_ros.sources.recording_writer",
    "csre_ros.sources.stream_arrays",
    "csre_ros.teaching",
)
"""The trainer writes bundles and recordings, cuts windows and measures streams and galleries as the runtime does; it
does not reach into the rest of the runtime."""
_ENTRY_POINT = re.compile(r"([a-z]\w*(?:\.\w+)+):(\w+)")

Graph = Mapping[str, Set[str]]


def modules(root: Path, package: str) -> dict[str, Path]:
    """Dotted names and files of a package."""
    paths = sorted((root / package).rglob("*.py"))
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported(path: Path) -> Iterator[str]:
    """Everything a file imports, as dotted names; ``from a import b`` gives ``a.b``, and so does ``"a:b"``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively; write the whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and (found := _ENTRY_POINT.fullmatch(str(node.value))):
            yield ".".join(found.groups())


def file_graph(root: Path) -> dict[str, set[str]]:
    """Module -> the modules of the project that it imports by name."""
    files = {name: path for package in PACKAGES for name, path in modules(root, package).items()}

    def module(target: str) -> str:
        while target and target not in files:
            target = target.rpartition(".")[0]
        return target

    return {name: {module(target) for target in imported(path)} - {"", name} for name, path in files.items()}


def room_of(module: str, house: str) -> str | None:
    """The room of a house in which a module lies; None outside the house and for its ``__init__``.

    >>> room_of("csre_ros.ros.node.stream", "csre_ros"), room_of("csre_ros.ros.node.stream", "csre_ros.ros")
    ('ros', 'node')
    """
    return module.removeprefix(f"{house}.").split(".")[0] if module.startswith(f"{house}.") else None


def room_graph(files: Graph, house: str) -> dict[str, set[str]]:
    """Room of a house -> the other rooms of the house that it imports; its arrows."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for module, targets in files.items():
        if room := room_of(module, house):
            rooms[room] |= {found for target in targets if (found := room_of(target, house))} - {room}
    return dict(rooms)


def circle(graph: Graph) -> list[str]:
    """One circle of a graph, closed; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


FILES = file_graph(ROOT)
RUNTIME, TRAINER = (modules(ROOT, package) for package in PACKAGES)


@pytest.mark.parametrize("house", HOUSES)
def test_the_table_names_every_room_and_its_arrows_go_down(house: str) -> None:
    assert set(HOUSES[house]) == set(room_graph(FILES, house))
    above: set[str] = set(HOUSES[house])
    for room, allowed in reversed(HOUSES[house].items()):
        above.remove(room)
        assert allowed <= above, f"{house}: {room} may import {allowed - above}, which stands below it in rooms.yaml"


@pytest.mark.parametrize("house", HOUSES)
def test_rooms_import_only_what_the_table_allows(house: str) -> None:
    for module, targets in FILES.items():
        room = room_of(module, house)
        for target in targets:
            other = room_of(target, house)
            if room and other and room != other:
                assert other in HOUSES[house][room], f"{module} imports {target}: imports point the other way"
    assert not circle(room_graph(FILES, house))


def test_no_files_import_each_other_in_a_circle() -> None:
    assert not circle(FILES)


@pytest.mark.parametrize("name", sorted(RUNTIME))
def test_runtime_module(name: str) -> None:
    room = room_of(name, "csre_ros")
    for target in imported(RUNTIME[name]):
        package = target.split(".")[0]
        assert package not in ("models", "torch", "lightning", "onnx"), f"{name} imports {target}: the trainer's own"
        assert OWNED.get(package, room) == room, f"{name} imports {target}: only csre_ros.{OWNED[package]} may"
        assert room is not None or package != "csre_ros", f"{name} imports {target}: importing csre_ros must stay cheap"


@pytest.mark.parametrize("name", sorted(TRAINER))
def test_trainer_module(name: str) -> None:
    for target in imported(TRAINER[name]):
        if target.split(".")[0] == "csre_ros":
            allowed = any(f"{target}.".startswith(f"{prefix}.") for prefix in ALLOWED_TO_MODELS)
            assert allowed, f"{name} imports {target}; allowed: {', '.join(ALLOWED_TO_MODELS)}"
        assert target.split(".")[0] not in OWNED, f"{name} imports {target}"


def test_the_rule_catches_a_wrong_import(tmp_path: Path) -> None:
    """The scanner sees imports inside functions, under an alias, of several names, and as entry points."""
    path = tmp_path / "bad.py"
    path.write_text(
        "import a.b as c\ndef f():\n    from csre_ros.ros import node, inputs\n    import rclpy.node, torch\n"
        'x = "d.e:f"\n'
    )
    assert sorted(imported(path)) == ["a.b", "csre_ros.ros.inputs", "csre_ros.ros.node", "d.e.f", "rclpy.node", "torch"]


def test_the_rule_catches_a_circle(tmp_path: Path) -> None:
    """Of files; and of rooms whose files form none."""
    texts = {
        "__init__": "",
        "a/one": "from csre_ros.b import two",
        "b/two": "def f():\n    import csre_ros.c",
        "c": "from csre_ros.a.one import f",
        "a/three": "",
        "d": "import csre_ros.a.three",
        "a/four": "from csre_ros.d import x",
    }
    for name, text in texts.items():
        path = tmp_path / "csre_ros" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    files = file_graph(tmp_path)
    assert set(circle(files)) == {"csre_ros.a.one", "csre_ros.b.two", "csre_ros.c"}
    for name in ("one", "b.two", "c"):
        files.pop(f"csre_ros.{name}", None)
    del files["csre_ros.a.one"]
    assert not circle(files)
    assert set(circle(room_graph(files, "csre_ros"))) == {"a", "d"}


@pytest.mark.parametrize(
    "name", ["csre_ros.app.main", "csre_ros.recognition", "csre_ros.skeleton", "csre_ros.pipeline", "csre_ros.sources"]
)
def test_importing_stays_cheap(name: str) -> None:
    """What a part may need one day is imported on that day."""
    heavy = ("torch", "rclpy", "mediapipe", "onnxruntime", "cv2")
    code = f"import sys, {name}; print([package for package in {heavy} if package in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


if __name__ == "__main__":
    checkout = file_graph(Path(sys.argv[1]) if sys.argv[1:] else ROOT)
    for counted in HOUSES:
        arrows = room_graph(checkout, counted)
        sys.stdout.write(f"{counted}: {len(arrows)} rooms, {sum(map(len, arrows.values()))} arrows\n")
        if found := circle(arrows):
            sys.stdout.write(f"  circle: {' -> '.join(found)}\n")
