"""Runs of a suite in groups: within one, they differ in CSRE and seed only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from models.experiments.records import Result
from models.experiments.suite import Experiment

LAST = "last epoch"
"""The figure that is the headline."""

Sides = Mapping[bool, Mapping[int, Result]]
"""Results by CSRE off or on, then by seed."""


class Group(NamedTuple):
    """What the runs of a group have in common.

    Attributes:
        change: See ``Experiment.change``.
        part: Values of the further options, or words for a mean over them.
        encoder: Key of ``models.encoders.ENCODERS``.
        stream: One of ``models.network.input_stream.STREAMS``.
    """

    change: str
    part: tuple[str, ...]
    encoder: str
    stream: str

    @property
    def name(self) -> str:
        """All but the stream, as tables show it."""
        return " ".join((*([self.change] if self.change else []), *self.part, self.encoder))


def groups(done: Mapping[Experiment, Result]) -> Mapping[Group, Sides]:
    """The groups of the runs that are done."""
    found: dict[Group, dict[bool, dict[int, Result]]] = defaultdict(lambda: {False: {}, True: {}})
    for one, result in done.items():
        found[Group(one.change, one.part, one.encoder, one.stream)][one.csre][one.seed] = result
    return found


def grouped(done: Mapping[Experiment, Result]) -> list[tuple[Group, Sides]]:
    """The groups, and behind them the means over their parts."""
    found = groups(done)
    return [*found.items(), *_means(found)]


def paired(runs: Sides) -> list[int]:
    """Seeds with which both sides have trained for as many epochs."""
    both = sorted(set(runs[False]) & set(runs[True]))
    return [seed for seed in both if runs[False][seed]["epochs"] == runs[True][seed]["epochs"]]


def _means(found: Mapping[Group, Sides]) -> Iterable[tuple[Group, Sides]]:
    """Where there are several parts of one kind: the mean over them, seed by seed."""
    parts: dict[tuple[str, str, str], list[Sides]] = defaultdict(list)
    for group, runs in found.items():
        parts[group.change, group.encoder, group.stream].append(runs)
    for (change, encoder, stream), several in parts.items():
        means = {csre: _mean_results([runs[csre] for runs in several]) for csre in (False, True)}
        if len(several) > 1 and any(means.values()):
            yield Group(change, ("mean of", str(len(several))), encoder, stream), means


def _mean_results(several: Sequence[Mapping[int, Result]]) -> dict[int, Result]:
    seeds = set.intersection(*(set(results) for results in several))
    means: dict[int, Result] = {}
    for seed in sorted(seeds):
        results = [result[seed] for result in several]
        figures: dict[str, Any] = {
            figure: {key: float(np.mean([r["figures"][figure][key] for r in results])) for key in values}
            for figure, values in results[0]["figures"].items()
        }
        seconds = sum(result["seconds_per_epoch"] for result in results)
        epochs = [result["epochs"] for result in results]
        answers = [part for result in results for part in result["answers"]]
        means[seed] = results[0] | {
            "figures": figures, "seconds_per_epoch": seconds, "epochs": epochs, "answers": answers
        }  # fmt: skip
    return means
