"""Entry point of the ``csre`` command."""

from __future__ import annotations

import logging
import os
import signal
import sys
from argparse import Action, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any

from jsonargparse import ArgumentParser, DefaultHelpFormatter
from rich.text import Text

from csre_ros import __version__
from csre_ros.app.commands import COMMANDS, Command
from csre_ros.app.flags import add_options
from csre_ros.app.screen.terminal import console
from csre_ros.foreign_text import sentence
from csre_ros.options import build
from csre_ros.signals import ending_signals


class _Help(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the line breaks of the examples."""


class _Completion(Action):
    """Prints the script by which a shell completes commands and flags, and ends."""

    def __call__(self, parser_: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        try:
            import shtab
        except ImportError as error:
            raise ImportError("completion needs shtab: pip install shtab") from error
        print(shtab.complete(parser(everything=True), values))
        parser_.exit()


class _OneLine(logging.Formatter):
    """A warning of the runtime, which may name files and texts of others, as one line of the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return sentence(super().format(record), _LONGEST_LINE)


_SHELLS = ("bash", "zsh", "tcsh")
_LONGEST_LINE = 2000  # characters; paths may be long
_EPILOG = """examples:
  csre demo                                     a camera if there is one, else the shipped recording
  csre demo --source clip.mp4 --output out.mp4  a file, with what was drawn
  csre demo --source camera:0 --events -        events as JSON lines on standard output
  csre dash                                     the same on a local web page
  csre record wave.mcap --label wave            a camera, as a recording of skeletons
  csre replay wave.mcap                         who did what from when to when, faster than real time
  csre teach halt                               show the camera a gesture of your own, three times
  csre demo --gallery gallery.npz               the gestures of the bundle and your own
  csre evaluate streams/test                    how well that goes in recordings whose truth is known
  csre node --ros-args -p input:=skeletons      the ROS 2 node on a skeleton topic
"""


def parser(called: str = "", everything: bool = False) -> ArgumentParser:
    """The command line of ``csre``.

    Args:
        called: Name of the command whose options are wanted; those of the others are left out, and their code is not
            imported.
        everything: Add the options of all of them.
    """
    whole = ArgumentParser(prog="csre", description="See what people do, live.", epilog=_EPILOG, formatter_class=_Help)
    whole.add_argument("--version", action="version", version=__version__)
    whole.add_argument(
        "--completion",
        choices=_SHELLS,
        action=_Completion,
        help='Print a completion script: eval "$(csre --completion bash)".',
    )
    subcommands = whole.add_subcommands(dest="command")
    for command in COMMANDS.values():
        part = ArgumentParser(description=command.help)
        if everything or command.name == called:
            _add_options(part, command)
        subcommands.add_subcommand(command.name, part, help=command.help)
    return whole


def _add_options(part: ArgumentParser, command: Command) -> None:
    settings = command.load_settings()
    if settings is not None:
        part.add_argument("--config", action="config", help="Read options from a YAML file.")
        add_options(
            part,
            settings,
            command.flag,
            {"pose.model": ("--pose-model",), "camera_list": ("--camera-list",)},
            command.positional,
        )


def _run(given: list[str]) -> int:
    command = COMMANDS.get(given[0])
    if command is not None and command.verbatim:
        return command.load_run()(["csre", *given[1:]])
    values = parser(given[0]).parse_args(given)
    command = COMMANDS[values.command]
    # All of them end like Ctrl-C: files are closed and the figures are printed.
    for number in ending_signals():
        signal.signal(number, signal.default_int_handler)
    settings, run = command.load_settings(), command.load_run()
    if settings is None:
        return run()
    from csre_ros.app.files import check_files  # which knows sources and bundles

    chosen: Any = build(settings, values[command.name].as_flat().__dict__, command.flag)
    check_files(chosen, command.written, [str(config) for config in values[command.name].get("config") or ()])
    return run(chosen)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; without one, list them.

    Args:
        arguments: The command line; None: that of the process, which then is about to end.

    Returns:
        Exit status: 0; 1 where something is broken; 2 where the request cannot be met; 130 after Ctrl-C; 141 where
        nobody reads standard output any more.
    """
    if logging.lastResort is not None:  # what the runtime logs goes to standard error by it
        logging.lastResort.setFormatter(_OneLine())
    status = _status(list(sys.argv[1:] if arguments is None else arguments))
    if arguments is None:
        for number in ending_signals():  # who asks again while the interpreter tidies up has been heard
            signal.signal(number, signal.SIG_IGN)
    return status


def _status(given: list[str]) -> int:
    try:
        return _run(given or ["--help"])
    except BrokenPipeError:
        # The interpreter writes what is still buffered when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (OSError, ValueError, ImportError) as error:
        console.print(Text("csre:", "red"), sentence(error, _LONGEST_LINE))
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
