"""Optimizers and learning rate schedules."""

from __future__ import annotations

from plugtorch.optim import lr_scheduler
from plugtorch.optim.adadelta import Adadelta
from plugtorch.optim.adagrad import Adagrad
from plugtorch.optim.adam import Adam
from plugtorch.optim.adamax import Adamax
from plugtorch.optim.adamw import AdamW
from plugtorch.optim.asgd import ASGD
from plugtorch.optim.nadam import NAdam
from plugtorch.optim.optimizer import Optimizer
from plugtorch.optim.radam import RAdam
from plugtorch.optim.rmsprop import RMSprop
from plugtorch.optim.rprop import Rprop
from plugtorch.optim.sgd import SGD

__all__ = [
    "ASGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "lr_scheduler",
]
