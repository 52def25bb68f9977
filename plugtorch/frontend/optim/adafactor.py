"""Adafactor."""

from __future__ import annotations

import math
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import ElementwiseOptimizer, check, new_scalar, number
from plugtorch.frontend.tensor import Tensor

__all__ = ["Adafactor"]


class Adafactor(ElementwiseOptimizer):
    """Steps scaled by a second moment that is kept as its row and column means, for parameters of two dimensions and more
    (Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018): ``v = r c / mean(r)``;
    ``u = g / sqrt(v)``, divided by ``max(1, rms(u) / d)``; ``p = p - max(eps2, rms(p)) min(lr, 1/sqrt(t)) u``.
    The moments are averaged with the weight ``t^beta2_decay`` of the newest.

    Args:
        params: parameters or groups.
        lr: bound of the relative step, and factor of the decay.
        beta2_decay: exponent of the weight of the newest square.
        eps: ``(eps1, eps2)``: the least ``mean(r)`` and ``sqrt(v)``, None for the dtype's epsilon; and the least scale of a
            parameter.
        d: greatest root mean square of an update.
        weight_decay: fraction ``lr weight_decay`` of the parameter is taken away before the step.
        maximize: go along the gradient, not against it.

    State: ``step``, and ``row_var`` and ``col_var``, means of squares over the last axis and the last but one, or
    ``variance`` for parameters of fewer dimensions.

    Raises:
        ValueError: for a hyper-parameter out of range.
        RuntimeError: in the step, for a complex parameter.
    """

    _complex_as_real = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        check(bool(lr >= 0.0), f"Learning rate should be >= 0 but is: {lr}")
        check(beta2_decay <= 0.0, f"beta2_decay should be <= 0 but is: {beta2_decay}")
        check(eps[0] is None or eps[0] >= 0.0, f"epsilon1 should be >= 0 but is: {eps[0]}")
        check(eps[1] >= 0.0, f"epsilon2 should be >= 0 but is: {eps[1]}")
        check(d >= 1.0, f"Clipping threshold d should be >= 1 but is: {d}")
        check(weight_decay >= 0.0, f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": number(lr) if foreach else lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        if param.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        state = {"step": new_scalar(0.0)}
        if param.dim() > 1:
            *batch, rows, columns = param.shape
            state["row_var"] = param.new_zeros((*batch, rows, 1))
            state["col_var"] = param.new_zeros((*batch, 1, columns))
        else:
            state["variance"] = fn.zeros_like(param)
        return state

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        lr, (eps1, eps2) = number(group["lr"]), group["eps"]
        if eps1 is None:
            eps1 = fn.finfo(param.dtype).eps
        newest = step ** group["beta2_decay"]
        alpha = max(eps2, _rms(param)) * min(lr, 1 / math.sqrt(step))
        if group["weight_decay"] != 0:
            param.mul_(1 - lr * group["weight_decay"])
        if grad.dim() > 1:
            row, column = state["row_var"], state["col_var"]
            row.lerp_(grad.norm(dim=-1, keepdim=True).square_().div_(grad.size(-1)), newest)
            column.lerp_(grad.norm(dim=-2, keepdim=True).square_().div_(grad.size(-2)), newest)
            square = (row @ column).div_(row.mean(dim=-2, keepdim=True).clamp_(min=eps1))
        else:
            state["variance"].lerp_(grad.square(), newest)
            square = state["variance"].clone()
        update = square.clamp_(min=eps1 * eps1).rsqrt_().mul_(grad)
        param.add_(update, alpha=-alpha / max(1.0, _rms(update) / group["d"]))


def _rms(x: Tensor) -> float:
    """Root of the mean square."""
    return x.norm(2).item() / math.sqrt(x.numel())
