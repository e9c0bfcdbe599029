"""The tests of the runtime on several interpreters: ``nox``, or ``nox --session core-3.13``."""

from __future__ import annotations

import nox

nox.options.error_on_missing_interpreters = False


@nox.session(python=["3.10", "3.11", "3.12", "3.13"])
def core(session: nox.Session) -> None:
    """Install the newest versions that this interpreter gets, and run what `make core` runs."""
    session.install("--editable", ".[mediapipe,video,cpu,test]")
    session.run("python", "-m", "pytest", *(session.posargs or CORE))


ROOMS = ("app", "evaluation", "pose", "recognition", "recordings", "skeleton", "sources", "teaching")
CORE = ["-m", "not slow", *(f"tests/{room}" for room in ROOMS)]
