"""CSRE: contrastive spatiotemporal representation enhancement, a training-only branch for any skeleton encoder."""

from models.csre.bank import MemoryBank
from models.csre.head import FeatureDecoupling
from models.csre.loss import CSRELoss

__all__ = ["CSRELoss", "FeatureDecoupling", "MemoryBank"]
