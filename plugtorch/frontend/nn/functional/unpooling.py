"""The partial inverse of max pooling (Zeiler et al., 2011): values back at the places that a pooling chose."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.spec import dtypes

from ...amp.casting import autocasts
from ...amp.lists import EVERY
from ...shaping import reshape
from .pooling import _tuple

__all__ = [f"max_unpool{n}d" for n in (1, 2, 3)]


def _output_size(input, kernel, stride, padding, output_size, n):
    default = [(m - 1) * s + k - 2 * p for m, s, k, p in zip(input._a.shape[-n:], stride, kernel, padding, strict=True)]
    if output_size is None:
        return tuple(default)
    sizes = tuple(int(m) for m in output_size)
    if len(sizes) == n + 2:
        sizes = sizes[2:]
    if len(sizes) != n:
        raise ValueError(f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of "
                         f"'{len(sizes)}'")
    for d, (want, have, s) in enumerate(zip(sizes, default, stride, strict=True)):
        if not have - s < want < have + s:
            raise ValueError(f"invalid output_size '{list(sizes)}' (dim {d} must be between {have - s} and {have + s})")
    return sizes


def unpool(input, indices, sizes, n):
    """Values (N, C, *S) or (C, *S) at flat positions of zeros of the spatial ``sizes``; of equal positions the last counts.

    Raises:
        RuntimeError: indices of another shape or dtype, or out of range.
    """
    if indices.dtype is not dtypes.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype.legacy}")
    shape = tuple(input._a.shape)
    if len(shape) not in (n + 1, n + 2):
        raise RuntimeError(f"Input to max_unpooling{n}d should be a {n + 1}d or {n + 2}d Tensor, but got a tensor with "
                           f"{len(shape)} dimensions.")
    if shape != tuple(indices._a.shape):
        tail = (1,) if n == 1 else ()
        raise RuntimeError(f"Expected shape of indices to be same as that of the input tensor ({[*shape, *tail]}) but got "
                           f"indices tensor with shape: {[*indices._a.shape, *tail]}")
    lead, count = shape[:-n], math.prod(sizes)
    if math.prod(shape):
        known = indices._k.bounds(indices._a)
        if known is not None and (known[0] < 0 or known[1] >= count):
            bad = known[0] if known[0] < 0 else known[1]
            raise RuntimeError(f"Found an invalid max index: {bad} (output volumes are of size "
                               f"{'x'.join(map(str, sizes))}")
    flat = (*lead, math.prod(shape[-n:]))
    blank = input.new_zeros((*lead, count))
    return reshape(blank.scatter(-1, reshape(indices, flat), reshape(input, flat)), (*lead, *sizes))


def _define(n):
    def max_unpool(input, indices, kernel_size, stride=None, padding=0, output_size=None):
        kernel = _tuple(kernel_size, n)
        step = kernel if stride is None else _tuple(stride, n)
        sizes = _output_size(input, kernel, step, _tuple(padding, n), output_size, n)
        return unpool(input, indices, sizes, n)

    name = max_unpool.__name__ = max_unpool.__qualname__ = f"max_unpool{n}d"
    max_unpool.__doc__ = (
        f"The values of a max_pool{n}d at the positions ``indices`` that it returned, zeros elsewhere.\n\n"
        "Input and indices are (N, C, *S) or (C, *S). ``output_size`` chooses among the sizes that pool to S.\n\n"
        "Raises:\n    ValueError: an output size that does not pool to S.\n"
        "    RuntimeError: indices of another shape or dtype, or out of range.")
    function = named("SqueezeBackward1" if n == 1 else f"MaxUnpool{n}DBackward0")(max_unpool)
    globals()[name] = autocasts(function) if name in EVERY else function


for _n in (1, 2, 3):
    _define(_n)
