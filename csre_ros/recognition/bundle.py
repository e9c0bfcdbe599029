"""Bundles at run time: one ONNX file, checked before it is trusted, run by ONNX Runtime."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from csre_ros.foreign_text import quoted
from csre_ros.inference import InferenceError, OnnxSession, open_session
from csre_ros.paths import user_path
from csre_ros.recognition.bundle_info import BundleError, BundleInfo, split_metadata
from csre_ros.recognition.extensions import DECODER
from csre_ros.recognition.frame_decoder import FrameDecoding
from csre_ros.recognition.open_set import UNKNOWN, OpenSet
from csre_ros.skeleton import FloatArray, get_layout

BY_DIMS = {3: "default", 2: "flat"}
"""The shipped bundle for people in metres, and for people in the image."""

BUNDLE_FOLDER = Path(__file__).resolve().parent.parent / "bundles"

_log = logging.getLogger(__name__)


States = Mapping[str, FloatArray]
"""What a step hands to the next one: ``[batch, ...]`` by name; all zeros are the beginning."""

_BEGIN = "begin"
_STATE_IN, _STATE_OUT = "state_{}_in", "state_{}_out"
_MOST_STATES = 1 << 20  # numbers per person: 4 MB


class Step(NamedTuple):
    """What a network says of one frame of several people.

    Attributes:
        logits: ``[batch, classes]``.
        embedding: ``[batch, dim]``.
        begin: ``[batch]`` probability that an action begins; 0 of bundles that do not say.
        states: Of the next step.
    """

    logits: FloatArray
    embedding: FloatArray
    begin: FloatArray
    states: States


class Bundle:
    """A trained model with its description, ready to run. Make one with :meth:`load`.

    One that classifies windows has :meth:`run`, one that labels every frame (``info.stream``) has :meth:`step`.

    Attributes:
        info: The description.
        path: The file it came from.
        device: Where it runs: ``cpu``, ``cuda`` or ``tensorrt``, read back from the session.
        states: Shapes of the states of one person, by name; none of a bundle that classifies windows.
        decoding: How labels of frames become intervals, as it was fitted for this network.
        open_set: How movements without a label are told from known ones; None of a bundle that does not say.
    """

    def __init__(self, info: BundleInfo, path: Path, session: OnnxSession) -> None:
        self.info = info
        self.path = path
        self.device = session.device
        self.states = _states(session)
        self.decoding = FrameDecoding.from_extension(info.extensions.get(DECODER, {}))
        names = [label.name for label in info.labels]
        unknown = info.extensions.get(UNKNOWN) if info.stream else None
        self.open_set = None if unknown is None else OpenSet.from_extension(unknown, names, info.embedding)
        self._session = session
        self._outputs = [name for name in ("logits", "embedding", _BEGIN) if name in session.outputs]

    @classmethod
    def load(cls, name_or_path: str | Path = "default", device: str = "auto") -> Bundle:
        """Load and check a bundle.

        Args:
            name_or_path: Name of a shipped bundle, or path of an .onnx file.
            device: ``auto`` (CUDA where it works, else CPU), ``cpu``, ``cuda`` or ``tensorrt``.

        Raises:
            BundleError: The file is missing, damaged, foreign, of another schema or shape, or the device is not active.
            ImportError: ONNX Runtime is not installed.
        """
        path = find_bundle(name_or_path)
        blob, info = _read(path)
        try:
            session = open_session(blob, f"bundle {path}", device)
        except InferenceError as error:
            raise BundleError(str(error)) from error
        _check_signature(session, info, path)
        try:
            bundle = cls(info, path, session)
        except ValueError as error:
            raise BundleError(f"bundle {path}: {error}; export it again") from None
        _log.info("bundle %s (%s) runs on %s", info.name, path, session.device)
        return bundle

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """``persons, time, joints, dims`` of one window."""
        return self.info.persons, self.info.time_steps, len(get_layout(self.info.layout)), self.info.dims

    def run(self, positions: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Classify a batch.

        Args:
            positions: ``[batch, persons, time, joints, dims]`` float32; may be NaN where the confidence is 0.
            confidence: ``[batch, persons, time, joints]`` float32 in 0..1.

        Returns:
            Logits ``[batch, classes]`` and embedding ``[batch, dim]``.

        Raises:
            InferenceError: The graph fails on these values, or does not end.
        """
        logits, embedding = self._session.run(
            ["logits", "embedding"], {"positions": positions, "confidence": confidence}
        )
        return logits, embedding

    def step(self, positions: FloatArray, confidence: FloatArray, states: States) -> Step:
        """Label one frame of several people.

        Args:
            positions: ``[batch, joints, dims]`` float32; may be NaN where the confidence is 0.
            confidence: ``[batch, joints]`` float32 in 0..1.
            states: What the step before returned of the same people.
        """
        feeds = {"positions": positions, "confidence": confidence}
        feeds |= {_STATE_IN.format(name): state for name, state in states.items()}
        names = [*self._outputs, *(_STATE_OUT.format(name) for name in self.states)]
        found = self._session.run(names, feeds)
        count = len(self._outputs)
        begin = found[2] if _BEGIN in self._outputs else np.zeros(len(positions), np.float32)
        return Step(found[0], found[1], begin, dict(zip(self.states, found[count:], strict=True)))

    def beginning(self, people: int) -> dict[str, FloatArray]:
        """The states of people of whom nothing was seen yet."""
        return {name: np.zeros((people, *shape), np.float32) for name, shape in self.states.items()}

    def warm_up(self) -> None:
        """Run once on somebody of whom nothing is seen, so that the first real decision is as fast as the others.

        Raises:
            BundleError: The graph fails or does not end, or it lets missing joints through: its output is not finite.
        """
        shape = self.input_shape[2:] if self.info.stream else self.input_shape
        positions = np.full((1, *shape), np.nan, dtype=np.float32)
        feeds = {"positions": positions, "confidence": np.zeros(positions.shape[:-1], dtype=np.float32)}
        feeds |= {_STATE_IN.format(name): state for name, state in self.beginning(1).items()}
        try:
            finite = self._session.warm_up(feeds)
        except InferenceError as error:
            raise BundleError(f"bundle {self.path}: {error}") from error
        if not finite:
            raise BundleError(
                f"bundle {self.path}: the output is not finite where joints are missing (NaN, confidence 0); "
                "the graph must mask them: export it again"
            )


def shipped_bundles() -> dict[str, BundleInfo]:
    """The bundles of this package: the name that :meth:`Bundle.load` takes, and the description.

    Raises:
        BundleError: A shipped file is damaged.
    """
    return {path.stem: read_info(path) for path in sorted(BUNDLE_FOLDER.glob("*.onnx"))}


def read_info(path: Path) -> BundleInfo:
    """The description of a bundle file, verified. Needs no ONNX Runtime.

    Raises:
        BundleError: The file is missing, damaged, foreign or of another schema.
    """
    return _read(path)[1]


def find_bundle(name_or_path: str | Path) -> Path:
    """The file that a name or path means.

    Raises:
        BundleError: There is no such file or shipped bundle.
    """
    for path in (BUNDLE_FOLDER / f"{name_or_path}.onnx", user_path(name_or_path)):
        with suppress(OSError, ValueError):  # no file has a name so long, or with a zero in it
            if path.is_file():
                return path
    names = ", ".join(sorted(item.stem for item in BUNDLE_FOLDER.glob("*.onnx"))) or "none"
    raise BundleError(f"no bundle {quoted(name_or_path)}; give the path of an .onnx file or choose one of: {names}")


def _read(path: Path) -> tuple[bytes, BundleInfo]:
    """The whole file, and its verified description."""
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise BundleError(f"bundle {path} cannot be read: {error.strerror}") from error
    try:
        return blob, split_metadata(blob)[1]
    except BundleError as error:
        raise BundleError(f"bundle {path} cannot be used: {error}") from None


def _check_signature(session: OnnxSession, info: BundleInfo, path: Path) -> None:
    """Refuse a graph whose inputs and outputs are not those that its description promises."""
    joints = len(get_layout(info.layout))
    sample = (joints,) if info.stream else (info.persons, info.time_steps, joints)
    expected: dict[str, tuple[int, ...]] = {
        "positions": (*sample, info.dims),
        "confidence": sample,
        "logits": (len(info.labels),),
        "embedding": (info.embedding,),
    }
    if info.stream:
        states = _states(session)
        if (floats := sum(math.prod(shape) for shape in states.values())) > _MOST_STATES:
            raise BundleError(f"bundle {path} has states of {floats} numbers per person; at most {_MOST_STATES} fit")
        if _BEGIN in session.outputs:  # bundles of older releases do not say
            expected[_BEGIN] = ()
        for name, shape in states.items():
            expected |= {_STATE_IN.format(name): shape, _STATE_OUT.format(name): shape}
    found = {**session.inputs, **session.outputs}
    if set(found) != set(expected):
        names = ", ".join(map(quoted, sorted(found)[:20]))
        raise BundleError(f"bundle {path} has inputs and outputs {names}, expected {sorted(expected)}")
    for name, shape in expected.items():
        item = found[name]
        if item.kind != "tensor(float)" or isinstance(item.shape[0], int) or item.shape[1:] != shape:
            raise BundleError(
                f"bundle {path}: {name} is {item.kind} {quoted(list(item.shape))}, expected tensor(float) ['batch', "
                f"{', '.join(map(str, shape))}]; its description and its graph do not belong together"
            )


def _states(session: OnnxSession) -> dict[str, tuple[int, ...]]:
    """Shapes of the states of one person, by name, as the graph takes them."""
    before, after = _STATE_IN.split("{}")
    found = {}
    for name, tensor in session.inputs.items():
        if name.startswith(before) and name.endswith(after):
            found[name.removeprefix(before).removesuffix(after)] = tuple(
                size if isinstance(size, int) else 0 for size in tensor.shape[1:]
            )
    return found
