"""The documentation says what is so: links lead somewhere, tables are current, examples and commands are accepted."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from unittest.mock import MagicMock
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

import csre_ros
from csre_ros.app.main import parser
from csre_ros.options import check_field
from csre_ros.pipeline import Pipeline
from csre_ros.recordings import SHIPPED
from csre_ros.ros.outputs.json_records import actions_record, classes_record, to_json
from csre_ros.ros.outputs.report import Report
from csre_ros.ros.settings import INPUTS, options
from csre_ros.sources import open_source

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "models" / "README.md"])
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()}


def named(pages):
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.name)


@lru_cache
def headings(page: Path) -> set[str]:
    """Anchors as GitHub makes them of headings."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def blocks(language: str) -> list[tuple[str, str]]:
    """Name of the page and text of every fenced block of a language."""
    fenced = re.compile(rf"^```{language}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [(page.name, text) for page in PAGES for text in fenced.findall(page.read_text())]


@named(PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), target
        assert not anchor or anchor in headings(path), target


@named(PAGES)
def test_files_that_are_named_exist(page):
    for name in re.findall(r"`([\w.]+/[\w./]+)`", page.read_text()):
        if name.partition("/")[0] in FOLDERS and not name.startswith("runs/"):
            assert (ROOT / name).exists(), name


def test_every_page_is_reachable_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text()):
            path = (page.parent / target).resolve()
            waiting += [path] if path not in seen else []
    assert set(PAGES) <= seen


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("docs_tables", ROOT / "docs" / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_current(tables):
    text = "".join(page.read_text() for page in PAGES)
    for name in tables.TABLES:
        assert f"<!-- table: {name} -->" in text
    for page in PAGES:
        assert tables.render(page.read_text()) == page.read_text(), f"run `python docs/tables.py` for {page.name}"


def test_a_table_that_is_out_of_date_is_noticed(tables):
    text = (ROOT / "docs" / "operator.md").read_text()
    assert tables.render(text.replace("| `bundle` |", "| `bundel` |")) == text


def test_every_input_is_documented():
    text = (ROOT / "docs" / "integrator.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", text.partition("## Inputs")[2].partition("## Layouts")[0], re.MULTILINE) == [
        *INPUTS
    ]


def test_versions_agree():
    assert f'VERSION = "{csre_ros.__version__}"' in (ROOT / "setup.py").read_text()
    assert ElementTree.parse(ROOT / "package.xml").findtext("version") == csre_ros.__version__
    released = re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == csre_ros.__version__


# --- JSON ---


def schema(name):
    return json.loads((ROOT / "docs" / "schema" / f"{name}.schema.json").read_text())


@pytest.fixture(scope="module")
def spoken():
    """Every record about the shipped recording, and that of the classes, as the node writes them."""
    pipeline = Pipeline()
    recognizer, records = pipeline.recognizer, []
    with open_source(str(SHIPPED)) as source:
        for frame in source:
            _, people = pipeline.step(frame)
            now_ns = frame.stamp_ns + 5_000_000
            report = Report(frame.stamp_ns, frame.frame_id, now_ns, tuple(people), recognizer.info, recognizer.labels)
            records.append(json.loads(to_json(actions_record(report, report.events, 3))))
    classes = classes_record(recognizer.info, recognizer.labels)
    return {"actions": records, "classes": [json.loads(to_json(classes))]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["actions", "classes"])
def test_records_are_what_the_schema_says(spoken, name):
    jsonschema.Draft202012Validator.check_schema(schema(name))
    validator = jsonschema.Draft202012Validator(schema(name))
    for record in spoken[name]:
        validator.validate(record)
    broken = spoken[name][0] | {"schema": 2}
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(broken)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["actions", "classes"])
def test_every_key_is_documented_and_every_documented_key_appears(spoken, name):
    def keys(value, prefix=""):
        if isinstance(value, list):
            return set().union(*(keys(item, prefix) for item in value))
        if not isinstance(value, dict):
            return set()
        return set().union(*({prefix + key} | keys(item, f"{prefix}{key}.") for key, item in value.items()))

    def documented(part, prefix=""):
        part = part.get("items", part)
        properties = part.get("properties", {}).items()
        return set().union(*({prefix + key} | documented(item, f"{prefix}{key}.") for key, item in properties))

    assert keys(spoken[name]) == documented(schema(name))


def test_the_examples_of_records_are_valid():
    actions = jsonschema.Draft202012Validator(schema("actions"))
    whole = [json.loads(text) for _, text in blocks("json")]
    examples = [record for record in whole if "schema" in record]
    lines = [record for record in whole if "state" in record]
    assert examples
    assert lines
    for record in examples:
        actions.validate(record)
    for record in lines:
        jsonschema.validate(record, schema("actions")["properties"]["events"]["items"])


def test_the_example_of_the_input_json_is_read():
    pytest.importorskip("rclpy", reason="needs ROS 2: pip install 'csre_ros[ros]'")
    from csre_ros.ros.readers.json_text import read_record
    from csre_ros.ros.readers.reading import Sender
    from csre_ros.skeleton import get_layout

    (text,) = [text for _, text in blocks("json") if "layout" in json.loads(text)]
    frame, rejected = read_record(text, Sender(get_layout("coco17_3d")), 0)
    assert not rejected
    assert [(person.source_id, int((person.confidence > 0).sum())) for person in frame.skeletons] == [("3", 13)]


# --- code and commands ---


@pytest.mark.parametrize(("page", "text"), blocks("python"))
def test_python_examples_compile(page, text):
    compile(text, page, "exec")


PYTHON = (ROOT / "docs" / "python.md").read_text()
RUNS = re.findall(r"^```python\n(.*?)^```$.*?^```text\n(.*?)^```$", PYTHON, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("code", "printed"), RUNS, ids=["clip", "skeletons"])
def test_the_python_page_prints_what_it_says(code, printed):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == printed


@pytest.mark.slow
def test_the_readme_says_in_python_what_the_command_says():
    ((_, code),) = [block for block in blocks("python") if block[0] == "README.md"]
    assert len(code.strip().splitlines()) <= 4
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    words = [sys.executable, "-m", "csre_ros.app.main", "replay", "recording", "--events", "-"]
    replayed = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
    told = [json.loads(line) for line in replayed.stdout.splitlines()]
    line = "{stamp:.1f} s  person {person}  {action} {state}"
    assert done.stdout.splitlines() == [line.format(**event) for event in told]
    assert len(told) >= 6


def commands() -> list[list[str]]:
    """Every command of every shell block, as words."""
    found = []
    for _, text in blocks("sh"):
        for line in text.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                while words and re.match(r"^[A-Z_]+=", words[0]):
                    words = words[1:]
                if words and words not in found:
                    found.append(words)
    return found


def check_ros_arguments(words: list[str], known=None) -> None:
    assert words[0] == "--ros-args"
    for flag, value in zip(words[1::2], words[2::2], strict=True):
        name, _, given = value.partition(":=")
        if flag == "-p":
            assert known is None or name in known, name
            if known is not None:
                check_field(known[name], yaml.safe_load(given))
        elif flag == "--params-file":
            assert (ROOT / value).exists(), value
        else:
            assert flag in ("-r", "--enclave"), flag


def check_csre(words: list[str]) -> None:
    if not words:
        return  # lists all commands
    if words[0] == "node":
        check_ros_arguments(words[1:], options())
    else:
        parser(words[0]).parse_args(words)


def check_launch(words: list[str], monkeypatch) -> None:
    """The file is there and declares the arguments; the launch packages are stand-ins."""
    assert words[0] == "csre_ros"
    file = ROOT / "launch" / words[1]
    actions = MagicMock()
    for module in re.findall(r"^from (\S+) import", file.read_text(), re.MULTILINE):
        if module.startswith(("launch", "lifecycle_msgs", "ament_index_python")):
            monkeypatch.setitem(sys.modules, module, actions if module == "launch.actions" else MagicMock())
    namespace = {"__file__": str(file)}
    exec(compile(file.read_text(), file, "exec"), namespace)
    namespace["generate_launch_description"]()
    declared = {call.args[0] for call in actions.DeclareLaunchArgument.call_args_list}
    given = {word.partition(":=")[0] for word in words[2:] if word != "--show-args"}
    assert given <= declared, given - declared


def check_ros2(words: list[str], monkeypatch) -> None:
    match words:
        case ["launch", *rest]:
            check_launch(rest, monkeypatch)
        case ["run", "csre_ros", "csre", *rest]:
            check_csre(rest)
        case ["run", "csre_ros", executable, *rest]:
            assert f"{executable} = " in (ROOT / "setup.py").read_text()
            check_ros_arguments(rest, options())
        case ["param", "set", "/action_node", name, value]:
            assert options()[name].metadata["dynamic"]
            check_field(options()[name], yaml.safe_load(value))
        case ["service", "call", name, "std_srvs/srv/Trigger"]:
            assert f"| `{name.replace('/action_node', '~')}` | `std_srvs/Trigger` |" in OPERATOR
        case ["interface", "show", name]:
            assert (ROOT / "msgs" / f"{name}.msg").exists()
        case ["topic", "echo", _] | ["lifecycle", "get", _] | ["lifecycle", "set", _, _]:
            pass
        case ["bag", "play" | "record", *_] | ["security", *_]:
            pass
        case _:
            raise AssertionError(f"unknown command: ros2 {shlex.join(words)}")


OPERATOR = (ROOT / "docs" / "operator.md").read_text()


def check_python(words: list[str]) -> None:
    match words:
        case ["-m", "models", verb, *rest]:
            assert all((ROOT / word).exists() for word in rest if word.startswith("models/"))
            assert verb in HELPED
        case ["-m", "pytest", *rest]:
            assert all((ROOT / word).exists() for word in rest if word.startswith("tests"))
        case ["-m", module, *_]:
            assert importlib.util.find_spec(module)
        case [script, *rest]:
            assert (ROOT / script).exists(), script
            if rest:
                check_ros_arguments(rest)


OTHERS = [
    "pip",
    "colcon",
    "source",
    "export",
    "sudo",
    "python3",
    "rosdep",
    "mkdir",
    "touch",
    "cd",
    "echo",
]  # which nobody can try here


@pytest.mark.parametrize("words", commands(), ids=shlex.join)
def test_commands_are_accepted(words, monkeypatch):
    monkeypatch.chdir(ROOT)
    program, rest = Path(words[0]).name, words[1:]
    if program == "csre":
        check_csre(rest)
    elif program == "ros2":
        check_ros2(rest, monkeypatch)
    elif program == "python":
        check_python(rest)
    elif program == "make":
        assert all(re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE) for target in rest)
    else:
        assert program in OTHERS, words


def test_a_wrong_command_is_noticed(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        check_csre(["demo", "--sauce", "camera:0"])
    assert "sauce" in capsys.readouterr().err
    with pytest.raises(AssertionError, match="sauce"):
        check_csre(["node", "--ros-args", "-p", "sauce:=camera:0"])
    with pytest.raises(AssertionError, match="sauce"):
        check_ros2(["launch", "csre_ros", "demo.launch.py", "sauce:=camera:0"], monkeypatch)
    with pytest.raises(ValueError, match="must lie in"):
        check_ros2(["param", "set", "/action_node", "decoder.threshold_scale", "9.0"], monkeypatch)


HELPED = ("fit", "export", "export-stream", "streams")


@pytest.mark.slow
@pytest.mark.parametrize("verb", HELPED)
def test_the_trainer_knows_the_commands(verb):
    pytest.importorskip("lightning", reason="needs the trainer: pip install 'csre_ros[train]'")
    done = subprocess.run(
        [sys.executable, "-m", "models", verb, "--help"],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    given = {
        word.partition("=")[0]
        for words in commands()
        if words[1:4] == ["-m", "models", verb]
        for word in words
        if word.startswith("--")
    }
    missing = {flag for flag in given if flag not in done.stdout}
    # What belongs to a chosen data module is in that module's help.
    assert all(flag.startswith("--data.") for flag in missing), missing
