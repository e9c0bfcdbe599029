"""Weights of a bundle in a network that goes on with them."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import torch
from torch import nn

from csre_ros.recognition.bundle_info import BundleError
from models.data.streams.warm_start import WarmStart


def load_bundle(network: nn.Module, start: WarmStart, classes: tuple[str, ...]) -> None:
    """Give a network the weights of a bundle, except for the rows of classes that the bundle does not know.

    Args:
        network: A ``StreamNetwork`` of HCN with :attr:`WarmStart.encoder_options`.
        start: The bundle.
        classes: Classes of the network.

    Raises:
        BundleError: The bundle has another structure.
    """
    state: dict[str, Any] = {name: value.clone().numpy() for name, value in network.state_dict().items()}
    start.classifier(classes, state["encoder.classifier.weight"], state["encoder.classifier.bias"])
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm1d):
            found = start.norm(name, module.num_features, module.eps)
            state |= {f"{name}.{key}": value for key, value in found.items()}
    given = {key: value for key, value in start.arrays.items() if key in state and ".classifier." not in key}
    own = ("norm.", ".classifier.", "begin.")  # bundles of older releases do not say where actions begin
    missing = [key for key in state if key not in given and not any(part in key for part in own)]
    odd = [key for key, value in given.items() if value.shape != state[key].shape]
    if missing or odd:
        raise BundleError(
            f"{start.path} is of another structure than this trainer's HCN: it lacks {missing[:3]}, and "
            f"{odd[:3]} have another shape; take a bundle of this release, or start from scratch"
        )
    network.load_state_dict({key: torch.as_tensor(value) for key, value in (state | given).items()})


def freeze_norms(network: nn.Module) -> None:
    """Let batch normalisations keep their statistics: those of few recordings are no better."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()


class KeptRows:
    """Rows of a classifier that training must not change.

    Args:
        network: The network.
        start: Where its rows come from.
        classes: Classes of the network.
        trained: Names of the classes that are trained.
    """

    def __init__(self, network: nn.Module, start: WarmStart, classes: tuple[str, ...], trained: Set[str]) -> None:
        rows = [n for n, name in enumerate(classes) if name not in trained and start.row_of(name) is not None]
        self._rows = torch.tensor(rows, dtype=torch.long)
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(".classifier." in name)
        self._parameters = [p for name, p in network.named_parameters() if ".classifier." in name]
        self._values = [parameter.detach()[self._rows].clone() for parameter in self._parameters]

    def restore(self) -> None:
        """Undo what a step did to them."""
        with torch.no_grad():
            for parameter, value in zip(self._parameters, self._values, strict=True):
                parameter[self._rows.to(parameter.device)] = value.to(parameter.device)
