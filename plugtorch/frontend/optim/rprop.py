"""Resilient backpropagation."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import ElementwiseOptimizer, check, check_lr, new_scalar, number
from plugtorch.frontend.tensor import Tensor

__all__ = ["Rprop"]


class Rprop(ElementwiseOptimizer):
    """Steps along the sign of the gradient; each element's step grows by ``etas[1]`` while the sign stays
    and shrinks by ``etas[0]`` when it turns, which also leaves out that move (Riedmiller and Braun, "A direct
    adaptive method for faster backpropagation learning: the RPROP algorithm", 1993).

    Args:
        params: parameters or groups.
        lr: first step.
        etas: factors of shrinking and growing.
        step_sizes: smallest and largest step.
        maximize: go along the gradient, not against it.

    State: ``step``, ``prev`` (the last gradient), ``step_size``.

    Raises:
        ValueError: for a hyper-parameter out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 < etas[0] < 1.0 < etas[1], f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        lr = number(group["lr"])
        # Both parts of a complex parameter step alike.
        start = complex(lr, lr) if param.is_complex() else lr
        return {
            "step": new_scalar(0.0),
            "prev": fn.zeros_like(param),
            "step_size": fn.full_like(param, start),
        }

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        shrink, grow = group["etas"]
        smallest, largest = group["step_sizes"]
        previous, size = state["prev"], state["step_size"]
        product = grad * previous
        turned = product < 0
        factor = fn.ones_like(product).masked_fill_(product > 0, grow).masked_fill_(turned, shrink)
        size.mul_(factor).clamp_(smallest, largest)
        grad = grad.masked_fill(turned, 0)
        param.addcmul_(grad.sign(), size, value=-1)
        previous.copy_(grad)
