"""Where the processor time of a camera's second goes: every frame of it by stage, as figures and as a picture."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import images_of
from benchmarks.report import Row, circumstances
from csre_ros.pipeline import Pipeline
from csre_ros.sources import SourceFrame
from csre_ros.timing import StageTimer

_STAGES = ("pose", "track", "window", "infer", "decode", "rest")
_WARM_S = 3.0  # the models are loaded, and a person's states filled


class _Watch(StageTimer):
    """A timer that adds up the processor time of the whole process by stage; no stage lies in another."""

    def __init__(self) -> None:
        super().__init__()
        self.used_ms: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begin_s = time.process_time()
        with super().__call__(stage):
            yield
        self.used_ms[stage] += 1e3 * (time.process_time() - begin_s)


def measure(source: Path | None = None, output: Path | None = None, fps: float = 30.0) -> Iterator[Row]:
    """Take the frames of a second one after the other.

    Args:
        source: Clip with one person; the wave in CSRE_DATA by default.
        output: Draw the second as a picture (.png), which needs matplotlib.
        fps: Frame rate of the camera, by the stamps of the frames.
    """
    images, watch = images_of(source), _Watch()
    frames = []
    with Pipeline() as pipeline:
        for part in (pipeline, pipeline._people, pipeline.recognizer, pipeline.recognizer._encoder):
            part.__dict__.update({name: watch for name in ("timer", "_timer") if name in part.__dict__})
        for i, image in enumerate(itertools.islice(itertools.cycle(images), round((_WARM_S + 1) * fps))):
            watch.used_ms.clear()
            begin_s = time.process_time()
            pipeline.step(SourceFrame(1_000_000_000 + round(i * 1e9 / fps), "camera", image=image))
            used_ms = 1e3 * (time.process_time() - begin_s)
            watch.used_ms["rest"] = used_ms - sum(watch.used_ms.values())
            frames.append([watch.used_ms[stage] for stage in _STAGES])
    second = np.array(frames[-round(fps) :])
    if output is not None:
        _draw(second, fps, output)
    for stage, values in zip(_STAGES, second.T, strict=True):
        yield Row(stage, values.tolist())
    yield Row("frame", second.sum(axis=1).tolist())


def _draw(second: NDArray[np.float64], fps: float, output: Path) -> None:
    """A column for every frame, its stages on top of each other."""
    from matplotlib.figure import Figure

    about = circumstances()
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    bottom = np.zeros(len(second))
    for stage, values in zip(_STAGES, second.T, strict=True):
        axes.bar(np.arange(len(second)), values, bottom=bottom, width=0.85, label=f"{stage}: {values.mean():.2f} ms")
        bottom += values
    axes.axhline(1e3 / fps, color="black", linewidth=0.8, linestyle="--")
    axes.text(0, 1e3 / fps, f"one core: {1e3 / fps:.0f} ms a frame", va="bottom", fontsize=8)
    axes.set(xlabel="frame", ylabel="processor time, ms", ylim=(0, max(1.15e3 / fps, 1.05 * bottom.max())))
    axes.set_title(f"a second of a camera, {about['machine']}, commit {about['commit']}", fontsize=9)
    figure.legend(ncols=len(_STAGES), fontsize=8, loc="outside lower center")
    figure.savefig(output, dpi=110)
