"""The activations that are functions of ``torch`` and methods of Tensor: relu and the softmax family."""

from __future__ import annotations

import warnings

from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import BOOL

from .amp.casting import autocasts
from .dispatch import inplace as run_inplace
from .dispatch import normalize_axis, require_tensor, store, to_dtype
from .methods import inplace_twin, method
from .unsupported import refuse

__all__ = ["log_softmax", "relu", "relu_", "softmax"]


def maybe_inplace(input, wanted, compute, *args):
    """The result, or the input with the result written into it."""
    return run_inplace(input, compute, *args) if wanted else compute(input, *args)


@method
def relu(input, inplace=False):
    """``max(input, 0)``."""
    require_tensor(input, "relu")
    if input.dtype.category == BOOL:
        raise RuntimeError("Boolean inputs not supported for relu")
    if input.dtype.is_complex:
        raise NotImplementedError("clamp is not supported for complex types")
    return maybe_inplace(input, inplace, lambda x: apply("relu", (x,)))


inplace_twin(relu)

def relu_(input):
    """In-place version of :func:`relu`."""
    return relu(input, True)


def _implicit_dim(name, ndim):
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
                  "argument.", stacklevel=4)
    return 0 if ndim in (0, 1, 3) else 1


def _softmax_like(name, op):
    def function(input, dim=None, _stacklevel=3, dtype=None, *, out=None):
        if dim is None:
            dim = _implicit_dim(name, input.dim())
        x = to_dtype(input, dtype) if dtype is not None else input
        refuse(name, x.dtype)
        axis = normalize_axis(dim, x.dim())
        if not x.dim():
            return store(out, apply(op, (x.reshape(1),), {"axis": 0}).reshape(()))
        return store(out, apply(op, (x,), {"axis": axis}))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name} along a dimension; ``dtype`` converts first."
    return autocasts(function)


softmax, log_softmax = _softmax_like("softmax", "softmax"), _softmax_like("log_softmax", "log_softmax")


@method(name="softmax")
def _softmax_method(self, dim, dtype=None):
    """softmax along a dimension."""
    return softmax(self, dim, dtype=dtype)


@method(name="log_softmax")
def _log_softmax_method(self, dim, dtype=None):
    """log_softmax along a dimension."""
    return log_softmax(self, dim, dtype=dtype)
