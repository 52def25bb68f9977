"""Optimizers and learning rate schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugtorch.frontend.optim.stateless import swap_in_optimizer_params_and_state as swap_in_optimizer_params_and_state
from plugtorch.optim import lr_scheduler, swa_utils  # noqa: F401
from plugtorch.optim._adafactor import *  # noqa: F403
from plugtorch.optim._muon import *  # noqa: F403
from plugtorch.optim.adadelta import *  # noqa: F403
from plugtorch.optim.adagrad import *  # noqa: F403
from plugtorch.optim.adam import *  # noqa: F403
from plugtorch.optim.adamax import *  # noqa: F403
from plugtorch.optim.adamw import *  # noqa: F403
from plugtorch.optim.asgd import *  # noqa: F403
from plugtorch.optim.lbfgs import *  # noqa: F403
from plugtorch.optim.nadam import *  # noqa: F403
from plugtorch.optim.optimizer import Optimizer  # noqa: F401
from plugtorch.optim.radam import *  # noqa: F403
from plugtorch.optim.rmsprop import *  # noqa: F403
from plugtorch.optim.rprop import *  # noqa: F403
from plugtorch.optim.sgd import *  # noqa: F403
from plugtorch.optim.sparse_adam import *  # noqa: F403

if not TYPE_CHECKING:  # type checkers take every name that the imports bring
    __all__ = ["lr_scheduler", "swa_utils", "swap_in_optimizer_params_and_state",
               *sorted(name for name, value in globals().items() if isinstance(value, type))]
