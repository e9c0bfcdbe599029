"""What is built: a wheel and a source archive with all that belongs in them, which install and run elsewhere."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

import csre_ros

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder with both, built of a copy of what git knows, or would add."""
    folder = tmp_path_factory.mktemp("build")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("needs a git checkout")
    for name in filter(None, done.stdout.decode().split("\0")):
        if not name.startswith(("models/", "tests/")) and (ROOT / name).is_file():
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "tree" / name)
    code = (
        "import sys; from setuptools import build_meta as build; folder = sys.argv[1];"
        "build.build_sdist(folder); build.build_wheel(folder)"  # the first changes sys.argv
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], cwd=folder / "tree", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (file,) = built.glob("*.whl")
    return file


@pytest.mark.slow
def test_the_wheel_holds_what_runs_and_what_is_read(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    data = f"csre_ros-{csre_ros.__version__}.data/data/share"
    for name in (
        "csre_ros/py.typed",
        "csre_ros/bundles/default.onnx",
        "csre_ros/recordings/wave_and_squats.mcap",
        "csre_ros/app/dash/page/index.html",
        f"{data}/csre_ros/launch/demo.launch.py",
        f"{data}/csre_ros/examples/stop_on_wave.py",
        f"{data}/csre_ros/schema/actions.schema.json",
        f"{data}/csre_ros/config/actions.rviz",
        f"{data}/doc/csre_ros/CHANGELOG.md",
    ):
        assert name in names
    assert not [name for name in names if name.startswith(("tests/", "models/"))]


@pytest.mark.slow
def test_its_metadata_say_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Version"] == csre_ros.__version__
    assert metadata["License-Expression"] or metadata["License"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert "action recognition" in metadata["Keywords"]
    assert "Programming Language :: Python :: 3.14" in metadata.get_all("Classifier")
    assert metadata["Description-Content-Type"] == "text/markdown"
    page = metadata.get_payload()
    assert "# csre_ros" in page
    assert "arxiv.org" in page
    assert not [target for target in links(page) if not target.startswith("https://")]


def links(page: str) -> list[str]:
    """Where the links and pictures of a page lead."""
    return re.findall(r"\]\(([^)\s]+)\)", page)


def shown_on_an_index(folder: Path, url: str) -> str:
    """The README as the setup script writes it for a repository at an address; empty: at none."""
    manifest = (ROOT / "package.xml").read_text(encoding="utf-8")
    tag = f'<url type="repository">{url}</url>' if url else ""
    (folder / "package.xml").write_text(manifest.replace("<license>", f"{tag}<license>"), encoding="utf-8")
    for name in ("README.md", "setup.py"):
        shutil.copy(ROOT / name, folder)
    code = "import setuptools; setuptools.setup = lambda **said: print(said['long_description']); import setup"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_links_of_the_readme_lead_into_the_repository_once_it_has_an_address(tmp_path):
    page = shown_on_an_index(tmp_path, "https://forge.example/robots/csre_ros/")
    there = f"https://forge.example/robots/csre_ros/blob/{csre_ros.__version__}"
    assert f"[More, and plainly]({there}/docs/performance.md#limits)" in page
    assert "[arXiv 2312.15144](https://arxiv.org/abs/2312.15144)" in page
    assert f"({there.replace('blob', 'raw')}/docs/demo.gif)" in page
    assert not [target for target in links(page) if not target.startswith("https://")]


def test_without_an_address_no_link_leads_nowhere(tmp_path):
    page = shown_on_an_index(tmp_path, "")
    assert "More, and plainly" in page
    assert "demo.gif)" not in page
    assert {target.split("/")[2] for target in links(page)} == {"arxiv.org"}


@pytest.mark.slow
def test_the_source_archive_holds_what_the_wheel_is_made_of(built):
    (file,) = built.glob("*.tar.gz")
    stem = f"csre_ros-{csre_ros.__version__}"
    with tarfile.open(file) as archive:
        names = {name.removeprefix(f"{stem}/") for name in archive.getnames()}
    for name in ("LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "package.xml", "config/params.yaml",
                 "docs/schema/actions.schema.json", "examples/stop_on_wave.py", "resource/csre_ros"):  # fmt: skip
        assert name in names


@pytest.mark.slow
def test_it_installs_and_runs_from_elsewhere(wheel, tmp_path):
    """Dependencies are those of this environment."""
    target = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel]
    subprocess.run(install, check=True, capture_output=True)
    code = (
        f"import sys; sys.path.insert(0, {str(target)!r});"
        "import csre_ros; assert csre_ros.__file__.startswith(sys.path[0]), csre_ros.__file__;"
        "from csre_ros.app.main import main; sys.exit(main(['replay', 'recording', '--seconds', '6']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "wave" in done.stdout


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == csre_ros.__version__
    assert citation["license"] == "Apache-2.0"


def test_workflows_call_targets_of_make():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text(encoding="utf-8"))["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"make check", "make test"} <= set(runs)
    for run in runs:
        program, target, *_ = run.split()
        assert program == "make"
        assert f"\n{target}:" in makefile
