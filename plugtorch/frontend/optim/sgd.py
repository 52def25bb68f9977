"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import (
    ElementwiseOptimizer,
    add_scaled,
    add_scaled_,
    check,
    check_fused,
    check_lr,
    number,
)
from plugtorch.frontend.tensor import Tensor

__all__ = ["SGD"]


class SGD(ElementwiseOptimizer):
    """``p = p - lr g``, with momentum ``b = momentum b + (1 - dampening) g; p = p - lr b``.

    The first momentum buffer is the gradient itself. Nesterov momentum steps along ``g + momentum b``
    (Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013).

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: momentum factor.
        dampening: damping of the gradient in the buffer.
        weight_decay: multiple of the parameter that is added to the gradient.
        nesterov: needs momentum and no dampening.
        maximize: go along the gradient, not against it.

    Raises:
        ValueError: for a hyper-parameter out of range.
    """

    _rule = "SGD"
    _rule_numbers = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")
    _counts_steps = False
    _takes_sparse = True
    _complex_as_real = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Any = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check(momentum >= 0.0, f"Invalid momentum value: {momentum}")
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        if group["momentum"] == 0:
            return {}
        # Updated once, zeros become the gradient; but not where it is dampened, sparse, or would be seen by a graph.
        usual = group["dampening"] == 0 and not group.get("differentiable") and not param.grad.is_sparse
        return {"momentum_buffer": fn.zeros_like(param) if usual else None}

    def _columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        weight_decay, momentum = number(group["weight_decay"]), group["momentum"]
        if weight_decay != 0:
            grad = add_scaled(grad, param, weight_decay)
        if momentum != 0:
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = grad.detach().clone()  # also if differentiable, as PyTorch's
            else:
                buffer.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
            grad = grad.add(buffer, alpha=momentum) if group["nesterov"] else buffer
        add_scaled_(param, grad, -number(group["lr"]))
