"""A suite: the experiments behind one table, as data, and where each of them stands.

A suite file names a folder of configurations and lists experiments as products of their settings::

    title: NW-UCLA, cross-view
    configs: models/configs/ucla
    experiments:
      - {encoder: [hcn, ctrgcn], csre: [false, true], stream: [joint], seed: [0, 1, 2]}
      - {encoder: best 1, csre: [false, true], stream: [bone], seed: [0, 1, 2]}

``best N`` stands for the N encoders with the highest validation accuracy in the entries before it; it becomes known
when those are done. Any further key of an entry is an option of ``fit`` with the values it takes, such as
``data.subset``; options that are the same for all runs stand under ``settings``, of the suite or of an entry. An entry
whose settings are to be compared with those of the others gives them a name, its ``change``. A ``note`` is printed in
the table.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from models.experiments.records import FAMILY, Result, read_record

ROOT = Path(__file__).parents[2]
SUITES = ROOT / "models" / "suites"
RESULTS = ROOT / "models" / "results"
_AXES = ("encoder", "csre", "stream", "seed")
_NO_AXES = ("settings", "change")


@dataclass(frozen=True)
class Experiment:
    """One training run.

    Attributes:
        encoder: Key of ``models.encoders.ENCODERS``.
        csre: Whether the CSRE branch is on.
        stream: One of ``models.network.input_stream.STREAMS``.
        seed: Seed of the run and of its data.
        options: Further options of ``fit`` and their values.
        settings: Options that its whole entry shares; the name leaves them out.
        change: What these settings change, in a word; empty where they are what others are compared with.
    """

    encoder: str
    csre: bool
    stream: str
    seed: int
    options: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    change: str = ""

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return "_".join((*self.variant, self.encoder + ("+csre" if self.csre else ""), self.stream, f"s{self.seed}"))

    @property
    def variant(self) -> tuple[str, ...]:
        """The change, if any, and the values of the further options."""
        return (*([self.change] if self.change else []), *self.part)

    @property
    def part(self) -> tuple[str, ...]:
        """Values of the further options."""
        return tuple(value for _, value in self.options)


@dataclass(frozen=True)
class Suite:
    """What a suite file says.

    Attributes:
        name: Name of the file.
        title: Head of the table.
        note: What a reader of the table must know.
        configs: Folder with ``base.yaml`` and one file per encoder.
        entries: Products of experiments.
        settings: Options of ``fit`` for all runs.
        folder: Where the runs lie.
        records: Where the records of finished runs lie.
    """

    name: str
    title: str
    note: str
    configs: Path
    entries: tuple[Mapping[str, Any], ...]
    settings: Mapping[str, Any]
    folder: Path
    records: Path

    def experiments(self) -> tuple[list[Experiment], int]:
        """The experiments that are known by now, and how many entries still wait for the results of others.

        Raises:
            ValueError: Two experiments would share a folder, or "best" is asked of runs without a validation part.
        """
        known: dict[str, Experiment] = {}
        for place, entry in enumerate(self.entries):
            encoders = entry["encoder"]
            if isinstance(encoders, str):
                if any(self.result(experiment) is None for experiment in known.values()):
                    return list(known.values()), len(self.entries) - place
                encoders = self._best(encoders, list(known.values()))
            further = [key for key in entry if key not in (*_AXES, *_NO_AXES)]
            settings = _as_json(entry.get("settings", {}))
            axes = (entry[key] for key in ("seed", *further, "csre", "stream"))
            for encoder, seed, *values, csre, stream in product(encoders, *axes):
                options = tuple(zip(further, map(str, values), strict=True))
                one = Experiment(encoder, csre, stream, seed, options, settings, entry.get("change", ""))
                if (other := known.setdefault(one.name, one)) != one:
                    raise ValueError(
                        f"suite {self.name!r} has two runs {one.name}, with {dict(other.settings + other.options)} and "
                        f"with {dict(one.settings + one.options)}; list what differs in one entry, or make two suites"
                    )
        return list(known.values()), 0

    def _best(self, words: str, known: Sequence[Experiment]) -> list[str]:
        scores = defaultdict(list)
        for experiment in known:
            result = self.result(experiment)
            assert result is not None
            if not result["held_out"]:
                raise ValueError(f"suite {self.name!r} asks for {words!r}, but its runs hold out no validation part")
            scores[experiment.encoder].append(result["figures"]["last epoch"]["val/top1"])
        ranked = sorted(scores, key=lambda encoder: -np.mean(scores[encoder]))
        return ranked[: int(words.removeprefix("best "))]

    def run_folder(self, experiment: Experiment) -> Path:
        """Folder of a run."""
        return self.folder / experiment.name

    def record_path(self, experiment: Experiment) -> Path:
        """File of the record that a finished run leaves."""
        return self.records / f"{experiment.name}.json"

    def record(self, experiment: Experiment) -> Result | None:
        """The record of a run, or None while it is not done; a record of another family does not count."""
        found = read_record(self.record_path(experiment))
        return found if found is not None and found["family"] == FAMILY else None

    def result(self, experiment: Experiment) -> Result | None:
        """The result of a run, or None while it is not done."""
        record = self.record(experiment)
        return None if record is None else record["result"]

    def outdated(self) -> list[str]:
        """Names of the records of other families: they stay until their runs are made again."""
        known, _ = self.experiments()
        return [one.name for one in known if self.record_path(one).is_file() and self.record(one) is None]

    def config_files(self, experiment: Experiment) -> list[Path]:
        """Configuration files of a run, the later ones over the earlier ones."""
        return [self.configs / f"{name}.yaml" for name in ("base", experiment.encoder)]

    def options(self, experiment: Experiment) -> dict[str, str]:
        """Options of ``fit`` that make a run what it is, over its configuration files."""
        axes = {
            "model.stream": experiment.stream,
            "model.contrast.enabled": str(experiment.csre).lower(),
            "seed_everything": str(experiment.seed),
            "data.seed": str(experiment.seed),
        }
        return axes | dict((*_as_json(self.settings), *experiment.settings, *experiment.options))

    def arguments(self, experiment: Experiment, root: Path) -> list[str]:
        """Arguments of ``python -m models`` that make the run, from the start or from where it stopped."""
        options = {
            "data.root": root,
            **self.options(experiment),
            "trainer.logger.save_dir": self.folder.parent,
            "trainer.logger.name": self.folder.name,
            "trainer.logger.version": experiment.name,
        }
        last = self.run_folder(experiment) / "checkpoints" / "last.ckpt"
        return [
            "fit",
            *(f"--config={path}" for path in self.config_files(experiment)),
            *(f"--{key}={value}" for key, value in options.items()),
            *([f"--ckpt_path={last}"] if last.is_file() else []),
        ]


def _as_json(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((key, json.dumps(value)) for key, value in settings.items())


def read_suite(name: str, runs: Path, folder: Path = SUITES, results: Path = RESULTS) -> Suite:
    """Read a suite file.

    Args:
        name: Its name, without the ending.
        runs: Folder of all runs.
        folder: Folder of the suite files.
        results: Folder of the tables; the records lie in its ``runs``.

    Raises:
        FileNotFoundError: There is no such suite.
        ValueError: The file lacks a key, an entry an axis, or a change is no single word.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise FileNotFoundError(f"there is no suite {path}; choose one of: {known}")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if missing := {"title", "configs", "experiments"} - set(content):
        raise ValueError(f"{path} lacks {sorted(missing)}")
    for entry in content["experiments"]:
        if missing := set(_AXES) - set(entry):
            raise ValueError(f"{path}: the entry {entry} lacks {sorted(missing)}")
        if isinstance(entry["encoder"], str) and not re.fullmatch(r"best \d+", entry["encoder"]):
            raise ValueError(f"{path}: encoder is {entry['encoder']!r}; give a list, or 'best N'")
        if not re.fullmatch(r"[a-z0-9-]*", entry.get("change", "")):
            raise ValueError(
                f"{path}: change is {entry['change']!r}; it is part of file names: give small letters, digits and '-'"
            )
    return Suite(
        name,
        content["title"],
        content.get("note", ""),
        ROOT / content["configs"],
        tuple(content["experiments"]),
        content.get("settings", {}),
        runs / name,
        results / "runs" / name,
    )
