"""Logic and bits: and, or, exclusive or, not, and shifts."""

from __future__ import annotations

from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import FLOAT
from plugtorch.spec.op import OPS

from .dispatch import as_number, common_dtype, elementwise, is_tensor, require_tensor, store, to_dtype
from .methods import exporter, inplace_twin, method, operator, swapped_operator
from .tensor import Tensor

__all__: list[str] = []
_export = exporter(__all__)


def _as_bool(x):
    return to_dtype(x, dtypes.bool_) if is_tensor(x) else bool(x)


@_export
@method
def logical_not(input, *, out=None):
    """Whether each element is zero, as bool."""
    return store(out, apply("bit_not", (_as_bool(require_tensor(input, "logical_not")),)))


def _logical(name, op_name):
    def function(input, other, *, out=None):
        require_tensor(input, name)
        require_tensor(other, name, "other", 2)
        return store(out, elementwise(op_name, (_as_bool(input), _as_bool(other))))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name.replace('_', ' ').capitalize()} of the truth of each element, as bool."
    return function


for _name, _op in {"logical_and": "bit_and", "logical_or": "bit_or", "logical_xor": "bit_xor"}.items():
    globals()[_name] = _export(method(_logical(_name, _op)))
    globals()[_name + "_"] = _export(inplace_twin(globals()[_name]))
logical_not_ = _export(inplace_twin(logical_not))


def _bitwise(name, op_name):
    def function(input, other, *, out=None):
        dtype = common_dtype((input, as_number(other)), function=name)
        if dtype.category >= FLOAT:
            raise NotImplementedError(f'"{name}_cpu" not implemented for \'{dtype.legacy}\'')
        return store(out, elementwise(op_name, (input, other)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = OPS[op_name].doc
    return function


for _name, _op, _dunder in (
    ("bitwise_and", "bit_and", "and"), ("bitwise_or", "bit_or", "or"), ("bitwise_xor", "bit_xor", "xor"),
    ("bitwise_left_shift", "shift_left", "lshift"), ("bitwise_right_shift", "shift_right", "rshift"),
):
    _function = globals()[_name] = _export(method(_bitwise(_name, _op)))
    globals()[_name + "_"] = _export(inplace_twin(_function))
    setattr(Tensor, f"__i{_dunder}__", globals()[_name + "_"])
    setattr(Tensor, f"__{_dunder}__", operator(_function))
    setattr(Tensor, f"__r{_dunder}__", swapped_operator(_function))


@_export
@method
def bitwise_not(input, *, out=None):
    """Every bit inverted; logical not of bools."""
    if require_tensor(input, "bitwise_not").dtype.category >= FLOAT:
        raise NotImplementedError(f"\"bitwise_not_cpu\" not implemented for '{input.dtype.legacy}'")
    return store(out, apply("bit_not", (input,)))


bitwise_not_ = _export(inplace_twin(bitwise_not))


def _invert(self):
    if self.dtype.category >= FLOAT:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(self)


Tensor.__invert__ = _invert
