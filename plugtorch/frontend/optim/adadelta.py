"""Adadelta."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import ElementwiseOptimizer, check, check_lr, new_scalar, number
from plugtorch.frontend.tensor import Tensor

__all__ = ["Adadelta"]


class Adadelta(ElementwiseOptimizer):
    """``v = rho v + (1-rho) g^2; d = sqrt(u + eps) / sqrt(v + eps) g; u = rho u + (1-rho) d^2;
    p = p - lr d`` (Zeiler, "ADADELTA: an adaptive learning rate method", 2012).

    Args:
        params: parameters or groups.
        lr: learning rate.
        rho: smoothing constant.
        eps: added inside the roots.
        weight_decay: multiple of the parameter that is added to the gradient.
        maximize: go along the gradient, not against it.

    State: ``step``, ``square_avg`` (v), ``acc_delta`` (u).

    Raises:
        ValueError: for a hyper-parameter out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 <= rho <= 1.0, f"Invalid rho value: {rho}")
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        return {
            "step": new_scalar(0.0),
            "square_avg": fn.zeros_like(param),
            "acc_delta": fn.zeros_like(param),
        }

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        rho, eps = group["rho"], group["eps"]
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        square, moved = state["square_avg"], state["acc_delta"]
        square.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = moved.add(eps).sqrt_() / square.add(eps).sqrt_() * grad
        moved.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        param.add_(delta, alpha=-number(group["lr"]))
