"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.optim.line_search import strong_wolfe
from plugtorch.frontend.optim.optimizer import Optimizer, check, check_lr, number
from plugtorch.frontend.tensor import Tensor

__all__ = ["LBFGS"]

# A pair of changes enters the history only where their product is above this, so that the approximation stays positive.
_LEAST_CURVATURE = 1e-10


class LBFGS(Optimizer):
    """Limited-memory BFGS: steps along ``-H g``, where ``H``, an approximation of the inverse Hessian, comes of the last
    changes of parameters and gradients by the two-loop recursion (Nocedal and Wright, "Numerical optimization", 2006,
    algorithm 7.4). One :meth:`step` takes up to ``max_iter`` of them.

    Args:
        params: parameters, one group. Complex ones count as pairs of real numbers.
        lr: length of a step, the first of each search with a line search.
        max_iter: iterations in one :meth:`step`.
        max_eval: evaluations of the closure in one :meth:`step`, ``max_iter * 1.25`` unless given.
        tolerance_grad: the largest element of the gradient at which it is done.
        tolerance_change: the change of loss or parameters at which it is done.
        history_size: changes that are kept, each as large as all parameters, twice.
        line_search_fn: ``"strong_wolfe"``, or None for steps of ``lr``.

    State, all of it with the first parameter: ``func_evals`` and ``n_iter``, counts; ``d`` and ``t``, the last direction and
    step length; ``old_dirs``, ``old_stps``, ``ro``, changes of gradients and of parameters, and one over their products;
    ``H_diag``, the scale that ``H`` starts from; ``prev_flat_grad``, ``prev_loss``; ``al``.

    Raises:
        ValueError: for a negative ``lr``, or several groups.
        RuntimeError: in the step, for another ``line_search_fn``.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        check(len(self.param_groups) == 1, "LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def _flat_grad(self) -> Tensor:
        """All gradients in one row; zeros for parameters without."""
        parts = []
        for p in self._params:
            grad = fn.zeros_like(p) if p.grad is None else p.grad
            if grad.is_sparse:
                grad = grad.to_dense()
            parts.append(_as_real(grad).reshape(-1))
        return fn.cat(parts)

    def _move(self, step: Any, direction: Tensor) -> None:
        start = 0
        for p in self._params:
            p = _as_real(p)
            p.add_(direction[start:start + p.numel()].view_as(p), alpha=step)
            start += p.numel()

    @fn.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Take up to ``max_iter`` iterations.

        Args:
            closure: clears the gradients, computes the loss and its gradients, and returns the loss.

        Returns:
            The first loss.
        """
        closure = fn.enable_grad()(closure)
        group = self.param_groups[0]
        lr = number(group["lr"])
        max_iter, max_eval, tolerance = group["max_iter"], group["max_eval"], group["tolerance_change"]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = closure()
        loss, evaluations = float(first_loss), 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if grad.abs().max() <= group["tolerance_grad"]:
            return first_loss

        # What the loop changes is written back at its end, also where it is left early.
        direction, step, previous, previous_loss = (state.get(k) for k in ("d", "t", "prev_flat_grad", "prev_loss"))
        for iteration in range(1, max_iter + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction = grad.neg()
                state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
                start = min(1.0, 1.0 / grad.abs().sum()) * lr
            else:
                _remember(state, grad.sub(previous), direction.mul(step), group["history_size"])
                direction = _two_loops(state, grad, group["history_size"])
                start = lr
            previous = grad.clone() if previous is None else previous.copy_(grad)
            previous_loss, step = loss, start
            slope = grad.dot(direction)
            if slope > -tolerance:
                break
            used = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                step, loss, grad, used = self._search(closure, direction, step, loss, grad, slope, max_eval - evaluations)
                self._move(step, direction)
            else:
                self._move(step, direction)
                # With a stochastic loss an evaluation after the last iteration would tell nothing.
                if iteration != max_iter:
                    loss, used = float(closure()), 1
                    grad = self._flat_grad()
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= max_eval
                or grad.abs().max() <= group["tolerance_grad"]
                or direction.mul(step).abs().max() <= tolerance
                or abs(loss - previous_loss) < tolerance
            ):
                break
        state.update(d=direction, t=step, prev_flat_grad=previous, prev_loss=previous_loss)
        return first_loss

    def _search(self, closure, direction, step, loss, grad, slope, max_evaluations):
        """The strong Wolfe search from the parameters as they are, which it leaves as they are."""
        before = [p.clone() for p in self._params]

        def evaluate(at):
            self._move(at, direction)
            value = float(closure())
            flat = self._flat_grad()
            for p, kept in zip(self._params, before, strict=True):
                p.copy_(kept)
            return value, flat

        return strong_wolfe(evaluate, direction, step, loss, grad, slope, max_evaluations=max_evaluations)


def _as_real(x: Tensor) -> Tensor:
    return fn.view_as_real(x) if x.is_complex() else x


def _remember(state: dict[str, Any], grad_change: Tensor, step: Tensor, history_size: int) -> None:
    """Add a change of the gradient and the step that made it to the history, at the cost of the oldest."""
    product = grad_change.dot(step)
    if not product > _LEAST_CURVATURE:
        return
    for name, value in (("old_dirs", grad_change), ("old_stps", step), ("ro", 1.0 / product)):
        if len(state[name]) == history_size:
            state[name].pop(0)
        state[name].append(value)
    state["H_diag"] = product / grad_change.dot(grad_change)


def _two_loops(state: dict[str, Any], grad: Tensor, history_size: int) -> Tensor:
    """``-H g``."""
    history = list(zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True))
    weights = state.setdefault("al", [None] * history_size)
    q = grad.neg()
    for i in reversed(range(len(history))):
        change, step, inverse = history[i]
        weights[i] = step.dot(q) * inverse
        q.add_(change, alpha=-weights[i])
    result = q.mul(state["H_diag"])
    for i, (change, step, inverse) in enumerate(history):
        result.add_(step, alpha=weights[i] - change.dot(result) * inverse)
    return result
