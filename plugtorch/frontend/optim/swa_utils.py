"""Averages of a model's parameters over training: stochastic weight averaging and exponential moving averages."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.modules.batchnorm import _BatchNorm
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.optim.lr_base import LRScheduler, per_group
from plugtorch.frontend.optim.optimizer import Optimizer
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec.dtypes import int64

__all__ = [
    "AveragedModel",
    "SWALR",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """``f(average, current, n)`` that returns ``decay average + (1 - decay) current``.

    Raises:
        ValueError: ``decay`` is not in [0, 1].
    """
    _check_decay(decay)

    @fn.no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]:
    """``f(averages, currents, n)`` that moves the averages in place, as :func:`get_ema_avg_fn` does.

    Raises:
        ValueError: ``decay`` is not in [0, 1].
    """
    _check_decay(decay)

    @fn.no_grad()
    def ema_update(ema_param_list: Sequence[Tensor], current_param_list: Sequence[Tensor], _: Any) -> None:
        for average, current in zip(ema_param_list, current_param_list, strict=True):
            if _is_exact(average):
                average.copy_(average * decay + current * (1 - decay))
            else:
                average.lerp_(current, 1 - decay)

    return ema_update


def get_swa_avg_fn() -> Callable[[Tensor, Tensor, Any], Tensor]:
    """``f(average, current, n)`` that returns the mean of ``n + 1`` models from that of ``n`` and the newest."""

    @fn.no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_swa_multi_avg_fn() -> Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]:
    """``f(averages, currents, n)`` that moves the averages in place, as :func:`get_swa_avg_fn` does."""

    @fn.no_grad()
    def swa_update(averaged_param_list: Sequence[Tensor], current_param_list: Sequence[Tensor], num_averaged: Any) -> None:
        for average, current in zip(averaged_param_list, current_param_list, strict=True):
            if _is_exact(average):
                average.add_((current - average) / (num_averaged + 1))
            else:
                average.lerp_(current, 1 / (float(num_averaged) + 1))

    return swa_update


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def _is_exact(x: Tensor) -> bool:
    return not (x.is_floating_point() or x.is_complex())


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's, by default the mean of all that
    :meth:`update_parameters` saw (Izmailov et al., "Averaging weights leads to wider optima and better generalization",
    2018).

    Args:
        model: is copied, as it is.
        device: where the averages are kept.
        avg_fn: ``f(average, current, n)``, gives the new average of one tensor after ``n`` updates.
        multi_avg_fn: ``f(averages, currents, n)``, changes many averages in place.
        use_buffers: average the buffers, too; otherwise they are copied at each update.

    Attributes:
        module: the copy.
        n_averaged: a buffer, the number of updates.

    Raises:
        AssertionError: both functions are given.
    """

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable | None = None,
        multi_avg_fn: Callable | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", fn.tensor(0, dtype=int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model gives."""
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> Iterable[Tensor]:
        return itertools.chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()

    def update_parameters(self, model: Module) -> None:
        """Take the parameters of ``model`` into the averages; the first time they are copied."""
        averages = [p.detach() for p in self._averaged(self.module)]
        currents = [p.detach().to(a.device) for p, a in zip(self._averaged(model), averages, strict=False)]
        averages = averages[:len(currents)]
        if self.n_averaged == 0:
            for average, current in zip(averages, currents, strict=True):
                average.copy_(current)
        elif self.avg_fn is not None:
            for average, current in zip(averages, currents, strict=True):
                average.copy_(self.avg_fn(average, current, self.n_averaged.to(average.device)))
        else:
            update = self.multi_avg_fn or get_swa_multi_avg_fn()
            for device, (own, given) in _by_device_and_dtype(averages, currents):
                update(own, given, self.n_averaged.to(device))
        if not self.use_buffers:
            for own, given in zip(self.module.buffers(), model.buffers(), strict=True):
                own.detach().copy_(given.detach().to(own.device))
        self.n_averaged += 1


def _by_device_and_dtype(averages, currents):
    """The pairs in groups of one device and one dtype, which is what averaging functions for many tensors expect."""
    groups: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
    for average, current in zip(averages, currents, strict=True):
        own, given = groups.setdefault((average.device, average.dtype), ([], []))
        own.append(average)
        given.append(current)
    return [(device, group) for (device, _), group in groups.items()]


@fn.no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Computes the running statistics of the BatchNorm layers anew, as means over one pass over ``loader``.

    Args:
        loader: batches that the model takes, or tuples or lists that begin with one.
        device: where batches are sent first.
    """
    momenta = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.momentum = None
    for batch in loader:
        if isinstance(batch, list | tuple):
            batch = batch[0]
        if device is not None:
            batch = batch.to(device)
        model(batch)
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Moves the learning rate of each group to a fixed one, and stays there.

    Args:
        optimizer: whose rates are changed.
        swa_lr: the last rate, or a list with one per group; groups keep it as ``"swa_lr"``.
        anneal_epochs: steps until then.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        last_epoch: the step to go on from.

    Raises:
        ValueError: an unknown strategy, or a negative number of epochs.
    """

    _not_saved = ("optimizer", "anneal_func")

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for lr, group in zip(per_group("swa_lr", swa_lr, optimizer), optimizer.param_groups, strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._set_anneal_func(anneal_strategy)
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _set_anneal_func(self, strategy: str) -> None:
        self._anneal_strategy = strategy
        self.anneal_func = _cosine if strategy == "cos" else _linear

    def get_lr(self) -> list[Any]:
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = (self.anneal_func(max(0, min(1, s / max(1, self.anneal_epochs)))) for s in (step - 1, step))
        rates = []
        for group in self.optimizer.param_groups:
            lr, target = group["lr"], group["swa_lr"]
            # The rate that this schedule started from, given where it was one step ago.
            first = target if before == 1 else (lr - before * target) / (1 - before)
            rates.append(target * now + first * (1 - now))
        return rates

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state from what :meth:`state_dict` gave."""
        super().load_state_dict(state_dict)
        self._set_anneal_func(self._anneal_strategy)


def _linear(t: float) -> float:
    return t


def _cosine(t: float) -> float:
    return (1 - math.cos(math.pi * t)) / 2
