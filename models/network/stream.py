"""Front, streaming encoder and merging of labels in one module: exactly what a stream bundle computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from models.encoders.streaming.base import StateShapes, StreamEncoder, StreamOutput, beginning
from models.encoders.streaming.causal import States, put, take
from models.network.stream_front import StreamFront


class StreamNetwork(nn.Module):
    """Frames to labels of every frame.

    Args:
        front: First part of the graph.
        encoder: The encoder behind it.
        parents: Index of the reported label of every class that the encoder tells apart.

    Attributes:
        begin: Second answer, beside the classifier: whether an action begins, so that one that is done again is two.
        bias: ``[labels]`` added to the reported logits; zero in training, set from validation clips when exported.
    """

    merge: Tensor
    bias: Tensor

    def __init__(self, front: StreamFront, encoder: StreamEncoder, parents: Sequence[int]) -> None:
        super().__init__()
        self.front, self.encoder = front, encoder
        self.begin = nn.Conv1d(encoder.embedding_dim, 1, 1)
        merge = torch.zeros(len(parents), max(parents) + 1)
        merge[torch.arange(len(parents)), torch.tensor(parents)] = 1
        self.register_buffer("merge", merge, persistent=False)
        self.register_buffer("bias", torch.zeros(merge.shape[1]), persistent=False)

    def state_shapes(self) -> StateShapes:
        """Shapes of all states of one person."""
        front = {f"front_{name}": shape for name, shape in self.front.state_shapes().items()}
        return front | self.encoder.state_shapes()

    def features(
        self, positions: Tensor, confidence: Tensor, states: Mapping[str, Tensor] | None = None
    ) -> StreamOutput:
        """Logits of the classes of training, and the feature map that the CSRE branch needs.

        Args:
            positions: ``[N, T, V, D]``.
            confidence: ``[N, T, V]``.
            states: What came before; nothing where not given.
        """
        if states is None:
            states = beginning(self.state_shapes(), positions.shape[0], positions)
        x, after = self.front(positions, confidence, take(states, "front_"))
        output: StreamOutput = self.encoder(x, states)
        return output._replace(states=put(after, "front_") | output.states)

    def forward(
        self, positions: Tensor, confidence: Tensor, states: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor, States]:
        """Reported logits ``[N, T, labels]``, embeddings ``[N, T, D]``, chances to begin ``[N, T]``, and states."""
        output = self.features(positions, confidence, states)
        begin = self.begin(output.embedding)[:, 0].sigmoid()
        return self.merged(output.logits.mT), output.embedding.mT, begin, output.states

    def merged(self, logits: Tensor) -> Tensor:
        """``[..., classes]`` to ``[..., labels]``: the log of the summed exponentials of the parts of a label."""
        highest = logits.amax(-1, keepdim=True)
        return ((logits - highest).exp() @ self.merge).clamp(min=1e-20).log() + highest + self.bias
