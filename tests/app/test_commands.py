"""The table of commands: each entry leads to code, and listing them imports none of it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import pytest

from csre_ros.app.commands import COMMANDS
from csre_ros.app.main import main, parser
from csre_ros.options import leaf_fields

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_an_entry_leads_to_a_function_and_its_settings(command):
    if command.verbatim:
        pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
    settings, run = command.load_settings(), command.load_run()
    assert settings is None or is_dataclass(settings)
    assert len(inspect.signature(run).parameters) == (settings is not None or command.verbatim)


@pytest.mark.parametrize("command", [c for c in COMMANDS.values() if c.settings], ids=lambda command: command.name)
def test_flags_are_unique_and_the_positional_one_is_among_them(command):
    flags = [command.flag(name) for name, _, _ in leaf_fields(command.load_settings())]
    assert len(set(flags)) == len(flags)
    assert not command.positional or command.positional in flags


@pytest.mark.parametrize("given", [[], ["--help"]])
def test_without_a_command_all_are_listed(given, capsys):
    with pytest.raises(SystemExit) as end:
        main(given)
    assert end.value.code == 0
    shown = capsys.readouterr()
    assert not shown.err
    for command in COMMANDS.values():
        assert f"    {command.name} " in shown.out
    assert "examples:" in shown.out


def test_listing_them_imports_no_command():
    code = (
        "import sys; from csre_ros.app.main import parser; parser().format_help();"
        "print([name for name in ('numpy', 'scipy', 'csre_ros.app.demo', 'csre_ros.pipeline') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_an_unknown_command_is_refused_with_the_choices(capsys):
    with pytest.raises(SystemExit) as end:
        main(["dmeo"])
    assert end.value.code == 2
    shown = capsys.readouterr().err
    assert "dmeo" in shown
    assert all(name in shown for name in list(COMMANDS)[:4])


def test_only_the_command_that_is_called_has_its_options():
    assert parser("demo").parse_args(["demo", "--source", "x"]).demo.source == "x"
    with pytest.raises(SystemExit):
        parser().parse_args(["demo", "--source", "x"])


def test_a_shell_completes_commands_and_flags():
    """Bash itself, with the script: what follows `csre de` and `csre demo --camera`."""
    code = (
        'eval "$({0} -m csre_ros.app.main --completion bash)";'
        "complete_line() {{ COMP_WORDS=($1); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _shtab_csre;"
        ' echo "${{COMPREPLY[@]}}"; }};'
        'complete_line "csre de"; complete_line "csre demo --camera"; complete_line "csre --completion z"'
    )
    done = subprocess.run(
        ["bash", "-c", code.format(sys.executable)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    demo, camera, shell = done.stdout.splitlines()
    assert demo.split() == ["demo"]
    assert "--camera-list" in camera
    assert shell == "zsh"


def test_completion_without_shtab_names_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--completion", "bash"]) == 2
    assert "pip install shtab" in capsys.readouterr().err
