"""``python -m benchmarks NAME``: one measurement; a table on standard error and JSON on standard output.

python -m benchmarks encode --against HEAD~5        beside another commit, in turn
python -m benchmarks crowd --short                  in seconds rather than minutes
python -m benchmarks all --short > figures.json     everything that needs no further parts
python -m benchmarks pipeline --help
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any

from jsonargparse import auto_cli

from benchmarks.against import Figures, compare
from benchmarks.report import Row, circumstances, show


@dataclass(frozen=True)
class Benchmark:
    """One measurement, imported when it is called and no sooner.

    Attributes:
        help: One sentence.
        short: Options of its short form.
        alone: Whether ``all`` leaves it out, since not every machine has what it needs.
    """

    help: str
    short: Mapping[str, object] = field(default_factory=dict)
    alone: bool = False


BENCHMARKS = {
    "encode": Benchmark("Networks of the shipped bundles by number of people.", {"repeats": 30}),
    "step": Benchmark(
        "A step of a stream network against its whole window.", {"repeats": 20, "encoders": ["hcn"], "frames": []}
    ),
    "crowd": Benchmark("Own code of a decision, without the network: 1, 12 and 64 people.", {"seconds": 4.0}),
    "answers": Benchmark("Share of frames of 12 people at 30 Hz that a node answers, and their age.", {"seconds": 5.0}),
    "inputs": Benchmark("From the bytes of every topic's messages to skeletons.", {"repeats": 5}),
    "recording": Benchmark("Bytes of a recording of four people.", {"seconds": 6.0}),
    "start_up": Benchmark("Processor time to start the command and the node.", {"repeats": 2}),
    "memory": Benchmark("Memory of the command and of the node.", {"seconds": 3.0}),
    "pose": Benchmark("Landmarks from images: every model.", {"frames": 15, "rates_hz": [30.0]}),
    "pipeline": Benchmark("Camera to result, at camera speed.", {"seconds": 6.0}),
    "camera_second": Benchmark("Where the processor time of one camera second goes, as figures and as a picture."),
    "topic": Benchmark("Raw images over a topic: what reaches the node.", {"frames": 90}),
    "train_step": Benchmark(
        "Training steps of every encoder and of variants.",
        {"steps": 3, "warm_up": 1, "size": "small", "encoders": ["hcn"]},
    ),
    "gpu": Benchmark("Networks on a GPU: CUDA and TensorRT, with bound memory and CUDA graphs.", alone=True),
}


def main() -> int:
    """Entry point; returns the exit status."""
    listing = "\n".join(f"  {name:15}{one.help}" for name, one in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog=listing, add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("name", nargs="?", choices=(*BENCHMARKS, "all"))
    parser.add_argument("--against", metavar="COMMIT", help="measure this commit too, in turn, and print ratios")
    parser.add_argument("--short", action="store_true", help="fewer repetitions: to see that it runs")
    given, options = parser.parse_known_args()
    if given.name is None:
        sys.stdout.write(parser.format_help())
        return 0 if set(options) <= {"-h", "--help"} else 2
    names = [name for name, one in BENCHMARKS.items() if not one.alone] if given.name == "all" else [given.name]
    reports, failed = {}, 0
    for name in names:
        try:
            reports[name] = report(name, options, given.short, given.against)
        except (ImportError, FileNotFoundError) as error:
            failed += given.name != "all"
            print(f"{name} is left out: {error}", file=sys.stderr)
    if reports:
        content: Any = reports if given.name == "all" else reports[names[0]]
        sys.stdout.write(json.dumps(content, indent=1) + "\n")
    return int(failed > 0)


def report(name: str, options: Sequence[str], short: bool, against: str | None) -> dict[str, Any]:
    """Measure, print the table, and return what the JSON holds."""
    begin = circumstances()
    others: Figures | None = None
    if against:
        rows, others = compare(name, [*options, *(["--short"] if short else [])], against)
    else:
        rows = {row.what: row.figures() for row in measure(name, options, short)}
    show(f"{name}: {begin['machine']}, commit {begin['commit']}", rows, others, against or "")
    found: dict[str, Any] = {"benchmark": name, **begin, "rows": rows}
    if others is not None:
        found |= {"against": against, "rows_against": others}
        found["ratios"] = {
            what: round(row["p50"] / others[what]["p50"], 3)
            for what, row in rows.items()
            if what in others and others[what]["p50"]
        }
    return found


def measure(name: str, options: Sequence[str], short: bool) -> list[Row]:
    """The rows of one benchmark.

    Raises:
        ImportError: What it needs is not installed.
        FileNotFoundError: A clip is missing.
    """
    function = resolve_name(f"benchmarks.{name}:measure")
    known = inspect.signature(function).parameters
    defaults = {key: value for key, value in BENCHMARKS[name].short.items() if short and key in known}
    rows: Iterable[Row] = auto_cli(function, args=list(options), as_positional=False, set_defaults=defaults or None)
    return list(rows)


if __name__ == "__main__":
    sys.exit(main())
