"""Public path of the learning rate schedules."""

from __future__ import annotations

from plugtorch.frontend.optim.lr_scheduler import *  # noqa: F403
from plugtorch.frontend.optim.lr_scheduler import EPOCH_DEPRECATION_WARNING as EPOCH_DEPRECATION_WARNING
from plugtorch.frontend.optim.lr_scheduler import __all__ as __all__
from plugtorch.frontend.optim.lr_scheduler import _LRScheduler as _LRScheduler
from plugtorch.frontend.optim.optimizer import Optimizer as Optimizer
from plugtorch.frontend.tensor import Tensor as Tensor
