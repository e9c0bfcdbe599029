"""Runs of a suite in groups: within one, they differ in CSRE and seed only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from models.experiments.records import Result
from models.experiments.suite import Experiment

T = TypeVar("T")
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
    return with_means(groups(done), _mean_result)


def with_means(
    found: Mapping[Group, Mapping[bool, Mapping[int, T]]], mean: Callable[[Sequence[T]], T]
) -> list[tuple[Group, Mapping[bool, Mapping[int, T]]]]:
    """Groups, and behind them, where there are several parts of one kind, the means over these, seed by seed.

    Args:
        found: What each group has, by CSRE off or on, then by seed.
        mean: Makes one of several.
    """
    parts: dict[Group, list[Mapping[bool, Mapping[int, T]]]] = defaultdict(list)
    for group, runs in found.items():
        parts[group._replace(part=())].append(runs)
    means = []
    for whole, several in parts.items():
        sides = {csre: _by_seed([runs[csre] for runs in several], mean) for csre in (False, True)}
        if len(several) > 1 and any(sides.values()):
            means.append((whole._replace(part=("mean of", str(len(several)))), sides))
    return [*found.items(), *means]


def paired(runs: Sides) -> list[int]:
    """Seeds with which both sides have trained for as many epochs."""
    both = sorted(set(runs[False]) & set(runs[True]))
    return [seed for seed in both if runs[False][seed]["epochs"] == runs[True][seed]["epochs"]]


def _by_seed(several: Sequence[Mapping[int, T]], mean: Callable[[Sequence[T]], T]) -> dict[int, T]:
    seeds = set.intersection(*(set(runs) for runs in several))
    return {seed: mean([runs[seed] for runs in several]) for seed in sorted(seeds)}


def _mean_result(results: Sequence[Result]) -> Result:
    figures: dict[str, Any] = {
        figure: {key: float(np.mean([r["figures"][figure][key] for r in results])) for key in values}
        for figure, values in results[0]["figures"].items()
    }
    seconds = sum(result["seconds_per_epoch"] for result in results)
    epochs = [result["epochs"] for result in results]
    answers = [part for result in results for part in result["answers"]]
    return results[0] | {"figures": figures, "seconds_per_epoch": seconds, "epochs": epochs, "answers": answers}
