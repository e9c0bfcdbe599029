"""A shipped bundle as the beginning of another run: its classes and weights, read back from its ONNX file."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from csre_ros.recognition.bundle_info import OTHER, BundleError, BundleInfo, split_metadata
from csre_ros.recognition.frame_decoder import FrameDecoding

_PREFIX = "network."


@dataclass(frozen=True, eq=False)
class WarmStart:
    """What a stream bundle brings to another run.

    Attributes:
        path: Its file.
        info: Its description.
        arrays: Its weights by their names in the network.
        dilations: Of the residual layers.
    """

    path: Path
    info: BundleInfo
    arrays: dict[str, NDArray[Any]] = field(repr=False)
    dilations: tuple[int, ...]

    @classmethod
    def read(cls, path: Path) -> WarmStart:
        """Read a bundle.

        Raises:
            BundleError: There is no such file, it is no bundle, labels no frames, or holds another encoder than HCN.
        """
        if not path.is_file():
            raise BundleError(f"{path} does not exist; name a bundle, or null to start from scratch")
        graph, info = split_metadata(path.read_bytes())
        if info.stream is None or not info.encoder.startswith("stream hcn"):
            raise BundleError(
                f"{path} holds the encoder {info.encoder!r}; a run can start from bundles of 'stream hcn', such as "
                "csre_ros/bundles/default.onnx, or from scratch (null)"
            )
        parsed = onnx.load_model_from_string(graph).graph
        arrays = {
            one.name.removeprefix(_PREFIX): numpy_helper.to_array(one).copy()  # of memory that may be written
            for one in parsed.initializer
            if one.name.startswith(_PREFIX)
        }
        past = {one.name: one.type.tensor_type.shape.dim[-1].dim_value for one in parsed.input}
        # A layer remembers two taps behind the newest frame, so many frames apart.
        count = sum(name.startswith("state_layer") for name in past)
        dilations = tuple(past[f"state_layer{number}_in"] // 2 for number in range(count))
        return cls(path, info, arrays, dilations)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Its classes in the order of its classifier: the labels, then numbered parts of them."""
        names = [label.name for label in self.info.labels]
        parents = self.arrays["merge"].argmax(1)
        parts = [f"{names[parent]}/{number:02d}" for number, parent in enumerate(parents[len(names) :])]
        return (*names, *parts)

    @property
    def background(self) -> frozenset[str]:
        """Its labels that are no action."""
        return frozenset(label.name for label in self.info.labels if label.background)

    @property
    def encoder_options(self) -> dict[str, Any]:
        """Options of the encoder whose weights these are."""
        point, width = self.arrays["encoder.position.point.weight"], self.arrays["encoder.classifier.weight"]
        return {"point": len(point), "width": width.shape[1], "dilations": list(self.dilations)}

    @property
    def delay_frames(self) -> int:
        """By how many frames its answers are late."""
        stream = self.info.stream
        assert stream is not None
        return round(stream.delay_s * stream.rate_hz)

    @property
    def decoding(self) -> FrameDecoding:
        """How it tells intervals."""
        return FrameDecoding.from_extension(self.info.extensions["decoder"])

    def thresholds(self, names: Sequence[str], fitted: Sequence[float], own: Set[str]) -> tuple[float, ...]:
        """Its own thresholds for its own labels; ``fitted`` ones for those that are new or trained again."""
        known = {label.name: label.threshold for label in self.info.labels if label.name not in own}
        return tuple(known.get(name, limit) for name, limit in zip(names, fitted, strict=True))

    def row_of(self, name: str) -> int | None:
        """Row of its classifier for a class of another run; None where the class is new.

        A label of the bundle that the other run does not report is part of its *other*, under its own name.
        """
        found = name if name in self.classes else name.removeprefix(f"{OTHER}/")
        return self.classes.index(found) if found in self.classes else None

    def bias_of(self, name: str) -> float:
        """What it adds to the logit of a label."""
        names = [label.name for label in self.info.labels]
        return float(self.arrays["bias"][names.index(name)]) if name in names else 0.0

    def classifier(self, classes: tuple[str, ...], weight: NDArray[Any], bias: NDArray[Any]) -> None:
        """Fill the rows that it knows of a classifier ``weight [K, D, 1]`` and ``bias [K]``, in place."""
        for number, name in enumerate(classes):
            row = self.row_of(name)
            if row is not None:
                weight[number] = self.arrays["encoder.classifier.weight"][row]
                bias[number] = self.arrays["encoder.classifier.bias"][row]

    def norm(self, name: str, channels: int, eps: float) -> dict[str, NDArray[Any]]:
        """Parameters of a batch normalisation: its own, or the identity where the export folded it into a layer."""
        own = {key: self.arrays.get(f"{name}.{key}") for key in ("weight", "bias", "running_mean", "running_var")}
        if all(value is not None for value in own.values()):
            return {key: value for key, value in own.items() if value is not None}
        one, zero = np.ones(channels, np.float32), np.zeros(channels, np.float32)
        return {"weight": one * np.float32(np.sqrt(1 + eps)), "bias": zero, "running_mean": zero, "running_var": one}
