"""Weights for the fusion of streams: a weighted sum of raw logits.

Fixed weights are the published ones. Fitted weights minimise the cross-entropy on a validation part that was held out
of training. The test part chooses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from models.network.input_stream import STREAMS

Array = NDArray[np.float64]

# Published weights of joint, bone, joint motion and bone motion: on NTU RGB+D, and on NW-UCLA where they differ.
_CTRGCN = (0.6, 0.6, 0.4, 0.4)
_WEIGHTS = {
    "hyperformer": (0.4, 0.6, 0.2, 0.2),
    "blockgcn": (0.6, 0.7, 0.35, 0.2),
    "ctrgcn": _CTRGCN,
}
_UCLA_WEIGHTS = {"hyperformer": (0.4, 0.4, 0.3, 0.2), "blockgcn": (0.7, 0.5, 0.6, 0.2)}
_PENALTY = 1e-3


def fixed_weights(encoder: str, streams: Sequence[str], data: str) -> Array:
    """Published weights of an encoder; CTR-GCN's for encoders that have none.

    Args:
        encoder: Key of ``models.encoders.ENCODERS``.
        streams: Which of the four.
        data: Identity of the data, see ``SplitData.identity``.
    """
    table = _WEIGHTS | (_UCLA_WEIGHTS if data.startswith("nw_ucla") else {})
    weights = table.get(encoder, _CTRGCN)
    return np.array([weights[STREAMS.index(stream)] for stream in streams])


def fitted_weights(logits: Array, labels: NDArray[np.int64]) -> Array:
    """Weights of at least 0 that minimise the cross-entropy of the fused logits.

    The problem is convex. A small penalty keeps weights finite where the streams make no error.

    Args:
        logits: ``[S, N, K]`` of S streams.
        labels: ``[N]``.
    """

    def loss(weights: Array) -> tuple[float, Array]:
        log_probability = log_softmax(np.tensordot(weights, logits, 1), axis=1)
        error = np.exp(log_probability)
        error[np.arange(len(labels)), labels] -= 1
        gradient = np.einsum("snk,nk->s", logits, error) / len(labels)
        value = -log_probability[np.arange(len(labels)), labels].mean()
        return float(value + _PENALTY * weights @ weights), gradient + 2 * _PENALTY * weights

    start = np.full(len(logits), 1 / len(logits))
    solution = minimize(loss, start, jac=True, bounds=[(0, None)] * len(logits), method="L-BFGS-B")
    weights: Array = solution.x
    return weights
