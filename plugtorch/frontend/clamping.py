"""Limiting elements from below and above."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.autograd.record import common_backend, finish
from plugtorch.spec.dtypes import BOOL
from plugtorch.spec.op import OPS

from .comparison import ge, le
from .dispatch import as_number, common_dtype, is_tensor, moved_scalars, promoted, require_tensor, store, to_dtype
from .methods import add_aliases, exporter, inplace_twin, method
from .selection import where
from .unsupported import refuse

__all__: list[str] = []
_export = exporter(__all__)


@_export
@method
def clamp(input, min=None, max=None, *, out=None):
    """Limits each element to [min, max]; bounds are numbers, tensors or None.

    Raises:
        RuntimeError: both bounds are None.
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if None not in (min, max) and is_tensor(min) is not is_tensor(max):
        raise TypeError("clamp() received an invalid combination of arguments: 'min' and 'max' must both be Tensor or both "
                        f"Number, got ({type(min).__name__}, {type(max).__name__})")
    operands = moved_scalars((require_tensor(input, "clamp"), as_number(min), as_number(max)))
    dtype = common_dtype([o for o in operands if o is not None], function="clamp")
    refuse("clamp", dtype)
    if dtype.category == BOOL and not (is_tensor(min) or is_tensor(max)):
        raise NotImplementedError("\"clamp_min_scalar_cpu\" not implemented for 'Bool'")
    arrays, mask = promoted(operands, dtype)
    bounds = [b for b in arrays[1:] if isinstance(b, float) and math.isnan(b)]
    if bounds:
        return store(out, input * math.nan)
    return store(out, finish(OPS["clamp"], common_backend(operands), operands, arrays, {}, mask))


clamp_ = _export(inplace_twin(clamp))


@_export
@method
@named("ClampMinBackward0")
def clamp_min(input, min, *, out=None):
    """Limits from below."""
    return clamp(input, min, None, out=out)


@_export
@method
@named("ClampMaxBackward0")
def clamp_max(input, max, *, out=None):
    """Limits from above."""
    return clamp(input, None, max, out=out)


clamp_min_, clamp_max_ = _export(inplace_twin(clamp_min)), _export(inplace_twin(clamp_max))



def _greater_or_number(name, compare):
    @named(f"{name.capitalize()}Backward0")
    def function(input, other, *, out=None):
        require_tensor(input, name)
        dtype = common_dtype((input, require_tensor(other, name, "other", 2)))
        refuse(name, dtype)
        a, b = (to_dtype(x, dtype) for x in moved_scalars((input, other)))
        return store(out, where(compare(a, b) | b.ne(b), a, b))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (f"The {'greater' if name == 'fmax' else 'smaller'} of two elements; where one is nan, the other."
                        "\n\nRaises:\n    RuntimeError: the dtype is complex.\n")
    return function


fmax = _export(method(_greater_or_number("fmax", ge)))
fmin = _export(method(_greater_or_number("fmin", le)))

__all__ += add_aliases(globals(), {"clip": "clamp"})
