"""The rooms of ``csre_ros/ros`` point one way: no circle of imports, neither of rooms nor of modules."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "csre_ros.ros"
ROOT = Path(__file__).parents[2]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "csre_ros" / "ros").rglob("*.py"))
}
# room -> the rooms that it may import; what lies beside the rooms is for all of them
ALLOWED: dict[str, set[str]] = {
    "readers": set(),
    "inputs": {"readers"},
    "outputs": set(),
    "node": {"inputs", "outputs", "readers"},
}


def imported(path: Path) -> set[str]:
    """Modules of the package that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (named & MODULES.keys()) or {node.module}
    return found & MODULES.keys()


def room(module: str) -> str:
    """The folder that a module lies in, or its own name where it lies in none."""
    return module.removeprefix(f"{PACKAGE}.").split(".")[0]


def circle(edges: Iterable[tuple[str, str]]) -> list[str]:
    """A circle among edges; empty where there is none."""
    graph = TopologicalSorter[str]()
    for start, end in edges:
        graph.add(start, end)
    try:
        graph.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


EDGES = [(module, target) for module, path in MODULES.items() for target in imported(path) if target != PACKAGE]


def test_modules_stand_on_each_other_in_no_circle() -> None:
    assert len(EDGES) > 50
    assert circle(EDGES) == []


def test_rooms_stand_on_each_other_in_no_circle() -> None:
    assert circle((room(start), room(end)) for start, end in EDGES if room(start) != room(end)) == []


@pytest.mark.parametrize("name", ALLOWED)
def test_a_room_imports_only_what_it_may(name: str) -> None:
    used = {room(end) for start, end in EDGES if room(start) == name} & ALLOWED.keys()
    assert used - {name} <= ALLOWED[name]


def test_no_input_shares_its_name_with_an_output_or_a_reader() -> None:
    names = [path.stem for module, path in MODULES.items() if room(module) in ALLOWED and path.stem != "__init__"]
    assert len(names) == len(set(names)), sorted(names)


def test_a_circle_is_found() -> None:
    assert set(circle([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])) == {"a", "b", "c"}
