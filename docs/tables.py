"""Write the tables of the documentation that follow from the code: parameters, layouts, and the JSON records.

    python docs/tables.py

Each stands between a line ``<!-- table: NAME -->`` and a line ``<!-- end of table -->``. A test keeps them current.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

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
                "any time" if item.metadata["dynamic"] else "while inactive",
                item.metadata["help"],
            )
            for name, item in options().items()
        ),
    )


def layouts() -> str:
    """Every joint convention."""
    return _rows(
        ("layout", "dimensions", "joints in order"),
        ((f"`{layout.name}`", str(layout.dims), ", ".join(layout.joints)) for layout in LAYOUTS.values()),
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
}


def render(text: str) -> str:
    """A page with its tables as they should be."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{TABLES[block[2]]()}\n{block[4]}", text)


if __name__ == "__main__":
    for page in sorted(DOCS.glob("*.md")):
        page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")
