"""Limiting the size of gradients."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

from plugtorch.autograd.base import wrap
from plugtorch.autograd.mode import DUAL, mode
from plugtorch.frontend import functions as fn
from plugtorch.frontend.dispatch import update
from plugtorch.frontend.overrides import has_torch_function
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec.dtypes import float32, float64

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _grads(parameters: Iterable[Tensor] | Tensor) -> list[Tensor]:
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    return [grad for p in parameters if (grad := p.grad) is not None]


_GATHERED = 4096  # elements: below, the calls of kernels cost more than copying


def _plain(tensors: list[Tensor]) -> bool:
    """Whether all are plain tensors of one real dtype on one device, whose backend's kernels may be called on their
    arrays: where arrays are mutable, as others may multiply matrices with fewer digits."""
    k, dtype = tensors[0]._k, tensors[0].dtype
    if not k.aliases or dtype not in (float32, float64) or mode() & DUAL or has_torch_function(()):
        return False
    if any([type(t) is not Tensor or t._k is not k for t in tensors]):
        return False
    devices = {k.device_of(t._a) for t in tensors}
    return len(devices) == 1 and all([k.dtype_of(t._a) is dtype for t in tensors])


def _euclidean_norm(tensors: list[Tensor]) -> Tensor:
    """The root of the sum of squares of tensors that are :func:`_plain`: products of rows with themselves, of small
    tensors in one row."""
    k, rows, small = tensors[0]._k, [], []
    for t in tensors:
        n = math.prod(t._a.shape)
        row = k.reshape(t._a, shape=(n,))
        if n < _GATHERED:
            small.append(row)
        else:
            rows.append(row)
    if small:
        rows.append(k.concat(*small, axis=0))
    squares = [k.matmul(k.reshape(row, shape=(1, row.shape[0])), k.reshape(row, shape=(row.shape[0], 1))) for row in rows]
    return wrap(k.sqrt(k.sum(k.concat(*squares, axis=0), axis=(0, 1))), k)


def get_total_norm(
    tensors: Iterable[Tensor] | Tensor,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all elements of ``tensors`` as if they were one vector, a scalar.

    Args:
        tensors: of any shapes; none give 0.
        norm_type: p of the norm, may be infinity.
        error_if_nonfinite: raise if the norm is infinite or no number.
        foreach: False takes the norm of each tensor by itself.

    Raises:
        RuntimeError: see ``error_if_nonfinite``.
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return fn.tensor(0.0)
    with fn.no_grad():
        if norm_type == 2.0 and foreach is not False and _plain(tensors):
            total = _euclidean_norm(tensors)
        else:
            norms = [t.norm(norm_type) for t in tensors]
            device = norms[0].device
            total = fn.stack([norm.to(device) for norm in norms]).norm(norm_type)
    if error_if_nonfinite and not bool(fn.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(
    parameters: Iterable[Tensor] | Tensor,
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale the gradients in place by ``min(1, max_norm / (total_norm + 1e-6))``."""
    grads = _grads(parameters)
    if not grads:
        return
    with fn.no_grad():
        # Multiplying by 1 where nothing is to be clipped spares waiting for the value of the norm.
        scale = fn.clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
        scales = {}
        for grad in grads:
            device = grad.device
            if device not in scales:
                scales[device] = scale.to(device)
            grad.mul_(scales[device])


def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients in place so that their norm, taken together, is at most ``max_norm``.

    Args:
        parameters: whose gradients; those without one are passed over.
        max_norm: the limit.
        norm_type: p of the norm, may be infinity.
        error_if_nonfinite: raise if the norm is infinite or no number.
        foreach: as for :func:`get_total_norm`.

    Returns:
        The norm before the scaling, a scalar.
    """
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    else:
        is_generator = not isinstance(parameters, list | tuple)
        parameters = list(parameters)
        if is_generator and not parameters:
            warnings.warn(
                "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2
            )
    total_norm = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total_norm, foreach)
    return total_norm


def clip_grad_norm(*args: Any, **kwargs: Any) -> Tensor:
    """The old name of :func:`clip_grad_norm_`."""
    warnings.warn(
        "torch.nn.utils.clip_grad_norm is now deprecated in favor of torch.nn.utils.clip_grad_norm_.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(*args, **kwargs)


def clip_grad_value_(
    parameters: Iterable[Tensor] | Tensor, clip_value: float, foreach: bool | None = None
) -> None:
    """Limit every element of the gradients, in place, to ``[-clip_value, clip_value]``."""
    clip_value = float(clip_value)
    with fn.no_grad():
        for grad in _grads(parameters):
            update(grad, "clamp", fn.clamp, -clip_value, clip_value)
