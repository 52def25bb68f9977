"""NAdam."""

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

__all__ = ["NAdam"]


class NAdam(ElementwiseOptimizer):
    """Adam with Nesterov momentum, ``mu_t = b1 (1 - 0.96^(t momentum_decay) / 2)`` (Dozat, "Incorporating
    Nesterov momentum into Adam", 2016).

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: ``(b1, b2)``.
        eps: added to the root.
        weight_decay: multiple of the parameter that is added to the gradient.
        momentum_decay: see above.
        decoupled_weight_decay: decay as in AdamW.
        maximize: go along the gradient, not against it.

    State: ``step``, ``mu_product``, ``exp_avg``, ``exp_avg_sq``.

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
        momentum_decay: float = 4e-3,
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
        check(momentum_decay >= 0.0, f"Invalid momentum_decay value: {momentum_decay}")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        return {
            "step": new_scalar(0.0),
            "mu_product": new_scalar(1.0),
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
        decay = group["momentum_decay"]
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * decay))
        write_scalar(state["mu_product"], read_scalar(state["mu_product"]) * mu)
        mu_product = read_scalar(state["mu_product"])
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        root = square.div(1 - beta2**step).sqrt()
        root = root + group["eps"] if group["differentiable"] else root.add_(group["eps"])
        param.addcdiv_(grad, root, value=-lr * (1.0 - mu) / (1.0 - mu_product))
        param.addcdiv_(mean, root, value=-lr * mu_next / (1.0 - mu_product * mu_next))
