"""Mixup (Zhang et al., ICLR 2018) of skeleton clips: every clip of a batch blended with another one, and so its label.

Only clips that were seen from the same side are blended, and what comes of it is turned as one: the mean of a body and
of the same body turned around is no body. The data sets that offer this were recorded by one camera each, so before
they are turned, all clips of a batch will do.
"""

from __future__ import annotations

import torch

from models.data.batch import Batch, Mixed


def mix(batch: Batch, alpha: float) -> Mixed:
    """Blend every clip with another one of the batch.

    Args:
        batch: Clips seen from the same side.
        alpha: Parameter of the symmetric Beta distribution of a clip's own share; 1 is uniform.
    """
    device, size = batch.positions.device, len(batch.label)
    share = torch.distributions.Beta(alpha, alpha).sample((size,)).to(device)
    other = torch.randperm(size, device=device)
    own = share[:, None, None, None, None]
    return Mixed(
        positions=own * batch.positions + (1 - own) * batch.positions[other],
        confidence=batch.confidence.minimum(batch.confidence[other]),
        partner=batch.label[other],
        share=share,
    )
