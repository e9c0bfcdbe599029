"""Model cards of stream bundles: what they are, what they learnt from, how well they do, what they are bad at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from csre_ros.recognition.bundle import find_bundle, read_info
from csre_ros.recognition.bundle_info import BundleInfo

_WEAK_SHARE = 0.8
"""Labels that are found in fewer clips or streams are called weak."""
_FEWEST = 8
"""Of fewer truths nothing is said."""
_SETS = {"utkinect": "UTKinect", "precog": "PRECOG"}
Record = Mapping[str, Any]


def card(bundle: str, figures: Path, output: Path) -> None:
    """Write the card of a bundle.

    Args:
        bundle: Name of a shipped bundle, or path of an .onnx file.
        figures: What ``python -m models online --output`` wrote about it.
        output: Markdown file.

    Raises:
        ValueError: The figures are about another bundle.
    """
    path = find_bundle(bundle)
    info, record = read_info(path), json.loads(figures.read_text(encoding="utf-8"))
    if record["digest"] != info.digest:
        raise ValueError(
            f"{figures} holds the figures of bundle {record['digest'][:12]}, not of {path} ({info.digest[:12]}); "
            "measure it with `python -m models online`"
        )
    lines = [*_head(info, path), *_labels(info), *_data(info), *_streams(record), *_clips(record), *_others(record)]
    output.write_text("\n".join([*lines, *_weak(record)]) + "\n", encoding="utf-8")


def _head(info: BundleInfo, path: Path) -> Iterator[str]:
    stream = info.stream
    assert stream is not None
    where = "people in space, in metres" if info.dims == 3 else "key points in the image, over its height"
    yield f"# The bundle `{path.stem}`"
    yield ""
    yield f"Labels every frame of {where}. Written by `python -m models card` from the bundle and its figures."
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| network | {info.encoder}, embedding of {info.embedding} |"
    yield f"| joints | {info.layout} |"
    back, ahead = f"{stream.receptive_s:.1f} s", f"{stream.delay_s:.2f} s"
    yield f"| steps | {stream.rate_hz:g} a second; looks back {back} and ahead {ahead} |"
    yield f"| file | {path.stat().st_size / 1e6:.1f} MB, digest {info.digest[:12]} |"
    yield f"| trained at | commit {info.commit}, seed {info.seed} |"


def _labels(info: BundleInfo) -> Iterator[str]:
    yield ""
    yield "## Labels"
    yield ""
    yield ", ".join(f"{label.name} ({label.threshold:g})" for label in info.labels if not label.background)
    yield ""
    background = " and ".join(f"*{label.name}*" for label in info.labels if label.background)
    yield f"In brackets: the threshold, chosen on streams of validation subjects. Never reported: {background}."
    decoder = info.extensions.get("decoder", {})
    if curve := decoder.get("validation_curve"):
        yield ""
        yield "What there was to choose from, one threshold for all labels, on those streams:"
        yield ""
        yield f"| threshold | {' | '.join(str(point['threshold']) for point in curve)} |"
        yield f"|---|{'---|' * len(curve)}"
        for key in ("precision", "recall"):
            yield f"| {key} | {' | '.join(f'{point[key]:.2f}' for point in curve)} |"


def _data(info: BundleInfo) -> Iterator[str]:
    yield ""
    yield "## Training data and terms"
    yield ""
    yield "| data | terms |"
    yield "|---|---|"
    for source in info.data:
        yield f"| {source.name} | {source.terms} |"
    yield ""
    yield (
        "Odd subjects train, even subjects test. Settings were chosen on one odd subject of each set, by a network "
        "that had not seen that one. The weights were derived from data most of which is for research only."
    )


def _streams(record: Record) -> Iterator[str]:
    yield ""
    yield "## In streams"
    yield ""
    yield (
        "SHREC'22 rules: an action is detected by a report of its label that covers half of it and is at most twice as "
        "long. Even subjects, decoder as exported."
    )
    yield ""
    yield (
        "| stream | truths | detected | wrong per truth | without `walk` where nothing is labelled "
        "| touching no truth, per minute | delay, s | error of `since`, s | frames right | mAP |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for key, rate in (("streams", ""), ("streams_at_10_hz", ", 10 Hz")):
        for name, one in record[key].items():
            yield (
                f"| {_SETS.get(name, name)}{rate} | {one['truths']} | {one['detection_rate']:.2f} "
                f"| {one['wrong_per_truth']:.2f} | {one['wrong_per_truth_without']['walk']:.2f} "
                f"| {one['unheard_per_minute']:.1f} | {_number(one['delay_s'])} | {_number(one['start_error_s'])} "
                f"| {one['frame_accuracy']:.2f} | {one['map_2d']:.2f} |"
            )
    yield ""
    yield "| label | truths | detected | wrong reports |"
    yield "|---|---|---|---|"
    for name, one in record["streams"].items():
        for label, count in one["labels"].items():
            yield f"| {label} ({_SETS.get(name, name)}) | {count['truths']} | {count['right']} | {count['wrong']} |"


def _clips(record: Record) -> Iterator[str]:
    clips = record["clips"]
    views = [key for key, value in clips.items() if isinstance(value, float) and "embedding" not in key]
    yield ""
    yield "## On trimmed clips"
    yield ""
    yield f"{clips['number']} clips of the even subjects: the label with the largest sum of probabilities."
    yield ""
    yield f"| {' | '.join(views)} |"
    yield f"|{'---|' * len(views)}"
    yield f"| {' | '.join(f'{100 * clips[view]:.1f} %' for view in views)} |"
    yield ""
    yield "By set: " + ", ".join(f"{name} {share}" for name, share in clips["by set"].items()) + "."
    yield ""
    yield "By label: " + ", ".join(f"{name} {share}" for name, share in clips["by label"].items()) + "."
    yield ""
    mistakes = ", ".join(f"{name} ({count})" for name, count in clips["mistakes"].items())
    yield f"Most often taken for something else: {mistakes}."
    yield ""
    share = 100 * clips["nearest class mean of embeddings"]
    yield f"The nearest mean embedding of the validation subjects names {share:.1f} % of them."


def _others(record: Record) -> Iterator[str]:
    yield ""
    yield "## Strangers, desks, cameras"
    yield ""
    yield "| what | told |"
    yield "|---|---|"
    for key, what in (("desk", "eight words at a desk, never trained on"), ("signing", "people who sign, held out")):
        one = record[key]
        told = ", ".join(f"{count} {label}" for label, count in one["labels"].items()) or "nothing"
        yield f"| {what}, {one['minutes']:.1f} minutes | {told}: {one['per_minute']:.2f} a minute |"
    for name, one in record["desk_waves"].items():
        yield f"| {one['clips']} waves of {name}, hips and legs hidden | {100 * one['heard']:.0f} % heard |"
    for name, reports in record["failures"].items():
        yield f"| `{name}` | {'; '.join(reports) or 'nothing'} |"
    for name, counts in record.get("robot_view", {}).items():
        yield (
            f"| seen by a robot, *{name}*, {counts['clips']} clips | {counts['greeting']} with a greeting, "
            f"{counts['any gesture']} with any gesture |"
        )


def _weak(record: Record) -> Iterator[str]:
    """The labels that are missed often, and those that are often told wrongly."""
    yield ""
    yield "## What it is bad at"
    yield ""
    found = []
    for name, one in record["streams"].items():
        for label, count in one["labels"].items():
            of = count["truths"]
            if of >= _FEWEST and count["right"] < _WEAK_SHARE * of:
                found.append(f"*{label}* in the streams of {_SETS.get(name, name)}: {count['right']} of {of} detected")
            if count["wrong"] > max(0.25 * of, 3):
                found.append(f"*{label}* is told wrongly {count['wrong']} times in {_SETS.get(name, name)}")
    for label, share in record["clips"]["by label"].items():
        right, of = map(int, share.split("/"))
        if of >= _FEWEST and right < _WEAK_SHARE * of:
            found.append(f"*{label}* on clips: {right} of {of}")
    for line in found or ["nothing that these figures show"]:
        yield f"- {line}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
