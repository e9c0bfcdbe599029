"""Layouts for RViz and Foxglove show topics that the node has, under the types that it gives them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTED = set(re.findall(r"^\| `~/([\w/]+)` \|", (ROOT / "docs" / "integrator.md").read_text(), re.MULTILINE))


def topics(value) -> set[str]:
    """Every text in a tree that names a topic of the node."""
    if isinstance(value, dict):
        return set().union(*map(topics, value.keys()), *map(topics, value.values()))
    if isinstance(value, list):
        return set().union(*map(topics, value))
    found = re.match(r"/action_node/([\w/]+)", value) if isinstance(value, str) else None
    return {found[1]} if found else set()


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("foxglove.json", {"markers", "skeletons", "image/compressed", "action", "actions"}),
        ("actions.rviz", {"markers", "skeletons", "image/compressed"}),
    ],
)
def test_what_is_shown_is_published(file, shown):
    text = (ROOT / "config" / file).read_text(encoding="utf-8")
    found = topics(json.loads(text) if file.endswith("json") else yaml.safe_load(text))
    assert found == shown
    assert found <= DOCUMENTED


def test_every_panel_of_foxglove_has_its_place():
    layout = json.loads((ROOT / "config" / "foxglove.json").read_text(encoding="utf-8"))

    def placed(part) -> list[str]:
        return [part] if isinstance(part, str) else placed(part["first"]) + placed(part["second"])

    assert sorted(placed(layout["layout"])) == sorted(layout["configById"])
