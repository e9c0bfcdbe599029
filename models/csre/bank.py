"""Memory bank with one row per training sample."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """The latest unit vector of every training sample, overwritten each time the sample is drawn.

    The buffers are not part of ``state_dict``: a bank is training state, not model. Save them with
    :meth:`training_state`.

    Args:
        slot_labels: Class of every slot ``[B]``; a slot is the index of a sample in the training set.
        dim: Length D of the stored vectors.
        dataset: Everything else that fixes the meaning of a slot (data set, split, stream, order); part of the
            fingerprint.

    Attributes:
        rows: ``[B, D]``, zero until enrolled.
        enrolled: ``[B]`` bool.
        class_sizes: Slots per class ``[Y]``, enrolled or not.

    Raises:
        ValueError: ``slot_labels`` is empty, not one-dimensional, or holds a negative class.
    """

    rows: Tensor
    enrolled: Tensor
    slot_labels: Tensor
    class_sizes: Tensor

    def __init__(self, slot_labels: Tensor, dim: int, dataset: str = "") -> None:
        super().__init__()
        if slot_labels.ndim != 1 or len(slot_labels) == 0 or int(slot_labels.min()) < 0:
            raise ValueError(f"slot_labels must be a non-empty vector of class numbers >= 0, not {slot_labels}")
        labels = slot_labels.detach().cpu().long()
        self.fingerprint = hashlib.sha256(f"{dataset}|{dim}|".encode() + labels.numpy().tobytes()).hexdigest()
        self.register_buffer("rows", torch.zeros(len(labels), dim), persistent=False)
        self.register_buffer("enrolled", torch.zeros(len(labels), dtype=torch.bool), persistent=False)
        self.register_buffer("slot_labels", labels, persistent=False)
        self.register_buffer("class_sizes", labels.bincount(), persistent=False)

    @torch.no_grad()
    def enrol(self, slots: Tensor, rows: Tensor, good: Tensor) -> None:
        """Overwrite the rows of ``slots [N]`` by unit vectors ``rows [N, D]`` where ``good [N]``.

        A slot that occurs more than once takes its first good row, so that all replicas of a bank stay equal. Nothing
        here waits for the device.
        """
        usable = (slots[:, None] == slots[None]) & good[None]
        source = usable.int().argmax(1)  # the first maximum
        found = usable.any(1)
        self.rows[slots] = torch.where(found[:, None], rows.detach()[source], self.rows[slots])
        self.enrolled[slots] = self.enrolled[slots] | found

    def class_counts(self) -> Tensor:
        """Enrolled rows per class ``[Y]``."""
        return torch.zeros_like(self.class_sizes).index_add_(0, self.slot_labels, self.enrolled.long())

    def checksum(self) -> Tensor:
        """An integer scalar on the device; all but surely another one where rows or flags differ, in value or place."""
        bits = torch.cat([self.rows.view(torch.int32), self.enrolled[:, None]], dim=1).long()
        column, row = (torch.arange(1, size + 1, device=bits.device) for size in bits.shape[::-1])
        return ((bits * column).sum(1) * row).sum()

    def training_state(self) -> dict[str, Tensor | str]:
        """What a resumed run needs to go on as if it had not stopped (a copy on the CPU)."""
        return {
            "fingerprint": self.fingerprint,
            "rows": self.rows.detach().cpu().clone(),
            "enrolled": self.enrolled.cpu().clone(),
        }

    def load_training_state(self, state: dict[str, Tensor | str]) -> None:
        """Restore what :meth:`training_state` returned.

        Raises:
            ValueError: The state belongs to another data set, split, stream, slot order or vector length.
        """
        if state["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"the saved memory bank has fingerprint {str(state['fingerprint'])[:12]}, this training set "
                f"{self.fingerprint[:12]}: data set, split, stream, slot order, labels or dim differ. Resume with the "
                "original data, or start with empty banks: --model.contrast.restore_banks false"
            )
        self.rows.copy_(torch.as_tensor(state["rows"]))
        self.enrolled.copy_(torch.as_tensor(state["enrolled"]))


def unit_vectors(vectors: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Normalise rows and say which of them may be used.

    Args:
        vectors: ``[N, D]`` of any floating type.
        dtype: Type to compute in.

    Returns:
        Unit rows ``[N, D]`` and a mask ``[N]``. Rows that are non-finite or shorter than 1e-6 become zero, pass no
        gradient and are masked: one of them in a bank would otherwise turn every later loss into NaN.
    """
    vectors = vectors.to(dtype)
    norm = vectors.detach().norm(dim=1)
    good = norm.isfinite() & (norm > 1e-6)
    return nn.functional.normalize(vectors.where(good[:, None], 0.0), eps=1e-12), good
