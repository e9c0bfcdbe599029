"""How well actions were heard, as tables."""

from __future__ import annotations

import math

from rich.table import Table

from csre_ros.evaluation import Detection, Figures, pooled


def label_table(figures: Figures) -> Table:
    """One row per label that was done or reported, and one for all."""
    table = Table(title="Actions", title_justify="left", box=None, header_style="bold")
    for heading in ("label", "done", "detected", "wrong", "rate", "wrong per truth", "Jaccard"):
        table.add_column(heading, justify="left" if heading == "label" else "right")
    for label, counts in figures.labels.items():
        table.add_row(label, *_row(counts))
    table.add_row("all", *_row(pooled(figures.labels)), style="bold")
    return table


def _row(counts: Detection) -> list[str]:
    ratios = (counts.detection_rate, counts.false_positive_rate, counts.jaccard)
    return [str(counts.truths), str(counts.right), str(counts.wrong), *map(_number, ratios)]


def measure_table(figures: Figures) -> Table:
    """One row per measure, with what it says."""
    table = Table(title="Measures", title_justify="left", box=None, show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_column(justify="left", style="dim")
    rows = (
        ("recordings", f"{figures.streams}", f"{figures.minutes:.1f} minutes, {figures.truths} actions"),
        ("detected", _number(figures.detection_rate), "right word, half covered, at most twice as long"),
        ("wrong per truth", _number(figures.wrong_per_truth), "all other reports"),
        *(
            (f"  without {label}", _number(wrong), "where nothing is annotated")
            for label, wrong in figures.wrong_per_truth_without.items()
        ),
        ("Jaccard", _number(figures.jaccard), "detected, of actions and wrong reports"),
        ("detected, macro", _number(figures.macro_detection_rate), "mean over the labels that were done"),
        ("wrong, macro", _number(figures.macro_false_positive_rate), ""),
        ("Jaccard, macro", _number(figures.macro_jaccard), ""),
        ("heard", _number(figures.heard_rate), "right word, at most a second late"),
        ("touching no truth", _number(figures.unheard_per_minute), "reports per minute: such a word not even near"),
        ("false activations", _number(figures.false_activations_per_minute), "wrong ones per minute of nothing done"),
        ("delay", _number(figures.delay_s, " s"), "true start to decision, median of detected"),
        ("delay, 90 %", _number(figures.delay_p90_s, " s"), "nine of ten are decided by then"),
        ("error of start", _number(figures.start_error_s, " s"), "reported and true start, median of detected"),
        ("first right label", _number(figures.first_right_label_s, " s"), "after the true start, median of all"),
        ("frame accuracy", _number(figures.frame_accuracy), "share of the time with the right word, or none"),
        ("frame macro F1", _number(figures.frame_macro_f1), "mean over the labels that were done"),
        *((f"F1@{percent}", _number(f1), "of segments") for percent, f1 in figures.f1.items()),
        ("edit score", _number(figures.edit), "words in order, whatever their times"),
        *((f"mAP@{least}", _number(value), "surest report first") for least, value in figures.map.items()),
        ("2D-AP", _number(figures.map_2d), "mean of mAP over overlaps of 0.1 to 0.7"),
    )
    for row in rows:
        table.add_row(*row)
    return table


def _number(value: float, unit: str = "") -> str:
    return "-" if not math.isfinite(value) else f"{value:.2f}{unit}"
