"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import (
    ElementwiseOptimizer,
    check,
    check_lr,
    new_scalar,
    number,
    read_scalar,
    write_scalar,
)
from plugtorch.frontend.tensor import Tensor

__all__ = ["ASGD"]


class ASGD(ElementwiseOptimizer):
    """Gradient descent with the running average of the parameters in the state (Polyak and Juditsky,
    "Acceleration of stochastic approximation by averaging", 1992).

    ``p = p (1 - lambd eta) - eta g``, ``eta = lr / (1 + lambd lr t)^alpha``; from step ``t0`` on ``ax`` is
    the average of the parameters, before it their copy.

    Args:
        params: parameters or groups.
        lr: learning rate.
        lambd: decay.
        alpha: power of the decay of eta.
        t0: where the averaging starts.
        weight_decay: multiple of the parameter that is added to the gradient.
        maximize: go along the gradient, not against it.

    State: ``step``, ``eta``, ``mu``, ``ax``.

    Raises:
        ValueError: for a hyper-parameter out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        return {
            "step": new_scalar(0.0),
            "eta": new_scalar(float(number(group["lr"]))),
            "mu": new_scalar(1.0),
            "ax": fn.zeros_like(param),
        }

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        lr, lambd = number(group["lr"]), group["lambd"]
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        average, rate, share = state["ax"], read_scalar(state["eta"]), read_scalar(state["mu"])
        param.mul_(1 - lambd * rate)
        param.add_(grad, alpha=-rate)
        if share != 1:
            average.add_(param.sub(average).mul_(share))
        else:
            average.copy_(param)
        write_scalar(state["eta"], lr / (1 + lambd * lr * step) ** group["alpha"])
        write_scalar(state["mu"], 1 / max(1, step - group["t0"]))
