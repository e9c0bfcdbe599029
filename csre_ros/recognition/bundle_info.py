"""What a bundle says about itself, and how that travels inside the .onnx file.

An ONNX file is one protobuf message, and messages are joined by joining their bytes. So the description is one more
``metadata_props`` entry behind the exported graph: ONNX Runtime loads the file as it is, and writing or reading the
description needs neither the ``onnx`` package nor a runtime. Field numbers: onnx/onnx.proto3, ``ModelProto``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from csre_ros.foreign_text import is_printable, quoted, sentence
from csre_ros.recognition.extensions import KNOWN_EXTENSIONS, STREAM, StreamInfo
from csre_ros.recognition.protobuf import bytes_field, read_fields
from csre_ros.skeleton import get_layout

SCHEMA = 1
OTHER = "other"
"""The background label of movement that has no name; every other background label says that nothing is done."""
_KEY = b"csre"
_METADATA_PROPS = 14


# Beyond these a description is no description of a network for people, and would fill the memory at the first run.
_SIZES = {
    "time_steps": (2, 4096),
    "persons": (1, 64),
    "embedding": (1, 1 << 16),
    "graph_bytes": (0, 1 << 31),
}
_MOST_LABELS, _LONGEST_LABEL, _LONGEST_TEXT = 10_000, 64, 4000
_JSON_TYPES: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "bool": bool}
Part = TypeVar("Part")


class BundleError(ValueError):
    """A bundle that cannot be used; the text says what was found, what was expected and what to do."""


@dataclass(frozen=True)
class Label:
    """One class of the encoder.

    Attributes:
        name: What is published.
        threshold: Least smoothed probability (0..1) at which the action is reported.
        background: True for ``idle``, ``other`` and the like: decided, but never reported as an action.
    """

    name: str
    threshold: float
    background: bool = False


@dataclass(frozen=True)
class DataSource:
    """One training set and the terms it came under."""

    name: str
    terms: str


@dataclass(frozen=True)
class Metric:
    """One measured figure and the protocol behind it."""

    name: str
    value: float
    protocol: str


@dataclass(frozen=True)
class BundleInfo:
    """The description that a bundle carries.

    Attributes:
        name: Name of the trained model.
        labels: Classes in the order of the logits.
        layout: Name of the skeleton layout of the inputs.
        dims: 3 for metres in optical axes, 2 for image points divided by the image's height.
        window_s: Length of the window in seconds; of bundles that label every frame, how far back they look.
        time_steps: Evenly spaced instants into which the window is resampled, or steps in which they look back.
        persons: People per sample: 1, or 2 for interactions.
        encoder: Name of the encoder.
        streams: Input streams that the encoder fuses (``joint``, ``bone``, ...).
        embedding: Width of the embedding.
        data: Training data.
        metrics: Measured figures.
        extensions: What a trainer says beyond this schema, by name. An entry that holds ``"required": true`` is one
            without which the bundle must not be used; any other one that a release does not know is ignored.
        commit: Revision of the trainer.
        seed: Seed of the training run.
        graph_bytes: Bytes of the graph before the description; 0 before it is written.
        digest: SHA-256 of those bytes and of the description without this entry, hexadecimal; empty before it is
            written.

    Raises:
        BundleError: A value is out of range, a label repeats, the layout is unknown, or so is a required extension.
    """

    name: str
    labels: tuple[Label, ...]
    layout: str
    dims: int
    window_s: float
    time_steps: int
    persons: int
    encoder: str
    streams: tuple[str, ...]
    embedding: int
    data: tuple[DataSource, ...] = ()
    metrics: tuple[Metric, ...] = ()
    extensions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    commit: str = ""
    seed: int = 0
    graph_bytes: int = 0
    digest: str = ""

    def __post_init__(self) -> None:
        try:
            layout = get_layout(self.layout)
        except ValueError as error:
            raise BundleError(str(error)) from None
        if self.dims != layout.dims:
            raise BundleError(f"dims is {self.dims}, but layout {self.layout!r} has {layout.dims}")
        if not 0 < self.window_s <= 60:
            raise BundleError(f"window_s is {self.window_s}; it must lie above 0 and at most at 60")
        for entry, (least, most) in _SIZES.items():
            value = getattr(self, entry)
            if not isinstance(value, int) or not least <= value <= most:
                raise BundleError(f"{entry} is {quoted(value)}; it must be a whole number in {least}..{most}")
        names = [label.name for label in self.labels]
        if not 2 <= len(names) <= _MOST_LABELS or len(set(names)) < len(names):
            shown = ", ".join(map(quoted, names[:20])) or "none"
            raise BundleError(f"labels are {shown}; at least two and at most {_MOST_LABELS} are needed, none twice")
        for label in self.labels:
            if not 0 < len(label.name) <= _LONGEST_LABEL:
                raise BundleError(f"a label is {quoted(label.name)}; it must have 1..{_LONGEST_LABEL} characters")
            if not 0 <= label.threshold <= 1:
                name = quoted(label.name)
                raise BundleError(f"the threshold of label {name} is {label.threshold}; it must lie in 0..1")
        self._check_extensions()

    @property
    def stream(self) -> StreamInfo | None:
        """How the bundle labels every frame; None where it classifies windows."""
        extension = self.extensions.get(STREAM)
        return None if extension is None else StreamInfo.from_extension(extension)

    def _check_extensions(self) -> None:
        if not isinstance(self.extensions, Mapping) or not all(
            isinstance(extension, Mapping) and isinstance(extension.get("required", False), bool)
            for extension in self.extensions.values()
        ):
            raise BundleError(
                f"extensions are {quoted(self.extensions, 200)}; each must be an object, whose entry 'required' is "
                "true or false"
            )
        required = {name for name, extension in self.extensions.items() if extension.get("required")}
        if unknown := sorted(required - KNOWN_EXTENSIONS):
            known = ", ".join(sorted(KNOWN_EXTENSIONS))
            raise BundleError(
                f"it requires the extension {', '.join(map(quoted, unknown[:20]))}, which this release of csre_ros "
                f"does not know (it knows: {known}); upgrade csre_ros or take another bundle"
            )
        if STREAM in self.extensions:
            try:
                StreamInfo.from_extension(self.extensions[STREAM])
            except ValueError as error:
                raise BundleError(f"{error}; export the bundle again") from None

    def to_json(self) -> str:
        """The description as one JSON object; without extensions it has no such entry."""
        document = {"schema": SCHEMA, **asdict(self)}
        if not self.extensions:  # as before there were any: digests are made of these very bytes
            del document["extensions"]
        return json.dumps(document, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> BundleInfo:
        """Read what :meth:`to_json` wrote.

        Raises:
            BundleError: Not JSON, another schema version, a missing, unknown or malformed entry.
        """
        try:
            document: dict[str, Any] = dict(json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise BundleError(f"its description is not a JSON object: {sentence(error)}") from None
        schema = document.pop("schema", None)
        if schema != SCHEMA:
            raise BundleError(
                f"its description has schema {quoted(schema)}, expected {SCHEMA}; "
                "use the csre_ros release that belongs to the bundle, or export the bundle again"
            )
        try:
            document["labels"] = tuple(_checked(Label, item) for item in document["labels"])
            document["data"] = tuple(_checked(DataSource, item) for item in document["data"])
            document["metrics"] = tuple(_checked(Metric, item) for item in document["metrics"])
            document["streams"] = tuple(_checked_value("streams", "str", name) for name in document["streams"])
            return _checked(cls, document)
        except KeyError as error:
            raise BundleError(f"its description lacks {quoted(error.args[0])}") from None
        except (TypeError, RecursionError) as error:
            raise BundleError(f"its description does not follow schema {SCHEMA}: {sentence(error)}") from None


def _checked(kind: type[Part], values: Any) -> Part:
    """A part of the description, every entry of the type that it declares; TypeError where an entry is not."""
    if not isinstance(values, dict):
        raise TypeError(f"{quoted(values)} is no {kind.__name__}")
    for item in fields(kind):  # type: ignore[arg-type]
        if item.name in values:
            _checked_value(item.name, str(item.type), values[item.name])
    return kind(**values)


def _checked_value(name: str, declared: str, value: Any) -> Any:
    """A value of the declared type; texts can be shown as they are. What has another type is judged by its owner."""
    expected = _JSON_TYPES.get(declared, object)
    if not isinstance(value, expected) or (isinstance(value, bool) and declared != "bool"):
        raise TypeError(f"{name} is {quoted(value)}; it must be of type {declared}")
    if isinstance(value, str) and not (len(value) <= _LONGEST_TEXT and is_printable(value)):
        raise TypeError(f"{name} is {quoted(value)}; it must be printable, with at most {_LONGEST_TEXT} characters")
    return value


def append_metadata(graph: bytes, info: BundleInfo) -> bytes:
    """Turn an exported graph into a bundle.

    Args:
        graph: A serialised ONNX model without a description.
        info: The description; ``graph_bytes`` and ``digest`` are filled in here.

    Returns:
        The bytes of the bundle file.

    Raises:
        BundleError: ``graph`` is no ONNX file, or carries a description already (:func:`split_metadata` takes it off).
    """
    if _find_description(graph) is not None:
        raise BundleError("the graph carries a description already; take it off with split_metadata first")
    info = replace(info, graph_bytes=len(graph))
    info = replace(info, digest=_digest(graph, info))
    return graph + _entry(info.to_json().encode())


def split_metadata(blob: bytes) -> tuple[bytes, BundleInfo]:
    """Take a bundle file apart and verify it.

    Returns:
        The graph as it was exported, and the description.

    Raises:
        BundleError: Not an ONNX file, cut off, without a description, of another schema, or changed since its export.
    """
    found = _find_description(blob)
    if found is None:
        raise BundleError("it is an ONNX model without a csre description; give the bundle that the trainer exported")
    start, text = found
    info = BundleInfo.from_json(text)
    try:
        digest = _digest(blob[:start], info)
    except (ValueError, TypeError, RecursionError) as error:  # extensions may hold anything that JSON can say
        raise BundleError(f"its description cannot be written again: {sentence(error)}") from None
    if (info.graph_bytes, info.digest, _entry(text)) != (start, digest, blob[start:]):
        raise BundleError(
            f"it was changed after its export: {start} bytes with SHA-256 {digest[:12]}..., "
            f"expected {info.graph_bytes} bytes with {info.digest[:12]}...; copy the file again"
        )
    return blob[:start], info


def _digest(graph: bytes, info: BundleInfo) -> str:
    """SHA-256 of the graph and of all that the description says beside the digest itself."""
    return hashlib.sha256(graph + replace(info, digest="").to_json().encode()).hexdigest()


def _entry(text: bytes) -> bytes:
    return bytes_field(_METADATA_PROPS, bytes_field(1, _KEY) + bytes_field(2, text))


def _find_description(blob: bytes) -> tuple[int, bytes] | None:
    """Where the description's entry starts, and its JSON; None where there is none."""
    try:
        for number, start, content in read_fields(blob):
            if number == _METADATA_PROPS:
                entry = {key: value for key, _, value in read_fields(content)}
                if entry.get(1) == _KEY:
                    return start, entry.get(2, b"")
    except ValueError as error:
        raise BundleError(f"it is no ONNX file, or it is cut off: {error}; copy the file again") from None
    return None
