"""RAdam."""

from __future__ import annotations

import math
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import (
    ElementwiseOptimizer,
    add_scaled_,
    add_scaled_quotient_,
    check,
    check_lr,
    new_scalar,
    number,
)
from plugtorch.frontend.tensor import Tensor

__all__ = ["RAdam"]


class RAdam(ElementwiseOptimizer):
    """Adam with a rectified adaptive learning rate: plain momentum until the variance of the second moment
    is tractable (Liu et al., "On the variance of the adaptive learning rate and beyond", 2019).

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: ``(b1, b2)``.
        eps: added to the root.
        weight_decay: multiple of the parameter that is added to the gradient.
        decoupled_weight_decay: decay as in AdamW.
        maximize: go along the gradient, not against it.

    State: ``step``, ``exp_avg``, ``exp_avg_sq``.

    Raises:
        ValueError: for a hyper-parameter out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        return {
            "step": new_scalar(0.0),
            "exp_avg": fn.zeros_like(param),
            "exp_avg_sq": fn.zeros_like(param),
        }

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        lr, weight_decay = number(group["lr"]), group["weight_decay"]
        beta1, beta2 = group["betas"]
        if weight_decay != 0:
            if group["decoupled_weight_decay"]:
                param.mul_(1 - lr * weight_decay)
            else:
                grad = grad.add(param, alpha=weight_decay)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        rate = lr / (1 - beta1**step)
        correction2 = 1 - beta2**step
        # The length of the approximated simple moving average, and its limit.
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * step * beta2**step / correction2
        if length <= 5.0:
            add_scaled_(param, mean, -rate)
            return
        rectification = math.sqrt(
            (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
        )
        root = square.sqrt()
        root = root + group["eps"] if group["differentiable"] else root.add_(group["eps"])
        add_scaled_quotient_(param, mean, root, -rate * rectification * math.sqrt(correction2))
