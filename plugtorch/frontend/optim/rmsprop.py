"""RMSprop."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import ElementwiseOptimizer, check, check_lr, new_scalar, number
from plugtorch.frontend.tensor import Tensor

__all__ = ["RMSprop"]


class RMSprop(ElementwiseOptimizer):
    """``v = alpha v + (1-alpha) g^2; p = p - lr g / (sqrt(v) + eps)`` (Tieleman and Hinton, lecture 6.5 of
    "Neural networks for machine learning", 2012).

    Args:
        params: parameters or groups.
        lr: learning rate.
        alpha: smoothing constant.
        eps: added to the root.
        weight_decay: multiple of the parameter that is added to the gradient.
        momentum: factor of a buffer of the scaled gradients.
        centered: take the variance in place of ``v`` (Graves, "Generating sequences with recurrent neural
            networks", 2013).
        maximize: go along the gradient, not against it.

    State: ``step``, ``square_avg``, ``momentum_buffer`` with momentum, ``grad_avg`` if centered.

    Raises:
        ValueError: for a hyper-parameter out of range.
    """

    _rule = "RMSprop"
    _rule_numbers = ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "maximize")

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        check(momentum >= 0.0, f"Invalid momentum value: {momentum}")
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        check(alpha >= 0.0, f"Invalid alpha value: {alpha}")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        state = {"step": new_scalar(0.0), "square_avg": fn.zeros_like(param)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = fn.zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = fn.zeros_like(param)
        return state

    def _columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        momentum = ("momentum_buffer",) if group["momentum"] > 0 else ()
        return ("square_avg", *momentum, "grad_avg") if group["centered"] else ("square_avg", *momentum)

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        lr, alpha = number(group["lr"]), group["alpha"]
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        square = state["square_avg"]
        square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"]
            mean.lerp_(grad, 1 - alpha)
            square = square.addcmul(mean, mean, value=-1)
        root = square.sqrt() + group["eps"] if group["differentiable"] else square.sqrt().add_(group["eps"])
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"]
            buffer.mul_(group["momentum"]).addcdiv_(grad, root)
            param.add_(buffer, alpha=-lr)
        else:
            param.addcdiv_(grad, root, value=-lr)
