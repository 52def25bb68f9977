"""Adam for sparse gradients."""

from __future__ import annotations

import math
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import ElementwiseOptimizer, check, number
from plugtorch.frontend.tensor import Tensor

__all__ = ["SparseAdam"]


class SparseAdam(ElementwiseOptimizer):
    """Adam that touches only the elements of parameter and moments that the gradient has (Kingma and Ba, "Adam: a method for
    stochastic optimization", 2014); for ``Embedding(sparse=True)``.

    Args:
        params: dense, real parameters, or groups.
        lr: learning rate, above 0.
        betas: ``(b1, b2)``.
        eps: added to the root, above 0.
        maximize: go along the gradient, not against it.

    State: ``step``, ``exp_avg``, ``exp_avg_sq``, the latter two dense.

    Raises:
        ValueError: for a hyper-parameter out of range, and for sparse or complex parameters.
        RuntimeError: in the step, for a dense gradient.
    """

    _counts_steps = False
    _takes_sparse = True

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        maximize: bool = False
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        check(bool(lr > 0.0), f"Invalid learning rate: {lr}")
        check(eps > 0.0, f"Invalid epsilon value: {eps}")
        check(0.0 <= betas[0] < 1.0, f"Invalid beta parameter at index 0: {betas[0]}")
        check(0.0 <= betas[1] < 1.0, f"Invalid beta parameter at index 1: {betas[1]}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        places = [([i, j], p) for i, group in enumerate(self.param_groups) for j, p in enumerate(group["params"])]
        sparse = [place for place, p in places if p.is_sparse]
        check(not sparse, f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors")
        complexes = [place for place, p in places if p.is_complex()]
        check(not complexes, f"Complex params at indices {complexes}: SparseAdam does not support complex parameters")

    def _check_grad(self, grad: Tensor) -> None:
        if not grad.is_sparse:
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        return {"step": 0, "exp_avg": fn.zeros_like(param), "exp_avg_sq": fn.zeros_like(param)}

    def _advance(self, state: dict[str, Any]) -> int:
        state["step"] += 1
        return state["step"]

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        beta1, beta2 = group["betas"]
        grad = grad.coalesce()  # the update is not linear: an element may come only once
        where, values = tuple(grad.indices()), grad.values()
        if values.numel() == 0:
            return
        mean, square = (state[name][where].lerp(new, 1 - beta)
                        for name, new, beta in (("exp_avg", values, beta1), ("exp_avg_sq", values * values, beta2)))
        state["exp_avg"][where] = mean
        state["exp_avg_sq"][where] = square
        rate = number(group["lr"]) * math.sqrt(1 - beta2**step) / (1 - beta1**step)
        param[where] -= mean / square.sqrt().add_(group["eps"]) * rate
