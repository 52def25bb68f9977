"""Ops that work on each element, or on the last axes alone: the mapped axis goes first, ranks are aligned."""

from __future__ import annotations

from plugtorch.autograd.record import apply
from plugtorch.spec.op import OPS

from .table import aligned, batched, is_array, rule

_SAME_SHAPE = ("gelu_backward", "threshold_backward")  # kernels need not broadcast these
_NAMES = [op.name for op in OPS.values()
          if op.family in ("elementwise", "comparison", "activation") and op.name not in _SAME_SHAPE]


@rule(*_NAMES, "cast", "copy", "tril", "triu", "adjoint", "cholesky", "lu", "qr", "eigh", "svd", "eig", "view_as_real",
      "view_as_complex")
def _elementwise(k, name, operands, params):
    rank = max(len(o.shape) for o in operands if is_array(o))
    return apply(name, tuple(aligned(o, rank) for o in operands), params)


@rule(*_SAME_SHAPE)
def _same_shape(k, name, operands, params):
    return apply(name, tuple(batched(k, o) for o in operands), params)


@rule("bitcast")
def _bitcast(k, name, operands, params):
    return apply(name, (operands[0].value,), params)
