"""The trainer's table of commands: listed without torch, each leading to a function."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest

from models.__main__ import COMMANDS

ROOT = Path(__file__).parents[2]


def models(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "models", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_without_a_command_all_are_listed(arguments):
    done = models(*arguments)
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command.name} " in done.stdout
        assert command.help in done.stdout


def test_listing_them_needs_no_torch():
    code = (
        "import sys; sys.modules.update(torch=None, lightning=None, jsonargparse=None); sys.argv = ['models'];"
        "from models.__main__ import main; main()"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT)


def test_an_unknown_command_is_refused_with_the_choices():
    done = models("fti")
    assert done.returncode == 2
    assert "unknown command 'fti'; choose one of: fit, " in done.stderr


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.run], ids=lambda command: command.name)
def test_an_entry_leads_to_a_function(command):
    pytest.importorskip("lightning", reason="needs the trainer: pip install 'csre_ros[train]'")
    assert callable(resolve_name(command.run))


def test_the_others_are_subcommands_of_lightning():
    cli = pytest.importorskip("lightning.pytorch.cli", reason="needs the trainer: pip install 'csre_ros[train]'")
    assert {command.name for command in COMMANDS if not command.run} <= set(cli.LightningCLI.subcommands())
