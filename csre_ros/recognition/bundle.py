"""Bundles at run time: one ONNX file, checked before it is trusted, run by ONNX Runtime."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from csre_ros.recognition.bundle_info import BundleError, BundleInfo, split_metadata
from csre_ros.skeleton import FloatArray, get_layout

BUNDLE_FOLDER = Path(__file__).resolve().parent.parent / "bundles"

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_log = logging.getLogger(__name__)


class Bundle:
    """A trained model with its description, ready to run. Make one with :meth:`load`.

    Attributes:
        info: The description.
        path: The file it came from.
        device: Where it runs: ``cpu``, ``cuda`` or ``tensorrt``, read back from the session.
    """

    def __init__(self, info: BundleInfo, path: Path, device: str, session: Any) -> None:
        self.info = info
        self.path = path
        self.device = device
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
        session, active = _make_session(blob, path, device)
        _check_signature(session, info, path)
        _log.info("bundle %s (%s) runs on %s", info.name, path, active)
        return cls(info, path, active, session)

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
        """
        logits, embedding = self._session.run(
            ["logits", "embedding"], {"positions": positions, "confidence": confidence}
        )
        return logits, embedding

    def warm_up(self) -> None:
        """Run once on a window in which nothing is seen, so that the first real decision is as fast as the others.

        Raises:
            BundleError: The graph lets missing joints through: its output is not finite.
        """
        positions = np.full((1, *self.input_shape), np.nan, dtype=np.float32)
        outputs = self.run(positions, np.zeros(positions.shape[:-1], dtype=np.float32))
        if not all(np.isfinite(output).all() for output in outputs):
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
    raise BundleError(f"no bundle {str(name_or_path)!r}; give the path of an .onnx file or choose one of: {names}")


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


def _make_session(blob: bytes, path: Path, device: str) -> tuple[Any, str]:
    """A session, and the device on which it really runs."""
    if device not in ("auto", *_PROVIDERS):
        raise BundleError(f"device is {device!r}; choose one of: auto, {', '.join(_PROVIDERS)}")
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise ImportError(
            "bundles run on ONNX Runtime, which is not installed: `pip install csre_ros[cpu]` or, "
            "with an NVIDIA GPU, `pip install csre_ros[gpu]`"
        ) from error
    available = ort.get_available_providers()
    wanted = device if device != "auto" else ("cuda" if _PROVIDERS["cuda"] in available else "cpu")
    if _PROVIDERS[wanted] not in available:
        raise BundleError(_inactive(wanted, f"this ONNX Runtime offers {', '.join(available)}"))
    if wanted != "cpu" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # the CUDA libraries that pip installs beside onnxruntime-gpu are on no search path

    options = ort.SessionOptions()
    # The networks are small: more threads gain nothing and spinning ones would eat a robot's cores between decisions.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(
            blob, options, providers=list(dict.fromkeys((_PROVIDERS[wanted], _PROVIDERS["cpu"])))
        )
    except Exception as error:  # ONNX Runtime raises classes of its own, derived from Exception only
        raise BundleError(
            f"bundle {path} is intact, but ONNX Runtime {ort.__version__} does not load it: {error}; "
            "upgrade onnxruntime or export for an older opset"
        ) from error
    first = session.get_providers()[0]
    active = next(name for name, provider in _PROVIDERS.items() if provider == first)
    if device not in ("auto", active):
        raise BundleError(_inactive(device, f"the session fell back to {first}"))
    if active != wanted:
        _log.warning("CUDA is offered but does not work here; bundle %s runs on %s", path, active)
    return session, active


def _inactive(device: str, reason: str) -> str:
    return (
        f"device {device!r} was asked for and is not active: {reason}; `pip install csre_ros[gpu]`, "
        "check the NVIDIA driver with `nvidia-smi`, or set device to 'cpu'"
    )


def _check_signature(session: Any, info: BundleInfo, path: Path) -> None:
    """Refuse a graph whose inputs and outputs are not those that its description promises."""
    window = [info.persons, info.time_steps, len(get_layout(info.layout))]
    expected = {
        "positions": [*window, info.dims],
        "confidence": window,
        "logits": [len(info.labels)],
        "embedding": [info.embedding],
    }
    found = {item.name: item for item in (*session.get_inputs(), *session.get_outputs())}
    if set(found) != set(expected):
        raise BundleError(f"bundle {path} has inputs and outputs {sorted(found)}, expected {sorted(expected)}")
    for name, shape in expected.items():
        item = found[name]
        if item.type != "tensor(float)" or isinstance(item.shape[0], int) or item.shape[1:] != shape:
            raise BundleError(
                f"bundle {path}: {name} is {item.type} {item.shape}, expected tensor(float) ['batch', "
                f"{', '.join(map(str, shape))}]; its description and its graph do not belong together"
            )
