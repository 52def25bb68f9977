"""Adagrad."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.optimizer import (
    ElementwiseOptimizer,
    check,
    check_fused,
    check_lr,
    new_scalar,
    number,
)
from plugtorch.frontend.tensor import Tensor

__all__ = ["Adagrad"]


class Adagrad(ElementwiseOptimizer):
    """``s = s + g^2; p = p - lr / (1 + (t-1) lr_decay) g / (sqrt(s) + eps)`` (Duchi et al., "Adaptive
    subgradient methods for online learning and stochastic optimization", 2011).

    Args:
        params: parameters or groups.
        lr: learning rate.
        lr_decay: decay of the learning rate.
        weight_decay: multiple of the parameter that is added to the gradient.
        initial_accumulator_value: what ``s`` starts from.
        eps: added to the root.
        maximize: go along the gradient, not against it.

    State, made at once: ``step`` and ``sum`` (s).

    Raises:
        ValueError: for a hyper-parameter out of range.
    """

    _rule = "Adagrad"
    _rule_numbers = ("lr", "lr_decay", "weight_decay", "eps", "maximize")
    _takes_sparse = True

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check(lr_decay >= 0.0, f"Invalid lr_decay value: {lr_decay}")
        check(weight_decay >= 0.0, f"Invalid weight_decay value: {weight_decay}")
        check(
            initial_accumulator_value >= 0.0,
            f"Invalid initial_accumulator_value value: {initial_accumulator_value}",
        )
        check(eps >= 0.0, f"Invalid epsilon value: {eps}")
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param].update(self._new_state(group, param))

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        start = group["initial_accumulator_value"]
        start = complex(start, start) if param.is_complex() else start
        return {"step": new_scalar(0.0), "sum": fn.full_like(param, start)}

    def _columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("sum",)

    def share_memory(self) -> None:
        """Move the sums to memory that other processes can share."""
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["sum"].share_memory_()

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        rate = number(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
        if grad.is_sparse:
            self._update_rows(group, param, grad.coalesce(), state["sum"], rate)
            return
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        total = state["sum"]
        total.addcmul_(grad, grad)
        root = total.sqrt() + group["eps"] if group["differentiable"] else total.sqrt().add_(group["eps"])
        param.addcdiv_(grad, root, value=-rate)

    def _update_rows(self, group: dict[str, Any], param: Tensor, grad: Tensor, total: Tensor, rate: float) -> None:
        """The update at the entries of a sparse gradient alone."""
        if group["weight_decay"] != 0:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        total.add_(grad.pow(2))
        root = total.sparse_mask(grad).values().sqrt().add_(group["eps"])
        param.add_(fn.sparse_coo_tensor(grad.indices(), grad.values() / root, grad.shape), alpha=-rate)
