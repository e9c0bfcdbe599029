"""A folder of one's own recordings: whose they are, and which are held out."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from models.data.streams.own_recordings import BACKGROUND, OwnRecording, RecordingsError, read_own

SUBJECTS_FILE = "subjects.csv"
_LEAST_EXAMPLES = 3


def read_folder(folder: Path, subjects: Path | None = None) -> list[OwnRecording]:
    """Read every recording below a folder.

    A recording whose label topic names actions in some of its frames shows these and, between them, nothing of them.
    Where the topic says the same for all frames, or nothing, the whole recording shows one action: what the topic
    says, or else the name of its folder. Recordings beside the folders of labels, and in a folder ``background``, show
    nothing.

    Args:
        folder: ``LABEL/*.mcap``, ``SUBJECT/LABEL/*.mcap``, or recordings with labelled intervals.
        subjects: CSV file with the columns ``file`` (path below the folder) and ``subject``; ``subjects.csv`` in the
            folder where not given. Without one the subject is the folder above that of the label, or what stands
            before the first ``_`` of a file's name.

    Raises:
        RecordingsError: The folder or the CSV file does not exist, there is no recording, or one cannot be used.
    """
    if not folder.is_dir():
        raise RecordingsError(f"{folder} is no folder; --data.recordings takes one with LABEL/*.mcap in it")
    files = sorted(folder.rglob("*.mcap"))
    if not files:
        raise RecordingsError(f"{folder} holds no recordings; make some: csre record {folder}/NAME/1.mcap --label NAME")
    known = read_subjects(subjects or folder / SUBJECTS_FILE, required=subjects is not None)
    found = []
    for file in files:
        below, label = file.relative_to(folder), _label_of(file, folder)
        found.append(replace(read_own(file, label), subject=_subject(below, label, known)))
    return found


def read_subjects(path: Path, required: bool) -> Mapping[str, str]:
    """Subject by file, as POSIX paths below the folder.

    Raises:
        RecordingsError: It is required and not there, or lacks one of its two columns.
    """
    if not path.is_file():
        if required:
            raise RecordingsError(f"{path} does not exist; name a CSV file with the columns file,subject")
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"file", "subject"} <= set(rows[0]):
        raise RecordingsError(f"{path} has the columns {', '.join(map(str, rows[0]))}; it needs file,subject")
    return {str(row["file"]): str(row["subject"]) for row in rows}


def split(recordings: Sequence[OwnRecording], held_out: str = "") -> tuple[list[OwnRecording], list[OwnRecording]]:
    """Recordings to train on, and those that are held out.

    Args:
        recordings: All of them.
        held_out: Subject who is held out. Empty: the last one by name who does everything, where somebody else does
            everything too; otherwise every fifth recording of each label, and at least one.

    Raises:
        RecordingsError: A label has too few recordings, or nobody is of that name.
    """
    labels = sorted({label for one in recordings for label in one.labels})
    if not labels:
        raise RecordingsError("no recording shows a gesture; put those of a gesture into a folder of its name")
    for label in labels:
        number = sum(label in one.labels for one in recordings)
        if number < _LEAST_EXAMPLES:
            raise RecordingsError(
                f"label {label!r} has {number} recording{'s' * (number != 1)}; at least {_LEAST_EXAMPLES} are needed, "
                "of which one is held out to choose thresholds; five or more are better"
            )
    people = sorted({one.subject for one in recordings if one.subject})
    if held_out and held_out not in people:
        raise RecordingsError(f"held_out is {held_out!r}; the subjects are: {', '.join(people) or 'not known'}")
    if not held_out:
        done = {who: set[str]().union(*(one.labels for one in recordings if one.subject == who)) for who in people}
        every = [who for who in people if done[who] == set(labels)]
        held_out = every[-1] if len(every) > 1 else ""
    if held_out:
        held = [one for one in recordings if one.subject == held_out]
    else:
        chosen: dict[int, OwnRecording] = {}
        for label in ["", *labels]:
            some = [one for one in recordings if (label in one.labels if label else not one.labels)]
            chosen |= {id(one): one for one in some[4::5] or (some[-1:] if len(some) > 1 else [])}
        held = list(chosen.values())
    kept = [one for one in recordings if all(one is not other for other in held)]
    for label in labels:
        if not any(label in one.labels for one in kept):
            raise RecordingsError(f"nobody but the held-out part does {label!r}; record more, or hold out another part")
    return kept, held


def _label_of(path: Path, folder: Path) -> str:
    """Label of a recording that names none: its folder, unless that is the folder of all."""
    return "" if path.parent == folder or path.parent.name in BACKGROUND else path.parent.name


def _subject(below: Path, label: str, subjects: Mapping[str, str]) -> str:
    """Who a file shows, by the CSV file, its folders or its name; empty where none says so."""
    if (named := subjects.get(below.as_posix())) is not None:
        return named
    if len(below.parts) > 2:
        return below.parts[-3]
    before, stroke, _ = below.stem.partition("_")
    return before if stroke and before not in label.split("_") else ""
