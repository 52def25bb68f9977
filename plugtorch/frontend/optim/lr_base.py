"""LRScheduler, the base class of the schedules."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from plugtorch.frontend.optim.optimizer import Optimizer
from plugtorch.frontend.tensor import Tensor

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. "
    "Please use `scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from "
    "None, the closed form is used instead of the new chainable form, where available."
)


def copied(value: Any) -> Any:
    """A value of its own: tensors are cloned, numbers are values anyway."""
    return value.clone() if isinstance(value, Tensor) else value


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """``value`` once for every group, or the given list of as many.

    Raises:
        ValueError: if the list has another length.
    """
    n = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * n
    if len(value) != n:
        raise ValueError(f"{name} must have the same length as optimizer.param_groups. "
                         f"{name} has {len(value)} values, param_groups has {n}.")
    return list(value)


def set_group(group: dict[str, Any], key: str, value: Any) -> None:
    """Set a hyper-parameter; one that is a tensor is filled, so that whoever holds it sees the change."""
    current = group.get(key)
    if isinstance(current, Tensor):
        current.fill_(value.item() if isinstance(value, Tensor) else value)
    else:
        group[key] = value


class LRScheduler:
    """Changes the learning rates of an optimizer's groups, one :meth:`step` at a time.

    A subclass defines ``get_lr()``, the rates at ``last_epoch``, usually from those of the step before; and
    may define ``_get_closed_form_lr()``, the rates from ``last_epoch`` alone.

    Args:
        optimizer: whose rates are changed.
        last_epoch: the step to go on from; -1 starts anew and sets ``initial_lr`` of every group.

    Raises:
        TypeError: if ``optimizer`` is none.
        KeyError: on going on with groups that have no ``initial_lr``.
    """

    _get_lr_called_within_step: bool = False
    _is_initial: bool = False
    # Attributes that state_dict leaves out.
    _not_saved: tuple[str, ...] = ("optimizer",)

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    "last_epoch >= 0. Load the optimizer's state first, or start anew with last_epoch=-1."
                )
        self.base_lrs = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        # Only steps of the optimizer after the first schedule was made count for the order check.
        if not getattr(optimizer, "_step_watched", False):
            optimizer._step_watched = True
            optimizer._opt_called = False
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        with _flag(self, "_is_initial"):
            self.step()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, as a dictionary."""
        return {key: value for key, value in self.__dict__.items() if key not in self._not_saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state from what :meth:`state_dict` gave."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The rates that the last step set, one per group."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The rates at ``last_epoch``, one per group."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr")

    def _current(self, key: str = "lr") -> list[Any]:
        return [copied(group[key]) for group in self.optimizer.param_groups]

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def step(self, epoch: int | None = None) -> None:
        """Go on by one step, or to ``epoch`` (deprecated), and set the rates."""
        self._check_order()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _check_order(self) -> None:
        """Warn at the second step if the optimizer has not taken one since the first."""
        if self._step_count != 1:
            return
        step = getattr(type(self.optimizer), "step", None)
        if not getattr(step, "hooked", False) or "step" in self.optimizer.__dict__:
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler "
                "initialization. Please, make sure to call `optimizer.step()` before "
                "`lr_scheduler.step()`.",
                UserWarning,
                stacklevel=3,
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Please call them in the "
                "opposite order: `optimizer.step()` before `lr_scheduler.step()`. Failure to do this will "
                "result in skipping the first value of the learning rate schedule.",
                UserWarning,
                stacklevel=3,
            )

    def _update_lr(self, epoch: int | None = None) -> None:
        with _flag(self, "_get_lr_called_within_step"):
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                closed = getattr(self, "_get_closed_form_lr", None)
                values = self.get_lr() if closed is None else closed()
        self._apply(values)

    def _apply(self, values: Sequence[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_group(group, "lr", lr)
        self._last_lr = self._current()


@contextmanager
def _flag(scheduler: LRScheduler, name: str) -> Iterator[None]:
    setattr(scheduler, name, True)
    try:
        yield
    finally:
        setattr(scheduler, name, False)
