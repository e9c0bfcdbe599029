"""Entry point of the ``csre`` command."""

from __future__ import annotations

import os
import signal
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from typing import TypeVar

from jsonargparse import ArgumentParser, DefaultHelpFormatter, Namespace
from rich.text import Text

from csre_ros import __version__
from csre_ros.app.screen.terminal import console
from csre_ros.foreign_text import sentence
from csre_ros.options import build

Settings = TypeVar("Settings")


class _Help(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the line breaks of the examples."""


_EPILOG = """examples:
  csre demo                                     a camera if there is one, else the shipped recording
  csre demo --source clip.mp4 --output out.mp4  a file, with what was drawn
  csre demo --source camera:0 --events -        events as JSON lines on standard output
  csre record wave.mcap --label wave            a camera, as a recording of skeletons
  csre replay wave.mcap                         who did what from when to when, faster than real time
  csre evaluate streams/test                    how well that goes in recordings whose truth is known
  csre node --ros-args -p input:=skeletons      the ROS 2 node on a skeleton topic
"""


def _flag(dotted: str) -> str:
    """The settings of the command itself and of recognition are the common ones and need no prefix."""
    for prefix in ("demo.", "record.", "replay.", "evaluate.", "pipeline.recognizer.", "pipeline."):
        if dotted.startswith(prefix):
            return dotted.removeprefix(prefix)
    return dotted


def _settings(cls: type[Settings], values: Namespace) -> Settings:
    return build(cls, values.as_flat().__dict__, _flag)


def _demo(values: Namespace) -> int:
    from csre_ros.app import demo, ros_demo

    settings = _settings(demo.DemoSettings, values)
    return ros_demo.run(settings) if settings.demo.ros else demo.run(settings)


def _record(values: Namespace) -> int:
    from csre_ros.app import record

    return record.run(_settings(record.RecordSettings, values))


def _replay(values: Namespace) -> int:
    from csre_ros.app import replay

    return replay.run(_settings(replay.ReplaySettings, values))


def _evaluate(values: Namespace) -> int:
    from csre_ros.app import evaluate

    return evaluate.run(_settings(evaluate.EvaluateSettings, values))


def _doctor(_: Namespace) -> int:
    from csre_ros.app import doctor

    return doctor.run()


def _models(_: Namespace) -> int:
    from csre_ros.app import catalogue

    return catalogue.run()


_COMMANDS: dict[str, tuple[Callable[[Namespace], int], str]] = {
    "demo": (_demo, "Recognise actions from a camera, file or recording."),
    "record": (_record, "Record the people in a camera, file or stream; their images only if asked."),
    "replay": (_replay, "Recognise actions in a recording or bag, faster than real time."),
    "evaluate": (_evaluate, "Say how well actions are recognised in recordings whose truth is known."),
    "doctor": (_doctor, "Say what is installed and what works; exit status 1 if something needed is broken."),
    "models": (_models, "List the shipped bundles with labels, accuracy and protocol."),
}


def parser() -> ArgumentParser:
    """The command line of ``csre``."""
    from csre_ros.app.demo import DemoSettings
    from csre_ros.app.evaluate import EvaluateSettings
    from csre_ros.app.options import add_options
    from csre_ros.app.record import RecordSettings
    from csre_ros.app.replay import ReplaySettings

    # settings of a command, and the one that is written without a flag
    settings = {
        "demo": (DemoSettings, ""),
        "record": (RecordSettings, "output"),
        "replay": (ReplaySettings, "bag"),
        "evaluate": (EvaluateSettings, "recordings"),
    }
    whole = ArgumentParser(prog="csre", description="See what people do, live.", epilog=_EPILOG, formatter_class=_Help)
    whole.add_argument("--version", action="version", version=__version__)
    commands = whole.add_subcommands(dest="command")
    for name, (_, text) in _COMMANDS.items():
        command = ArgumentParser(description=text)
        if name in settings:
            cls, positional = settings[name]
            command.add_argument("--config", action="config", help="Read options from a YAML file.")
            add_options(command, cls, _flag, {"pose.model": ("--pose-model",)}, positional)
        commands.add_subcommand(name, command, help=text)
    commands.add_subcommand("node", ArgumentParser(), help="Run the ROS 2 node; what follows `node` goes to ROS.")
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        Exit status: 0; 1 where something is broken; 2 where the request cannot be met; 130 after Ctrl-C; 141 where
        nobody reads standard output any more.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["node"]:
            from csre_ros.ros.main import main as node

            return node(["csre", *given[1:]])
        values = parser().parse_args(given)
        # SIGTERM ends like Ctrl-C: files are closed and the figures are printed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return _COMMANDS[values.command][0](values[values.command])
    except BrokenPipeError:
        # The interpreter writes what is still buffered when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (OSError, ValueError, ImportError) as error:
        console.print(Text("csre:", "red"), sentence(error, 2000))
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
