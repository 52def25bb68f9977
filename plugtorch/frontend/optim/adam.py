"""Adam and its variant with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import (
    ElementwiseOptimizer,
    add_scaled,
    add_scaled_quotient_,
    check,
    check_fused,
    check_lr,
    new_scalar,
    number,
)
from plugtorch.frontend.tensor import Tensor

__all__ = ["Adam"]


class Adam(ElementwiseOptimizer):
    """``m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; p = p - lr m' / (sqrt(v') + eps)`` with
    ``m' = m / (1-b1^t)`` and ``v' = v / (1-b2^t)`` (Kingma and Ba, "Adam: a method for stochastic
    optimization", 2014).

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: ``(b1, b2)``.
        eps: added to the root.
        weight_decay: multiple of the parameter that is added to the gradient.
        amsgrad: take the largest ``v`` so far (Reddi et al., "On the convergence of Adam and beyond", 2018).
        maximize: go along the gradient, not against it.
        decoupled_weight_decay: shrink the parameter by ``lr weight_decay`` instead of adding it to the
            gradient (Loshchilov and Hutter, "Decoupled weight decay regularization", 2017).

    State: ``step``, ``exp_avg`` (m), ``exp_avg_sq`` (v), ``max_exp_avg_sq`` with amsgrad.

    Raises:
        ValueError: for a hyper-parameter out of range.
    """

    _rule = "Adam"
    _rule_numbers = ("lr", "betas", "eps", "weight_decay", "decoupled_weight_decay", "maximize")
    _sparse_advice = ", please consider SparseAdam instead"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
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
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        state = {
            "step": new_scalar(0.0),
            "exp_avg": fn.zeros_like(param),
            "exp_avg_sq": fn.zeros_like(param),
        }
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = fn.zeros_like(param)
        return state

    def _columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        lr, weight_decay = number(group["lr"]), number(group["weight_decay"])
        beta1, beta2 = (number(beta) for beta in group["betas"])
        if weight_decay != 0:
            if group["decoupled_weight_decay"]:
                param.mul_(1 - lr * weight_decay)
            else:
                grad = add_scaled(grad, param, weight_decay)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        if isinstance(beta1, Tensor):  # its gradient needs the averages as they were
            mean.copy_(mean.clone().lerp(grad, 1 - beta1))
        else:
            mean.lerp_(grad, 1 - beta1)
        if isinstance(beta2, Tensor):
            square.copy_(square.clone().lerp(grad * grad, 1 - beta2))
        else:
            square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            largest.copy_(fn.maximum(largest, square))
            square = largest
        root = square.sqrt() / (1 - beta2**step) ** 0.5
        root = root + group["eps"] if group["differentiable"] else root.add_(group["eps"])
        add_scaled_quotient_(param, mean, root, -lr / (1 - beta1**step))
