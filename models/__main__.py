"""``python -m models``: train, test, compare and export encoders from a checkout.

python -m models fit --config models/configs/ucla/base.yaml --config models/configs/ucla/ctrgcn.yaml
python -m models fit --config models/configs/stream.yaml
python -m models fit --config models/configs/own.yaml --data.recordings FOLDER    your own gestures
python -m models table --suite ucla                 train whatever the suite lacks, and write its table
python -m models ensemble --suite ucla              fuse its streams
python -m models plot --suite ucla                  draw its curves, confusion, gains and maps
python -m models export --run runs/live/version_0 --output FILE.onnx --name NAME
python -m models export-stream --run runs/stream/version_0 --output FILE.onnx --name NAME
python -m models live                               the bundles that ship, and every figure about them
python -m models taught                             teach labels to networks that never saw them
python -m models online --bundle default            measure it on streams, clips and recordings of strangers
python -m models streams --set utkinect --output FOLDER    write continuous recordings with their truth
python -m models prepare-ntu --folder RAW --output NTU60_CS.npz --benchmark ntu60_xsub
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pkgutil import resolve_name

PROGRAM = "python -m models"


@dataclass(frozen=True)
class Command:
    """A subcommand; torch and its own code are imported when it is called and no sooner.

    Attributes:
        name: What the user writes.
        help: One sentence for the list of commands.
        run: The function that does it, written ``module:function``, whose parameters are the options; empty for a
            subcommand of LightningCLI.
    """

    name: str
    help: str
    run: str = ""


COMMANDS = (
    Command("fit", "Train an encoder; checkpoints and figures go to a folder of the run."),
    Command("validate", "Evaluate a checkpoint on the validation part of the training data."),
    Command("test", "Evaluate a checkpoint on the test part."),
    Command("table", "Train whatever a suite lacks, and write its table.", "models.experiments.table:table"),
    Command("ensemble", "Fuse the streams of a suite.", "models.experiments.ensemble:ensemble"),
    Command("plot", "Draw a suite's curves, confusion, gains and maps.", "models.experiments.maps:plot"),
    Command("export", "Write the bundle of a run: one .onnx file.", "models.export.export:export"),
    Command(
        "export-stream", "Write the bundle of a run that labels every frame.", "models.export.stream:export_stream"
    ),
    Command("open-set", "Teach an exported bundle what it does not know.", "models.export.open_set:open_set"),
    Command("teach", "Measure labels that are taught by examples.", "models.export.teach:teach"),
    Command("activations", "Measure how taught labels do in continuous use.", "models.export.activations:activations"),
    Command("online", "Measure a bundle that labels every frame.", "models.export.online:online"),
    Command("card", "Write the model card of a bundle from its figures.", "models.export.card:card"),
    Command("live", "Train, export and measure the bundles that ship.", "models.experiments.live:live"),
    Command("taught", "Teach labels to networks that never saw them.", "models.experiments.taught:taught"),
    Command("transfer", "Measure embeddings on classes that runs never saw.", "models.export.transfer:transfer"),
    Command("unknown", "Measure what a network that never saw it makes of it.", "models.export.unknown:unknown"),
    Command("streams", "Write continuous recordings with their truth.", "models.data.stream_files:streams"),
    Command("prepare-ntu", "Convert raw NTU RGB+D skeletons.", "models.data.official.ntu:convert"),
)


def main() -> None:
    """Entry point: one of :data:`COMMANDS`; without one, list them."""
    called = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if called in ("-h", "--help"):
        sys.stdout.write(usage())
        return
    functions = {command.name: command.run for command in COMMANDS}
    if called not in functions:
        sys.stderr.write(f"{PROGRAM}: unknown command {called!r}; choose one of: {', '.join(functions)}\n")
        raise SystemExit(2)
    try:
        if functions[called]:
            _call(functions[called])
        else:
            _lightning()
    except ValueError as error:
        from csre_ros.recognition.bundle_info import BundleError
        from models.data.streams.own_recordings import RecordingsError

        if not isinstance(error, BundleError | RecordingsError):
            raise
        sys.stderr.write(f"{PROGRAM} {called}: {error}\n")  # what others give is refused in one line
        raise SystemExit(2) from None


def usage() -> str:
    """Every command with its sentence, and examples."""
    listed = "\n".join(f"  {command.name:<14} {command.help}" for command in COMMANDS)
    title, _, examples = (__doc__ or "").strip().partition("\n\n")
    return (
        f"usage: {PROGRAM} COMMAND [options]\n\n{title.replace('``', '')}\n\ncommands:\n{listed}\n\n"
        f"`{PROGRAM} COMMAND --help` lists the options of one.\n\nexamples:\n"
        + "\n".join(f"  {line}" for line in examples.splitlines())
        + "\n"
    )


def _call(function: str) -> None:
    from jsonargparse import auto_cli

    from csre_ros.recognition.bundle_info import BundleInfo

    program = f"{PROGRAM} {sys.argv[1]}"
    found = auto_cli(resolve_name(function), args=sys.argv[2:], prog=program, as_positional=False)
    if isinstance(found, BundleInfo):
        # The matrices by which 'unknown' is told are numbers by the thousand.
        found = replace(found, extensions={key: part for key, part in found.extensions.items() if key != "unknown"})
        found = found.to_json()
    if found is not None:
        sys.stdout.write(f"{found}\n")


def _lightning() -> None:
    from models.training.command_line import run

    run(PROGRAM)


if __name__ == "__main__":
    main()
