"""All learning rate schedules."""

from __future__ import annotations

from plugtorch.frontend.optim.lr_base import EPOCH_DEPRECATION_WARNING as EPOCH_DEPRECATION_WARNING
from plugtorch.frontend.optim.lr_base import LRScheduler
from plugtorch.frontend.optim.lr_compose import ChainedScheduler, ReduceLROnPlateau, SequentialLR
from plugtorch.frontend.optim.lr_cycle import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from plugtorch.frontend.optim.lr_epoch import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)


class _LRScheduler(LRScheduler):
    """The base class under its name in older programs, which derive from it."""


__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
