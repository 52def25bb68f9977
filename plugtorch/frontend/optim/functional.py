"""Functional forms of the optimizers: one step on lists of parameters, gradients and state.

Each changes the parameters and the state lists in place, by the update of its class; a list of what the options do not need
(``max_exp_avg_sqs`` without amsgrad) may be empty. They run in the caller's gradient mode: a leaf that requires gradients
has to be stepped under ``no_grad``. ``foreach`` and ``capturable`` are accepted; there is one implementation.
"""

from __future__ import annotations

from typing import Any

from plugtorch.frontend.optim.adadelta import Adadelta
from plugtorch.frontend.optim.adafactor import Adafactor
from plugtorch.frontend.optim.adagrad import Adagrad
from plugtorch.frontend.optim.adam import Adam
from plugtorch.frontend.optim.adamax import Adamax
from plugtorch.frontend.optim.asgd import ASGD
from plugtorch.frontend.optim.muon import Muon
from plugtorch.frontend.optim.nadam import NAdam
from plugtorch.frontend.optim.optimizer import ElementwiseOptimizer
from plugtorch.frontend.optim.radam import RAdam
from plugtorch.frontend.optim.rmsprop import RMSprop
from plugtorch.frontend.optim.rprop import Rprop
from plugtorch.frontend.optim.sgd import SGD
from plugtorch.frontend.optim.sparse_adam import SparseAdam
from plugtorch.frontend.tensor import Tensor

__all__ = ["adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "asgd", "muon", "nadam", "radam", "rmsprop",
           "rprop", "sgd", "sparse_adam"]

Tensors = list[Tensor]


def _step(kind: type[ElementwiseOptimizer], params: Tensors, grads: Tensors, lists: dict[str, list], *,
          maximize: bool = False, **group: Any) -> None:
    """One step of an optimizer's class, its state taken from ``lists`` by the names that the class uses."""
    optimizer = kind.__new__(kind)  # for its update alone, which reads hyper-parameters from the group
    for i, param in enumerate(params):
        state = {name: values[i] for name, values in lists.items()}
        optimizer._update_one(group, param, -grads[i] if maximize else grads[i], state)
        for name, values in lists.items():
            if values[i] is None:  # the first momentum, which the update makes
                values[i] = state[name]


def _check_tensors(values: list, name: str, begin: str = "API has changed, ") -> None:
    if not all(isinstance(value, Tensor) for value in values):
        raise RuntimeError(f"{begin}`{name}` argument must contain a list of singleton tensors")


def _unscale(grads: Tensors, fused: bool | None, grad_scale: Tensor | None, found_inf: Tensor | None,
             message: str = "Expected grad_scale and found_inf to be None") -> bool:
    """Whether to step: False where ``found_inf`` says that gradients overflowed; else divides them by ``grad_scale``.

    Raises:
        AssertionError: one of them is given and ``fused`` is not.
    """
    if not fused and (grad_scale is not None or found_inf is not None):
        raise AssertionError(message)
    if found_inf is not None and found_inf.item():
        return False
    if grad_scale is not None:
        for grad in grads:
            grad.div_(grad_scale)
    return True


def _refuse_differentiable(name: str, fused: bool | None, differentiable: bool) -> None:
    if fused and differentiable:
        raise RuntimeError(f"{name} with fused=True does not support differentiable=True")


def adadelta(params: Tensors, grads: Tensors, square_avgs: Tensors, acc_deltas: Tensors, state_steps: Tensors,
             capturable: bool = False, foreach: bool | None = None, differentiable: bool = False,
             has_complex: bool = False, *, lr: float, rho: float, eps: float, weight_decay: float, maximize: bool) -> None:
    """One step of :class:`Adadelta`.

    Raises:
        RuntimeError: a step count is no tensor.
    """
    _check_tensors(state_steps, "state_steps")
    _step(Adadelta, params, grads, {"square_avg": square_avgs, "acc_delta": acc_deltas, "step": state_steps},
          maximize=maximize, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, differentiable=differentiable)


def adafactor(params: Tensors, grads: Tensors, row_vars: list[Tensor | None], col_vars: list[Tensor | None],
              variances: list[Tensor | None], state_steps: Tensors, foreach: bool | None = None,
              grad_scale: Tensor | None = None, found_inf: Tensor | None = None, has_complex: bool = False, *, d: float,
              lr: float | Tensor, beta2_decay: float, weight_decay: float, eps1: float | None, eps2: float,
              maximize: bool) -> None:
    """One step of :class:`Adafactor`; ``variances`` holds None for parameters of two dimensions and more, ``row_vars`` and
    ``col_vars`` for the others.

    Raises:
        RuntimeError: a step count is no tensor.
        AssertionError: ``grad_scale`` or ``found_inf`` is given, or the state that a parameter needs is None.
    """
    _check_tensors(state_steps, "state_steps", "")
    _unscale(grads, False, grad_scale, found_inf, "Grad scaling should occur outside of optimizer.step()")
    for i, grad in enumerate(grads):
        if grad.dim() > 1 and (row_vars[i] is None or col_vars[i] is None):
            raise AssertionError("row_var and col_var should be defined when grad is multidimensional")
        if grad.dim() <= 1 and variances[i] is None:
            raise AssertionError("variance should be defined when grad is a vector")
    _step(Adafactor, params, grads, {"row_var": row_vars, "col_var": col_vars, "variance": variances, "step": state_steps},
          maximize=maximize, d=d, lr=lr, beta2_decay=beta2_decay, weight_decay=weight_decay, eps=(eps1, eps2))


def adagrad(params: Tensors, grads: Tensors, state_sums: Tensors, state_steps: Tensors, fused: bool | None = None,
            grad_scale: Tensor | None = None, found_inf: Tensor | None = None, has_sparse_grad: bool = False,
            foreach: bool | None = None, differentiable: bool = False, has_complex: bool = False, *, lr: float,
            weight_decay: float, lr_decay: float, eps: float, maximize: bool) -> None:
    """One step of :class:`Adagrad`.

    Raises:
        RuntimeError: a step count is no tensor; ``fused`` with sparse gradients, complex parameters or ``differentiable``;
            weight decay with sparse gradients.
        AssertionError: ``grad_scale`` or ``found_inf`` without ``fused``.
    """
    _check_tensors(state_steps, "state_steps")
    if fused and (has_sparse_grad or has_complex):
        raise RuntimeError("`fused` does not support sparse grad or complex param")
    _refuse_differentiable("adagrad", fused, differentiable)
    if _unscale(grads, fused, grad_scale, found_inf):
        _step(Adagrad, params, grads, {"sum": state_sums, "step": state_steps}, maximize=maximize, lr=lr,
              weight_decay=weight_decay, lr_decay=lr_decay, eps=eps, differentiable=differentiable)


def adam(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors, max_exp_avg_sqs: Tensors,
         state_steps: Tensors, foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
         fused: bool | None = None, grad_scale: Tensor | None = None, found_inf: Tensor | None = None,
         has_complex: bool = False, decoupled_weight_decay: bool = False, *, amsgrad: bool, beta1: float | Tensor,
         beta2: float | Tensor, lr: float | Tensor, weight_decay: float, eps: float, maximize: bool) -> None:
    """One step of :class:`Adam`.

    Raises:
        RuntimeError: a step count is no tensor, or ``fused`` with ``differentiable``.
        AssertionError: ``grad_scale`` or ``found_inf`` without ``fused``.
    """
    _check_tensors(state_steps, "state_steps")
    _refuse_differentiable("Adam", fused, differentiable)
    lists = {"exp_avg": exp_avgs, "exp_avg_sq": exp_avg_sqs, "step": state_steps}
    if amsgrad:
        lists["max_exp_avg_sq"] = max_exp_avg_sqs
    if _unscale(grads, fused, grad_scale, found_inf):
        _step(Adam, params, grads, lists, maximize=maximize, amsgrad=amsgrad, betas=(beta1, beta2), lr=lr,
              weight_decay=weight_decay, eps=eps, decoupled_weight_decay=decoupled_weight_decay,
              differentiable=differentiable)


def adamw(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors, max_exp_avg_sqs: Tensors,
          state_steps: Tensors, foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
          fused: bool | None = None, grad_scale: Tensor | None = None, found_inf: Tensor | None = None,
          has_complex: bool = False, *, amsgrad: bool, beta1: float | Tensor, beta2: float | Tensor, lr: float | Tensor,
          weight_decay: float, eps: float, maximize: bool) -> None:
    """One step of :class:`AdamW`; errors as of :func:`adam`."""
    adam(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps, foreach, capturable, differentiable, fused,
         grad_scale, found_inf, has_complex, True, amsgrad=amsgrad, beta1=beta1, beta2=beta2, lr=lr,
         weight_decay=weight_decay, eps=eps, maximize=maximize)


def adamax(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_infs: Tensors, state_steps: Tensors,
           foreach: bool | None = None, maximize: bool = False, differentiable: bool = False, capturable: bool = False,
           has_complex: bool = False, *, eps: float, beta1: float, beta2: float, lr: float, weight_decay: float) -> None:
    """One step of :class:`Adamax`.

    Raises:
        RuntimeError: a step count is no tensor.
    """
    _check_tensors(state_steps, "state_steps")
    _step(Adamax, params, grads, {"exp_avg": exp_avgs, "exp_inf": exp_infs, "step": state_steps}, maximize=maximize,
          betas=(beta1, beta2), lr=lr, weight_decay=weight_decay, eps=eps, differentiable=differentiable)


def asgd(params: Tensors, grads: Tensors, axs: Tensors, mus: Tensors, etas: Tensors, state_steps: Tensors,
         foreach: bool | None = None, maximize: bool = False, differentiable: bool = False, capturable: bool = False,
         has_complex: bool = False, *, lambd: float, lr: float, t0: float, alpha: float, weight_decay: float) -> None:
    """One step of :class:`ASGD`."""
    _step(ASGD, params, grads, {"ax": axs, "mu": mus, "eta": etas, "step": state_steps}, maximize=maximize, lambd=lambd,
          lr=lr, t0=t0, alpha=alpha, weight_decay=weight_decay, differentiable=differentiable)


def muon(params: Tensors, grads: Tensors, muon_momentum_bufs: Tensors, *, foreach: bool | None = None, lr: float,
         weight_decay: float, momentum: float, nesterov: bool, ns_coefficients: tuple[float, float, float], ns_steps: int,
         eps: float, adjust_lr_fn: str | None, has_complex: bool) -> None:
    """One step of :class:`Muon`.

    Raises:
        RuntimeError: ``foreach``.
        ValueError: complex parameters, or a gradient that is no matrix.
    """
    if foreach:
        raise RuntimeError("Foreach is not supported for Muon yet")
    if has_complex:
        raise ValueError("Complex parameters are not supported")
    if any(grad.ndim != 2 for grad in grads):
        raise ValueError("Param gradient must be a 2D matrix")
    _step(Muon, params, grads, {"momentum_buffer": muon_momentum_bufs}, lr=lr, weight_decay=weight_decay,
          momentum=momentum, nesterov=nesterov, ns_coefficients=ns_coefficients, ns_steps=ns_steps, eps=eps,
          adjust_lr_fn=adjust_lr_fn)


def nadam(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors, mu_products: Tensors,
          state_steps: Tensors, decoupled_weight_decay: bool = False, foreach: bool | None = None,
          capturable: bool = False, differentiable: bool = False, has_complex: bool = False, maximize: bool = False, *,
          beta1: float, beta2: float, lr: float, weight_decay: float, momentum_decay: float, eps: float) -> None:
    """One step of :class:`NAdam`.

    Raises:
        RuntimeError: a step count or a product of momenta is no tensor.
    """
    _check_tensors(state_steps, "state_steps")
    _check_tensors(mu_products, "mu_products")
    _step(NAdam, params, grads,
          {"exp_avg": exp_avgs, "exp_avg_sq": exp_avg_sqs, "mu_product": mu_products, "step": state_steps},
          maximize=maximize, betas=(beta1, beta2), lr=lr, weight_decay=weight_decay, momentum_decay=momentum_decay, eps=eps,
          decoupled_weight_decay=decoupled_weight_decay, differentiable=differentiable)


def radam(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors, state_steps: Tensors,
          decoupled_weight_decay: bool = False, foreach: bool | None = None, differentiable: bool = False,
          capturable: bool = False, has_complex: bool = False, maximize: bool = False, *, beta1: float, beta2: float,
          lr: float, weight_decay: float, eps: float) -> None:
    """One step of :class:`RAdam`.

    Raises:
        RuntimeError: a step count is no tensor.
    """
    _check_tensors(state_steps, "state_steps")
    _step(RAdam, params, grads, {"exp_avg": exp_avgs, "exp_avg_sq": exp_avg_sqs, "step": state_steps}, maximize=maximize,
          betas=(beta1, beta2), lr=lr, weight_decay=weight_decay, eps=eps, decoupled_weight_decay=decoupled_weight_decay,
          differentiable=differentiable)


def rmsprop(params: Tensors, grads: Tensors, square_avgs: Tensors, grad_avgs: Tensors, momentum_buffer_list: Tensors,
            state_steps: Tensors, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
            capturable: bool = False, has_complex: bool = False, *, lr: float, alpha: float, eps: float,
            weight_decay: float, momentum: float, centered: bool) -> None:
    """One step of :class:`RMSprop`.

    Raises:
        RuntimeError: a step count is no tensor.
    """
    _check_tensors(state_steps, "state_steps")
    lists = {"square_avg": square_avgs, "step": state_steps}
    if centered:
        lists["grad_avg"] = grad_avgs
    if momentum > 0:
        lists["momentum_buffer"] = momentum_buffer_list
    _step(RMSprop, params, grads, lists, maximize=maximize, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay,
          momentum=momentum, centered=centered, differentiable=differentiable)


def rprop(params: Tensors, grads: Tensors, prevs: Tensors, step_sizes: Tensors, state_steps: Tensors,
          foreach: bool | None = None, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
          has_complex: bool = False, *, step_size_min: float, step_size_max: float, etaminus: float, etaplus: float) -> None:
    """One step of :class:`Rprop`.

    Raises:
        RuntimeError: a step count is no tensor.
    """
    _check_tensors(state_steps, "state_steps")
    _step(Rprop, params, grads, {"prev": prevs, "step_size": step_sizes, "step": state_steps}, maximize=maximize,
          etas=(etaminus, etaplus), step_sizes=(step_size_min, step_size_max), differentiable=differentiable)


def sgd(params: Tensors, d_p_list: Tensors, momentum_buffer_list: list[Tensor | None], has_sparse_grad: bool = False,
        foreach: bool | None = None, fused: bool | None = None, grad_scale: Tensor | None = None,
        found_inf: Tensor | None = None, *, weight_decay: float, momentum: float, lr: float, dampening: float,
        nesterov: bool, maximize: bool) -> None:
    """One step of :class:`SGD`; with momentum, ``momentum_buffer_list`` holds None before the first step.

    Raises:
        RuntimeError: ``fused`` with sparse gradients.
        AssertionError: ``grad_scale`` or ``found_inf`` without ``fused``.
    """
    if fused and has_sparse_grad:
        raise RuntimeError("`_fused_sgd` does not support sparse gradients")
    if _unscale(d_p_list, fused, grad_scale, found_inf):
        _step(SGD, params, d_p_list, {"momentum_buffer": momentum_buffer_list} if momentum != 0 else {},
              maximize=maximize, weight_decay=weight_decay, momentum=momentum, lr=lr, dampening=dampening,
              nesterov=nesterov)


def sparse_adam(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors, state_steps: list[int], *,
                eps: float, beta1: float, beta2: float, lr: float, maximize: bool) -> None:
    """One step of :class:`SparseAdam`; ``state_steps`` are the numbers of this step, from 1 on, and stay as they are."""
    before = [step - 1 for step in state_steps]
    _step(SparseAdam, params, grads, {"exp_avg": exp_avgs, "exp_avg_sq": exp_avg_sqs, "step": before}, maximize=maximize,
          eps=eps, betas=(beta1, beta2), lr=lr)
