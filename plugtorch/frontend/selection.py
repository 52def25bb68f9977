"""Elements of one tensor or another, by a condition."""

from __future__ import annotations

from plugtorch.autograd.names import named
from plugtorch.autograd.record import common_backend, finish
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, COMPLEX, INT
from plugtorch.spec.op import OPS

from .creation import full_like
from .dispatch import as_number, common_dtype, is_tensor, moved_scalars, promoted, store, to_dtype
from .methods import exporter, inplace_twin, method
from .unsupported import check_number_fits

__all__: list[str] = []
_export = exporter(__all__)


@_export
def where(condition, input=None, other=None, *, out=None):
    """``input`` where the condition holds, else ``other``; with one argument the coordinates of true elements."""
    if input is None and other is None:
        from .indexing import nonzero

        return nonzero(condition, as_tuple=True)
    if condition.dtype.category != BOOL:
        if condition.dtype is not dtypes.uint8:
            raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype "
                               f"{condition.dtype.legacy}")
        condition = to_dtype(condition, dtypes.bool_)
    operands = moved_scalars((condition, as_number(input), as_number(other)))
    condition, values = operands[0], operands[1:]
    dtype = common_dtype(values)
    arrays, mask = promoted(values, dtype)
    k = common_backend(operands)
    if not any(is_tensor(v) for v in values):
        arrays[0] = k.full(shape=(), value=arrays[0], dtype=dtype, device=condition.device)
    return store(out, finish(OPS["where"], k, operands, [condition._a, *arrays], {}, mask << 1))


@method(name="where")
def _where_method(self, condition, y=0):
    """``self`` where the condition holds, else ``y``."""
    return where(condition, self, y)


@_export
@method
@named(lambda input, mask, value: f"MaskedFillBackward{int(is_tensor(value))}")
def masked_fill(input, mask, value):
    """``value`` where the mask is true.

    Raises:
        RuntimeError: the mask is not bool, or the value does not fit the dtype.
    """
    if mask.dtype.category != BOOL:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype.name}")
    value = as_number(value)
    if is_tensor(value):
        if value.dim():
            raise RuntimeError(f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                               f"{value.dim()} dimension(s).")
        if value.dtype.category == COMPLEX > input.dtype.category:
            raise RuntimeError(f"value cannot be converted to type {input.dtype.name} without overflow")
        return where(mask, to_dtype(value, input.dtype), input)
    check_number_fits(value, input.dtype)
    if input.dtype.category == BOOL:
        value = bool(value)
    elif input.dtype.category == INT:
        value = int(value)
    return where(mask, value if input.dim() else full_like(input, value), input)


masked_fill_ = _export(inplace_twin(masked_fill))
