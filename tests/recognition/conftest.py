"""A recognizer on the tiny bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from csre_ros.recognition import Bundle, Recognizer
from tests.recognition.raised_arms import CONFIG


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return Bundle.load(tiny_bundle, "cpu")


@pytest.fixture
def recognizer(bundle: Bundle) -> Recognizer:
    return Recognizer(CONFIG, bundle)
