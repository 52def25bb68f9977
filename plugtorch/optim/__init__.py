"""Optimizers and learning rate schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugtorch.frontend.optim.stateless import swap_in_optimizer_params_and_state as swap_in_optimizer_params_and_state
from plugtorch.optim import lr_scheduler, swa_utils  # noqa: F401
from plugtorch.optim._adafactor import Adafactor  # noqa: F401
from plugtorch.optim._muon import Muon  # noqa: F401
from plugtorch.optim.adadelta import Adadelta  # noqa: F401
from plugtorch.optim.adagrad import Adagrad  # noqa: F401
from plugtorch.optim.adam import Adam  # noqa: F401
from plugtorch.optim.adamax import Adamax  # noqa: F401
from plugtorch.optim.adamw import AdamW  # noqa: F401
from plugtorch.optim.asgd import ASGD  # noqa: F401
from plugtorch.optim.lbfgs import *  # noqa: F403
from plugtorch.optim.nadam import NAdam  # noqa: F401
from plugtorch.optim.optimizer import Optimizer  # noqa: F401
from plugtorch.optim.radam import RAdam  # noqa: F401
from plugtorch.optim.rmsprop import RMSprop  # noqa: F401
from plugtorch.optim.rprop import Rprop  # noqa: F401
from plugtorch.optim.sgd import SGD  # noqa: F401
from plugtorch.optim.sparse_adam import *  # noqa: F403

if not TYPE_CHECKING:  # type checkers take every name that the imports bring
    __all__ = ["lr_scheduler", "swa_utils", "swap_in_optimizer_params_and_state",
               *sorted(name for name, value in globals().items() if isinstance(value, type))]
