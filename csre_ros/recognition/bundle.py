"""Bundles at run time: one ONNX file, checked before it is trusted, run by ONNX Runtime."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from csre_ros.foreign_text import quoted
from csre_ros.inference import InferenceError, OnnxSession, open_session
from csre_ros.recognition.bundle_info import BundleError, BundleInfo, split_metadata
from csre_ros.skeleton import FloatArray, get_layout

BUNDLE_FOLDER = Path(__file__).resolve().parent.parent / "bundles"

_log = logging.getLogger(__name__)


class Bundle:
    """A trained model with its description, ready to run. Make one with :meth:`load`.

    Attributes:
        info: The description.
        path: The file it came from.
        device: Where it runs: ``cpu``, ``cuda`` or ``tensorrt``, read back from the session.
    """

    def __init__(self, info: BundleInfo, path: Path, session: OnnxSession) -> None:
        self.info = info
        self.path = path
        self.device = session.device
        self._session = session

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
        _log.info("bundle %s (%s) runs on %s", info.name, path, session.device)
        return cls(info, path, session)

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """``persons, time, joints, dims`` of one sample."""
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

    def warm_up(self) -> None:
        """Run once on a window in which nothing is seen, so that the first real decision is as fast as the others.

        Raises:
            BundleError: The graph fails or does not end, or it lets missing joints through: its output is not finite.
        """
        positions = np.full((1, *self.input_shape), np.nan, dtype=np.float32)
        confidence = np.zeros(positions.shape[:-1], dtype=np.float32)
        try:
            finite = self._session.warm_up({"positions": positions, "confidence": confidence})
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
    for path in (BUNDLE_FOLDER / f"{name_or_path}.onnx", Path(name_or_path).expanduser()):
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
    window = (info.persons, info.time_steps, len(get_layout(info.layout)))
    expected: dict[str, tuple[int, ...]] = {
        "positions": (*window, info.dims),
        "confidence": window,
        "logits": (len(info.labels),),
        "embedding": (info.embedding,),
    }
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
