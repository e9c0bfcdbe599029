"""Plots of a suite as PNG: training curves, confusion, what CSRE changes per class, and maps of the embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[Any]
History = Sequence[Mapping[str, float]]

_COLOURS = {False: "tab:blue", True: "tab:orange"}
_NAMES = {False: "plain", True: "CSRE"}


def training_curves(histories: Mapping[str, Mapping[bool, Sequence[History]]]) -> Figure:
    """Accuracy and cross-entropy over epochs; a line per run, one colour without and one with CSRE.

    Args:
        histories: Per encoder and CSRE off or on: histories of the seeds, as in ``history.json``.
    """
    figure = Figure((4.2 * len(histories), 6), layout="constrained")
    axes = figure.subplots(2, len(histories), squeeze=False, sharex="col")
    for column, (encoder, runs) in enumerate(histories.items()):
        for csre, several in runs.items():
            for place, history in enumerate(several):
                label = _NAMES[csre] if place == 0 else None
                for row, key in zip(axes[:, column], (_accuracy_key(history), "train/ce"), strict=True):
                    known = [one for one in history if key in one]  # not every epoch need be scored
                    epochs = [one["epoch"] + 1 for one in known]
                    row.plot(epochs, [one[key] for one in known], color=_COLOURS[csre], alpha=0.8, lw=1, label=label)
        axes[0, column].set(title=encoder, ylim=(0, 1.02))
        axes[0, column].legend(loc="lower right")
        axes[1, column].set(xlabel="epoch", yscale="log")
        for formatted in (axes[1, column].yaxis.set_major_formatter, axes[1, column].yaxis.set_minor_formatter):
            formatted("{x:g}")
    axes[0, 0].set_ylabel("top-1, test")
    axes[1, 0].set_ylabel("cross-entropy, training")
    return figure


def _accuracy_key(history: History) -> str:
    return "test/top1" if "test/top1" in history[-1] else "val/top1"


def confusion_matrix(labels: Array, predictions: Array, classes: int) -> Array:
    """``[K, K]`` counts; rows are true classes."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def confusion(counts: Array, classes: Sequence[str], title: str) -> Figure:
    """A confusion matrix, each row as shares of its true class.

    Args:
        counts: ``[K, K]``.
        classes: K names.
        title: Above the plot.
    """
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    side = 2.5 + 0.32 * len(classes)
    figure = Figure((side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(title=title, xlabel="predicted", ylabel="true")
    axes.set_xticks(range(len(classes)), classes, rotation=90)
    axes.set_yticks(range(len(classes)), classes)
    for true, predicted in zip(*np.nonzero(counts), strict=True):
        share = shares[true, predicted]
        if share >= 0.005:
            colour = "white" if share > 0.5 else "black"
            axes.text(predicted, true, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=7)
    return figure


def class_gain(gains: Array, classes: Sequence[str], title: str) -> Figure:
    """What CSRE changes in every class, largest gain first.

    Args:
        gains: ``[S, K]`` differences of the accuracy in percentage points, one row per seed.
        classes: K names.
        title: Above the plot.
    """
    mean = gains.mean(0)
    order = np.argsort(mean)
    figure = Figure((6, 1.5 + 0.24 * len(classes)), layout="constrained")
    axes = figure.subplots()
    colours = [_COLOURS[bool(mean[k] >= 0)] for k in order]
    axes.barh(range(len(order)), mean[order], color=colours, alpha=0.7)
    for seed in gains:
        axes.plot(seed[order], range(len(order)), "k.", ms=3)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(range(len(order)), [classes[k] for k in order])
    axes.set(title=title, xlabel="CSRE minus plain, percentage points; a dot per seed")
    return figure


def principal_plane(embeddings: Array) -> tuple[Array, float]:
    """Projection of ``[N, D]`` onto its two directions of largest variance, ``[N, 2]``, and their share of it."""
    centred = embeddings - embeddings.mean(0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    share = float((values[:2] ** 2).sum() / max((values**2).sum(), 1e-12))
    return left[:, :2] * values[:2], share


def embedding_map(sides: Mapping[str, tuple[Array, Array]], classes: Sequence[str], title: str) -> Figure:
    """Embeddings of the test clips on their principal plane, one map next to the other.

    Args:
        sides: Per name of a model: embeddings ``[N, D]`` and labels ``[N]``.
        classes: Class names.
        title: Above the plot.
    """
    figure = Figure((5 * len(sides) + 2.5, 5), layout="constrained")
    all_axes = figure.subplots(1, len(sides), squeeze=False)[0]
    colours = mpl.colormaps["turbo"](np.linspace(0.02, 0.98, len(classes)))
    for axes, (name, (embeddings, labels)) in zip(all_axes, sides.items(), strict=True):
        plane, share = principal_plane(embeddings)
        _scatter(axes, plane, labels, colours, classes)
        axes.set(title=f"{name}: {100 * share:.0f} % of the variance", xticks=[], yticks=[])
    handles, names = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", fontsize=7, ncols=1 + len(classes) // 31)
    figure.suptitle(title)
    return figure


def _scatter(axes: Axes, plane: Array, labels: Array, colours: Array, classes: Sequence[str]) -> None:
    for k, name in enumerate(classes):
        chosen = plane[labels == k]
        axes.scatter(chosen[:, 0], chosen[:, 1], s=8, color=colours[k], label=name, alpha=0.8, linewidths=0)


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    return path
