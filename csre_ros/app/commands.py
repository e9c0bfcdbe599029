"""The commands of ``csre``, as a table: one entry each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name


@dataclass(frozen=True)
class Command:
    """A subcommand, whose code is imported when it is called and no sooner, so that ``csre --help`` answers at once.

    Attributes:
        name: What the user writes.
        help: One sentence for ``csre --help``.
        run: The function that does it and returns the exit status, written ``module:function``. It is called with an
            instance of the settings; without settings, with nothing.
        settings: The dataclass of its options, written ``module:class``; empty where it has none.
        positional: Name of the option that is written without its flag, if there is one.
        verbatim: Whether ``run`` is called with the words behind the name as they are, for a parser of its own.
    """

    name: str
    help: str
    run: str
    settings: str = ""
    positional: str = ""
    verbatim: bool = False

    def load_settings(self) -> type | None:
        """Import the dataclass of the options; None where there is none."""
        found = resolve_name(self.settings) if self.settings else None
        assert found is None or isinstance(found, type)
        return found

    def load_run(self) -> Callable[..., int]:
        """Import the function that runs it.

        Raises:
            ImportError: What the command needs is not installed.
        """
        run: Callable[..., int] = resolve_name(self.run)
        return run

    def flag(self, dotted: str) -> str:
        """The flag of an option, without dashes.

        Options of the command itself and of recognition are the common ones and need no prefix.

        >>> COMMANDS["demo"].flag("demo.source"), COMMANDS["demo"].flag("pipeline.pose.model")
        ('source', 'pose.model')
        """
        for prefix in (f"{self.name.replace('-', '_')}.", "pipeline.recognizer.", "pipeline."):
            if dotted.startswith(prefix):
                return dotted.removeprefix(prefix)
        return dotted

    def written(self, dotted: str) -> str:
        """An option as the user writes it.

        >>> COMMANDS["demo"].written("demo.events"), COMMANDS["record"].written("record.output")
        ('--events', 'output')
        """
        flag = self.flag(dotted)
        return flag if flag == self.positional else f"--{flag}"


_TABLE = (
    Command(
        "demo",
        "Recognise actions from a camera, file or recording.",
        run="csre_ros.app.demo:run",
        settings="csre_ros.app.demo_settings:DemoSettings",
    ),
    Command(
        "dash",
        "Show what is recognised on a local web page.",
        run="csre_ros.app.dash.run:run",
        settings="csre_ros.app.dash.settings:DashSettings",
    ),
    Command(
        "record",
        "Record the people in a camera, file or stream; their images only if asked.",
        run="csre_ros.app.record:run",
        settings="csre_ros.app.record:RecordSettings",
        positional="output",
    ),
    Command(
        "replay",
        "Recognise actions in a recording or bag, faster than real time.",
        run="csre_ros.app.replay:run",
        settings="csre_ros.app.replay:ReplaySettings",
        positional="bag",
    ),
    Command(
        "evaluate",
        "Say how well actions are recognised in recordings whose truth is known.",
        run="csre_ros.app.evaluate:run",
        settings="csre_ros.app.evaluate:EvaluateSettings",
        positional="recordings",
    ),
    Command(
        "teach",
        "Teach a gesture by showing it a few times, or list and remove what was taught.",
        run="csre_ros.app.teach.run:run",
        settings="csre_ros.app.teach.settings:TeachSettings",
        positional="name",
    ),
    Command(
        "recover",
        "Make a complete recording of what is whole in one that was cut or damaged.",
        run="csre_ros.app.recover:run",
        settings="csre_ros.app.recover:RecoverSettings",
        positional="recording",
    ),
    Command(
        "doctor",
        "Say what is installed and what works; exit status 1 if something needed is broken.",
        run="csre_ros.app.doctor:run",
    ),
    Command(
        "pose-model",
        "Fetch the model that finds people in images, where the installed MediaPipe has none.",
        run="csre_ros.app.pose_model:run",
        settings="csre_ros.app.pose_model:PoseModelSettings",
        positional="size",
    ),
    Command(
        "models",
        "List the shipped bundles with labels, accuracy and protocol.",
        run="csre_ros.app.catalogue:run",
    ),
    Command(
        "node",
        "Run the ROS 2 node; what follows `node` goes to ROS.",
        run="csre_ros.ros.main:main",
        verbatim=True,
    ),
)
COMMANDS = {command.name: command for command in _TABLE}
