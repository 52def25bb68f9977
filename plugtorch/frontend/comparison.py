"""Comparison of elements: equal, less, greater."""

from __future__ import annotations

import numpy as np

from plugtorch.autograd.record import common_backend, finish
from plugtorch.spec.dtypes import COMPLEX, INT
from plugtorch.spec.op import OPS
from plugtorch.spec.xp.base import wrap_integer

from .creation import as_tensor
from .dispatch import as_number, common_dtype, moved_scalars, promoted, require_tensor, store, transfer_like
from .methods import add_aliases, exporter, inplace_twin, is_operand, method
from .tensor import Tensor

__all__: list[str] = []
_export = exporter(__all__)


def _comparison(name):
    ordered = name not in ("eq", "ne")

    def function(input, other, *, out=None):
        require_tensor(input, name)
        if not is_operand(other):
            raise TypeError(f"{name}(): argument 'other' (position 2) must be Tensor or Number, not {type(other).__name__}")
        operands = moved_scalars((input, as_number(other)))
        dtype = common_dtype(operands)
        if ordered and dtype.category == COMPLEX:
            raise NotImplementedError(f'"{name}_cpu" not implemented for \'{dtype.legacy}\'')
        arrays, mask = promoted(operands, dtype)
        if dtype.category == INT:
            arrays = [wrap_integer(a, dtype) if type(a) is int else a for a in arrays]
        return store(out, finish(OPS[name], common_backend(operands), operands, arrays, {}, mask))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = OPS[name].doc

    def operator(self, other):
        if is_operand(other):
            return function(self, other)
        if not ordered and isinstance(other, np.ndarray):
            return function(self, transfer_like(as_tensor(other), self))
        return NotImplemented

    return function, operator


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _function, _dunder = _comparison(_name)
    globals()[_name] = _export(method(_function))
    setattr(Tensor, f"__{_name}__", _dunder)
    globals()[_name + "_"] = _export(inplace_twin(_function))
Tensor.__hash__ = object.__hash__

__all__ += add_aliases(globals(), {"greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
                                   "not_equal": "ne"})
