"""Everything about sparse tensors, loaded at the first one; plain tensors' methods that may get a sparse operand."""

from __future__ import annotations

import functools

from ..overrides import answer_by_table, install_in_layers
from ..tensor import Tensor
from . import (  # noqa: F401  (each fills the table)
    arithmetic,
    attributes,
    construction,
    conversion,
    masking,
    products,
    reductions,
    shapes,
)
from .tensor import TABLE, SparseTensor, could_not_run, dispatch_key


def _refuse(name, self, args, kwargs):
    raise NotImplementedError(could_not_run(name.strip("_") if name.startswith("__") else name, dispatch_key(self)))


answer_by_table(SparseTensor, TABLE, _refuse)
install_in_layers()

# Methods of dense tensors that PyTorch calls with a sparse operand.
_WITH_SPARSE = ("add", "add_", "sub", "sub_", "mul", "mul_", "div", "mm", "matmul", "mv", "bmm", "addmm", "addmm_",
                "addmv", "copy_", "type_as", "__iadd__", "__isub__", "__imul__", "multiply", "subtract", "is_same_size")


def _looking(name, plain):
    found = TABLE[name]

    @functools.wraps(plain)
    def method(self, *args, **kwargs):
        for a in args:
            if type(a) is SparseTensor:
                return found(self, *args, **kwargs)
        return plain(self, *args, **kwargs)

    return method


for _name in _WITH_SPARSE:
    if hasattr(Tensor, _name):
        setattr(Tensor, _name, _looking(_name, getattr(Tensor, _name)))
