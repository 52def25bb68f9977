"""Adamax."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import ElementwiseOptimizer, check, check_lr, new_scalar, number
from plugtorch.frontend.tensor import Tensor

__all__ = ["Adamax"]


class Adamax(ElementwiseOptimizer):
    """Adam with the maximum norm: ``m = b1 m + (1-b1) g; u = max(b2 u, |g| + eps);
    p = p - lr / (1-b1^t) m / u`` (Kingma and Ba, "Adam: a method for stochastic optimization", 2014).

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: ``(b1, b2)``.
        eps: added to the absolute gradient.
        weight_decay: multiple of the parameter that is added to the gradient.
        maximize: go along the gradient, not against it.

    State: ``step``, ``exp_avg`` (m), ``exp_inf`` (u).

    Raises:
        ValueError: for a hyper-parameter out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        check(0.0 <= betas[0] < 1.0, f"Invalid beta parameter at index 0: {betas[0]}")
        check(0.0 <= betas[1] < 1.0, f"Invalid beta parameter at index 1: {betas[1]}")
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
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
            "exp_avg": fn.zeros_like(param),
            "exp_inf": fn.zeros_like(param),
        }

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        beta1, beta2 = group["betas"]
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        mean, largest = state["exp_avg"], state["exp_inf"]
        mean.lerp_(grad, 1 - beta1)
        largest.copy_(fn.maximum(largest * beta2, grad.abs() + group["eps"]))
        param.addcdiv_(mean, largest, value=-number(group["lr"]) / (1 - beta1**step))
