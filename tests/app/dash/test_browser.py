"""The page in a real browser: Chromium, where there is one, driven by Playwright of the extra ``browser``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]


LIT = """id => {
    const canvas = document.getElementById(id), pen = canvas.getContext("2d");
    return pen.getImageData(0, 0, canvas.width, canvas.height).data.filter(value => value > 60).length;
}"""
"""How many values of a canvas are bright."""


def test_the_page_shows_people_labels_strip_and_events(tmp_path):
    """Set CSRE_PICTURES to a folder to look at the page."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright (extra 'browser')")
    command = [sys.executable, "-m", "csre_ros.app.main", "dash", "--source", "recording", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            while "is shown on" not in (line := process.stderr.readline()):
                assert line, "it ended"
            url = "http://" + line.partition("http://")[2].split()[0]
            with playwright.sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1150, "height": 760})
                faults = []
                page.on("pageerror", lambda error: faults.append(str(error)))
                page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
                page.goto(url)
                page.wait_for_selector("#labels li.on", timeout=20_000)
                action = page.inner_text("#labels li.on")
                assert action in page.inner_text("#events")
                assert "ms" in page.inner_text("#speed")
                for canvas in ("people", "strip"):
                    lit = page.evaluate(LIT, canvas)
                    assert lit > 1000, canvas
                page.screenshot(path=os.path.join(os.environ.get("CSRE_PICTURES", tmp_path), "dash.png"))
                browser.close()
            assert [fault for fault in faults if "favicon" not in fault and "404" not in fault] == []
        finally:
            process.terminate()
            process.wait(timeout=30)
