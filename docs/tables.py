"""Write the tables of the documentation that follow from the code: parameters, layouts, JSON records, and the rooms.

    python docs/tables.py

Each stands between a line ``<!-- table: NAME -->`` and a line ``<!-- end of table -->``. A test keeps them current.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from csre_ros.ros.settings import options
from csre_ros.skeleton import LAYOUTS

DOCS = Path(__file__).resolve().parent
_BLOCK = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)


def _rows(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def parameters() -> str:
    """Every ROS parameter of the node."""

    def allowed(meta: Mapping[str, Any]) -> str:
        if meta["choices"]:
            return ", ".join(f"`{choice}`" for choice in meta["choices"])
        bounds = [meta["minimum"], meta["maximum"]]
        return "" if bounds == [None, None] else "..".join("" if bound is None else f"{bound:g}" for bound in bounds)

    return _rows(
        ("parameter", "default", "allowed", "changes", "meaning"),
        (
            (
                f"`{name}`",
                f"`{json.dumps(item.default)}`",
                allowed(item.metadata),
                _when(item.metadata),
                item.metadata["help"],
            )
            for name, item in options().items()
        ),
    )


def _when(meta: Mapping[str, Any]) -> str:
    """When a parameter changes."""
    if not meta["remote"]:
        return "at start"
    return "any time" if meta["dynamic"] else "while inactive"


def layouts() -> str:
    """Every joint convention."""
    return _rows(
        ("layout", "dimensions", "joints in order"),
        ((f"`{layout.name}`", str(layout.dims), ", ".join(layout.joints)) for layout in LAYOUTS.values()),
    )


def _rooms(house: str) -> str:
    """The rooms of a package as docs/rooms.yaml has them. A room stands one floor above the highest it may import."""
    rooms = yaml.safe_load((DOCS / "rooms.yaml").read_text(encoding="utf-8"))[house]
    floors: dict[str, int] = {}
    for name, room in rooms.items():
        floors[name] = 1 + max((floors[below] for below in room["imports"]), default=-1)
    return _rows(
        ("floor", "room", "what it is", "may import"),
        (
            (str(floors[name]), f"`{name}`", rooms[name]["is"], ", ".join(rooms[name]["imports"]))
            for name in sorted(rooms, key=lambda name: -floors[name])
        ),
    )


def _fields(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    for name, item in schema.get("properties", {}).items():
        kinds = [item["type"]] if isinstance(item["type"], str) else item["type"]
        choices = f" One of: {', '.join(map(json.dumps, item['enum']))}." if "enum" in item else ""
        yield f"`{prefix}{name}`", " or ".join(kinds), item["description"] + choices
        yield from _fields(item, f"{prefix}{name}.")
        yield from _fields(item.get("items", {}), f"{prefix}{name}[].")


def _record(file: str) -> str:
    schema = json.loads((DOCS / "schema" / file).read_text(encoding="utf-8"))
    return _rows(("field", "type", "meaning"), _fields(schema))


TABLES: Mapping[str, Callable[[], str]] = {
    "parameters": parameters,
    "layouts": layouts,
    "actions": lambda: _record("actions.schema.json"),
    "classes": lambda: _record("classes.schema.json"),
    "runtime": lambda: _rooms("csre_ros"),
    "node": lambda: _rooms("csre_ros.ros"),
    "command": lambda: _rooms("csre_ros.app"),
    "trainer": lambda: _rooms("models"),
}


def render(text: str) -> str:
    """A page with its tables as they should be."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{TABLES[block[2]]()}\n{block[4]}", text)


if __name__ == "__main__":
    for page in sorted(DOCS.glob("*.md")):
        page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")
