from dataclasses import dataclass, field

import pytest
from jsonargparse import ArgumentParser

from csre_ros.app.commands import COMMANDS
from csre_ros.app.demo_settings import DemoSettings
from csre_ros.app.flags import add_options
from csre_ros.options import build, leaf_fields, option


@dataclass(frozen=True)
class Inner:
    rate: float = option(1.5, "A rate in 100 % of cases.", minimum=0.0, maximum=2.0)


@dataclass(frozen=True)
class Outer:
    name: str = option("a", "A name.", choices=("a", "b"))
    flag: bool = option(True, "A switch.")
    inner: Inner = field(default_factory=Inner)


def parse(*arguments: str) -> Outer:
    parser = ArgumentParser()
    add_options(parser, Outer, str, {"name": ("--alias",)})
    return build(Outer, vars(parser.parse_args(list(arguments)).as_flat()))


def test_defaults_survive():
    assert parse() == Outer()


def test_every_kind_of_flag():
    assert parse("--alias", "b", "--no-flag", "--inner.rate", "0.5") == Outer("b", False, Inner(0.5))


def test_the_help_explains_choices_and_ranges(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    text = capsys.readouterr().out
    assert "One of: a, b." in text
    assert "[0.0..2.0]" in text
    assert "100 %" in text


def test_a_word_where_a_number_belongs_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse("--inner.rate", "fast")
    assert "fast" in capsys.readouterr().err


def test_flags_of_the_demo_are_unique_and_short():
    flags = [COMMANDS["demo"].flag(name) for name, _, _ in leaf_fields(DemoSettings)]
    assert len(set(flags)) == len(flags)
    assert {"source", "bundle", "headless", "output", "events", "ros", "device", "pose.model"} <= set(flags)
