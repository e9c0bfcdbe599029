"""What a run is made of, kept in its folder as ``recipe.json`` and in its record, so that no run is taken for another.

The name of the folder cannot tell: it holds neither the settings of the suite, nor the content of the configuration
files, nor the options that were given along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from models.experiments.records import FAMILY, read_record
from models.experiments.suite import Experiment, Suite
from models.training.record import write_json

RECIPE = "recipe.json"
Recipe = dict[str, Any]


def recipe_of(suite: Suite, experiment: Experiment, options: Sequence[str] = ()) -> Recipe:
    """All that makes a run what it is, by dotted name; the folders that a queue gives along stay out.

    Args:
        suite: The suite.
        experiment: The run.
        options: Further arguments of ``fit``.
    """
    content: Recipe = {"family": FAMILY}
    for path in suite.config_files(experiment):
        content |= _flat(yaml.safe_load(path.read_text(encoding="utf-8")), f"{path.name}: ")
    return content | suite.options(experiment) | {"options": list(options)}


def write_recipe(suite: Suite, experiment: Experiment, options: Sequence[str] = ()) -> None:
    """Write the recipe into the folder of a run; also by hand, for a folder that was made before there were recipes.

    Args:
        suite: The suite.
        experiment: The run; its folder exists.
        options: Further arguments of ``fit`` that the run was started with.
    """
    write_json(suite.run_folder(experiment) / RECIPE, recipe_of(suite, experiment, options))


def check_recipes(suite: Suite, experiments: Iterable[Experiment], options: Sequence[str]) -> None:
    """See that every folder and every record there is holds the run that would be made now.

    Records of other families are left alone: they are replaced when their runs are made again.

    Args:
        suite: The suite.
        experiments: Its runs that matter.
        options: Further arguments of ``fit``.

    Raises:
        ValueError: A folder or a record holds another run, or a folder one that nothing says what it is made of.
    """
    wrong = []
    for experiment in experiments:
        folder, ours = suite.run_folder(experiment), recipe_of(suite, experiment, options)
        found = {folder: read_record(folder / RECIPE)}
        if (record := suite.record(experiment)) is not None:
            found[suite.record_path(experiment)] = record["recipe"]
        for path, theirs in found.items():
            if theirs is None and holds_run(folder):
                wrong.append(f"{folder} holds a run, and no {RECIPE} says what it is made of")
            elif theirs is not None and (differing := _differences(theirs, ours)):
                wrong.append(f"{path} holds another run: {'; '.join(differing)}")
    if wrong:
        remedy = "Give another --runs (for a record: --results) folder, or remove what is named here."
        raise ValueError("\n".join([*wrong, remedy]))


def holds_run(folder: Path) -> bool:
    """Whether a run has come as far as a checkpoint or a result."""
    return (folder / "result.json").is_file() or any((folder / "checkpoints").glob("*.ckpt"))


def _flat(content: Mapping[str, Any], prefix: str) -> Recipe:
    flat: Recipe = {}
    for key, value in content.items():
        inner = isinstance(value, Mapping) and value
        flat |= _flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return flat


def _differences(theirs: Recipe, ours: Recipe) -> list[str]:
    pairs = {key: (theirs.get(key, "unset"), ours.get(key, "unset")) for key in sorted({*theirs, *ours})}
    return [f"its {key} is {their!r}, not {our!r}" for key, (their, our) in pairs.items() if their != our]
