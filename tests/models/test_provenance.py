"""Where a figure comes from."""

from __future__ import annotations

import subprocess
from pathlib import Path

from models.training.provenance import commit


def test_commit(tmp_path: Path) -> None:
    """The hash whatever the tags, and a mark on what is not committed; nothing outside a repository."""
    assert commit(tmp_path) == ""

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        return subprocess.check_output(["git", *identity, *arguments], cwd=tmp_path, text=True).strip()

    git("init", "--quiet")
    (tmp_path / "file").write_text("committed")
    (tmp_path / "models" / "results").mkdir(parents=True)
    (tmp_path / "models" / "results" / "utd.md").write_text("a table")
    git("add", "file", "models")
    git("commit", "--quiet", "--message", "First")
    git("tag", "--annotate", "v1", "--message", "v1")
    name = git("rev-parse", "--short", "HEAD")
    assert commit(tmp_path) == commit(tmp_path / "models") == name
    (tmp_path / "models" / "results" / "utd.md").write_text("a table with one more row")
    assert commit(tmp_path) == commit(tmp_path / "models") == name
    (tmp_path / "file").write_text("edited")
    assert commit(tmp_path) == f"{name}-dirty"
