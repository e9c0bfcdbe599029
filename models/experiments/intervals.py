"""How sure differences after the last epoch are: what CSRE is worth, and what a change of the settings is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.experiments.groups import Group, Sides, grouped, paired
from models.experiments.paired import paired_difference
from models.experiments.records import Answers, Result
from models.experiments.suite import Experiment

_HEAD = ("pairs | figure | difference | 95 % interval | clips", "---|---|---|---|---")


def csre_intervals(done: Mapping[Experiment, Result], metrics: Sequence[str]) -> list[str]:
    """CSRE minus plain, as lines of a table.

    Args:
        done: Results with their ``answers``: a list, one per test part.
        metrics: Keys of the figures, such as ``test/top1``.
    """
    lines = []
    for group, runs in grouped(done):
        for cells in _differences(runs[False], runs[True], paired(runs), metrics):
            lines.append(f"| {group.name} | {group.stream} | {cells} |")
    return _section(
        "How sure the difference is: 95 % interval of a bootstrap over seeds and test clips, and how many clips of a "
        "run it stands for. With one seed the interval is over the clips alone.",
        "encoder | stream",
        lines,
    )


def change_intervals(done: Mapping[Experiment, Result], metrics: Sequence[str]) -> list[str]:
    """What changed settings give minus what unchanged ones give, with and without CSRE, as lines of a table.

    Args:
        done: Results with their ``answers``: a list, one per test part.
        metrics: Keys of the figures, such as ``test/top1``.
    """
    lines, found = [], dict(grouped(done))
    for group, runs in found.items():
        unchanged: Sides = found.get(Group("", *group[1:]), {}) if group.change else {}
        for csre, before in unchanged.items():
            seeds = sorted(set(before) & set(runs[csre]))
            for cells in _differences(before, runs[csre], seeds, metrics):
                lines.append(f"| {group.name} | {group.stream} | {'with' if csre else 'without'} | {cells} |")
    return _section(
        "What a change is worth: changed minus unchanged, paired by seed, with intervals of the same kind.",
        "encoder | stream | CSRE",
        lines,
    )


def metric_name(key: str) -> str:
    """What a figure is called in tables.

    >>> metric_name("test/top1"), metric_name("test/top1 without twins")
    ('all test clips', 'without twins')
    """
    return key.removeprefix("test/top1").strip() or "all test clips"


def _differences(
    before: Mapping[int, Result], after: Mapping[int, Result], seeds: Sequence[int], metrics: Sequence[str]
) -> Iterable[str]:
    sides = [[side[seed]["answers"] for seed in seeds] for side in (before, after)]
    if not seeds or any(None in answers for side in sides for answers in side):
        return
    for key in metrics:
        left, right = ([_right(parts, key) for parts in zip(*side, strict=True)] for side in sides)
        found = paired_difference(left, right)
        yield (
            f"{len(seeds)} | {metric_name(key)} | {found.points:+.2f} | {found.low:+.2f} to {found.high:+.2f} | "
            f"{found.clips:+.1f} of {found.of}"
        )


def _right(answers: Sequence[Answers], key: str) -> NDArray[np.bool_]:
    """``[S, N]`` of a figure, one row per seed."""
    name = key.removeprefix("test/top1").strip()
    return np.stack([one.right[one.subsets[name]] if name else one.right for one in answers])


def _section(text: str, own: str, lines: Sequence[str]) -> list[str]:
    dashes = "---|" * (own.count("|") + 1)
    return ["", text, "", f"| {own} | {_HEAD[0]} |", f"|{dashes}{_HEAD[1]}|", *lines] if lines else []
