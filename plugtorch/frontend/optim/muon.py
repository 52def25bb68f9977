"""Muon."""

from __future__ import annotations

import math
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import ElementwiseOptimizer, check, number
from plugtorch.frontend.tensor import Tensor

__all__ = ["Muon"]


class Muon(ElementwiseOptimizer):
    """Momentum whose steps are made orthogonal: ``b = lerp(b, g, 1 - momentum)``, with nesterov ``u = lerp(g, b,
    momentum)``; ``p = p (1 - lr weight_decay) - lr' O(u)``, where ``O`` brings all singular values near 1 by Newton and
    Schulz's iteration (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024). For the matrices of
    hidden layers; biases, embeddings and heads go to another optimizer.

    Args:
        params: parameters of two dimensions, or groups.
        lr: learning rate.
        weight_decay: fraction ``lr weight_decay`` of the parameter is taken away.
        momentum: momentum factor.
        nesterov: whether to look ahead.
        ns_coefficients: ``(a, b, c)`` of the iteration ``x = a x + (b A + c A A) x`` with ``A = x x'``.
        eps: least norm that a step is divided by at first.
        ns_steps: iterations, below 100.
        adjust_lr_fn: ``"original"`` or None: ``lr' = lr sqrt(max(1, rows / columns))``; ``"match_rms_adamw"``:
            ``lr' = 0.2 lr sqrt(max(rows, columns))`` (Liu et al., "Muon is scalable for LLM training", 2025).

    State: ``momentum_buffer``.

    Raises:
        ValueError: for a hyper-parameter out of range, and for parameters that are no matrices.
        RuntimeError: in the step, for complex parameters and sparse gradients.
    """

    _counts_steps = False
    _complex_as_real = False

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        check(bool(lr >= 0.0), f"Learning rate should be >= 0 but is: {lr}")
        check(momentum >= 0.0, f"momentum should be >= 0 but is: {momentum}")
        check(weight_decay >= 0.0, f"weight decay should be >= 0 but is: {weight_decay}")
        check(adjust_lr_fn in (None, "original", "match_rms_adamw"),
              f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                check(p.ndim == 2, f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}")

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        if param.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        return {"momentum_buffer": fn.zeros_like(param.grad)}

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        lr, momentum = number(group["lr"]), group["momentum"]
        buffer = state["momentum_buffer"]
        buffer.lerp_(grad, 1 - momentum)
        update = grad.lerp(buffer, momentum) if group["nesterov"] else buffer
        update = _orthogonalized(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        param.mul_(1 - lr * group["weight_decay"])
        param.add_(update, alpha=-lr * _scale(group["adjust_lr_fn"], *param.shape))


def _orthogonalized(x: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """``x`` with singular values near 1, in bfloat16, by Newton and Schulz's iteration of degree five."""
    check(steps < 100, "Number of steps must be less than 100 for computational efficiency")
    check(len(coefficients) == 3, "Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = x.size(0) > x.size(1)
    result = x.bfloat16()
    if tall:
        result = result.T
    result = result / result.norm().clamp(min=eps)
    for _ in range(steps):
        gram = result @ result.T
        result = fn.addmm(result, fn.addmm(gram, gram, gram, beta=b, alpha=c), result, beta=a)
    return result.T if tall else result


def _scale(adjust_lr_fn: str | None, rows: int, columns: int) -> float:
    if adjust_lr_fn == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
