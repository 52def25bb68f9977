"""Fractional max pooling (Graham, arXiv:1412.6071): windows at pseudo-random steps."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.spec import dtypes

from ...creation import arange, tensor
from ...dispatch import to_dtype
from ...joining import cat
from ...random_functions import rand
from ...shaping import reshape
from .pooling import _tuple

__all__ = [f"fractional_max_pool{n}d{tail}" for n in (2, 3) for tail in ("", "_with_indices")]
_AXES = {2: ("height", "width"), 3: ("time", "height", "width")}


def _starts(samples, size, out, kernel):
    """(N, C, out) first elements of the windows along one axis: ``floor((i + u) a) - floor(u a)`` with
    ``a = (size - kernel) / (out - 1)``, each step in the samples' dtype; the last window ends at the edge."""
    last = samples.new_full((*samples._a.shape, 1), size - kernel, dtype=dtypes.int64)
    if out == 1:
        return last
    u = samples.unsqueeze(-1)
    span, gaps = (tensor(float(n), dtype=u.dtype, device=u.device) for n in (size - kernel, out - 1))
    factor = span / gaps
    steps = arange(out - 1, dtype=u.dtype, device=u.device)
    first = to_dtype((steps + u) * factor, dtypes.int64) - to_dtype(u * factor, dtypes.int64)
    return cat([first, last], -1)


def fractional(input, kernel, sizes, samples, n):
    """Largest values of the windows and their flat indices: (N, C, *sizes) or (C, *sizes).

    Raises:
        RuntimeError: shapes do not fit, or a window is too large.
    """
    name = f"fractional_max_pool{n}d"
    shape = tuple(input._a.shape)
    for what, value in (("kernel_size", kernel), ("output_size", sizes)):
        if len(value) != n:
            raise RuntimeError(f"{name}: {what} must either be a single Int or tuple of Ints")
    if len(shape) not in (n + 1, n + 2) or 0 in shape[-n - 1:]:
        raise RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D tensor with non-empty channel and spatial dimensions, "
                           f"but got a tensor of size {list(shape)}")
    batched = len(shape) == n + 2
    for d, (m, k, out) in enumerate(zip(shape[-n:], kernel, sizes, strict=True)):
        if out + k - 1 > m:
            where = f"{name}()" if n == 2 else f"{name}_out()"
            raise RuntimeError(f"{where}: pool {_AXES[n][d]} {k} too large relative to input {_AXES[n][d]} {m}")
    x = input if batched else input.unsqueeze(0)
    count, channels, *spatial = x._a.shape
    if samples.dtype is not x.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if samples.dim() != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions got {samples.dim()}")
    for d, least, what in ((0, count, "input batch size"), (1, channels, "input channel size")):
        if samples._a.shape[d] < least:
            raise RuntimeError(f"Expect _random_samples.size({d}) no less then {what}.")
    if samples._a.shape[2] != n:
        raise RuntimeError(f"Expect _random_samples.size(2) equals to {n}; got {samples._a.shape[2]}.")
    samples = samples.narrow(0, 0, count).narrow(1, 0, channels).detach()
    order = range(n) if n == 3 else (1, 0)  # in two dimensions the first sample is the width's
    starts = [_starts(samples.select(2, order[d]), spatial[d], sizes[d], kernel[d]) for d in range(n)]
    index = None
    for d in range(n):
        at = starts[d].unsqueeze(-1) + arange(kernel[d], device=x.device)
        at = reshape(at, (count, channels, *_spread(sizes, d), *_spread(kernel, d)))
        index = at if index is None else index * spatial[d] + at
    places, window = math.prod(sizes), math.prod(kernel)
    index = reshape(index, (count, channels, places * window))
    flat = reshape(x, (count, channels, math.prod(spatial)))
    values = reshape(flat.detach().gather(2, index), (count, channels, places, window))
    best = values.argmax(3, keepdim=True)
    chosen = reshape(index, (count, channels, places, window)).gather(3, best).squeeze(3)
    shape = (count, channels, *sizes) if batched else (channels, *sizes)
    return reshape(flat.gather(2, chosen), shape), reshape(chosen, shape)


def _spread(sizes, d):
    return tuple(m if i == d else 1 for i, m in enumerate(sizes))


def _define(n):
    name = f"fractional_max_pool{n}d"

    @named(f"FractionalMaxPool{n}DBackward0")
    def with_indices(input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None):
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
        if output_size is None:
            ratios = _tuple(output_ratio, n) if not isinstance(output_ratio, float) else (output_ratio,) * n
            output_size = [int(m * r) for m, r in zip(input._a.shape[-n:], ratios, strict=True)]
        if _random_samples is None:
            count = 1 if input.dim() == n + 1 else input.size(0)
            _random_samples = rand(count, input.size(-n - 1), n, dtype=input.dtype, device=input.device)
        return fractional(input, _tuple(kernel_size, n), _tuple(output_size, n), _random_samples, n)

    def plain(input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None):
        y, indices = with_indices(input, kernel_size, output_size, output_ratio, return_indices, _random_samples)
        return (y, indices) if return_indices else y

    plain.__name__ = plain.__qualname__ = name
    with_indices.__name__ = with_indices.__qualname__ = name + "_with_indices"
    plain.__doc__ = (
        f"Largest values of windows of the last {n} dimensions, which start at pseudo-random steps.\n\n"
        "The output has ``output_size``, or ``output_ratio`` times the input's sizes. ``_random_samples`` "
        f"(N, C, {n}) of [0, 1) place the windows, and are drawn by default.\n\n"
        "Raises:\n    ValueError: neither size nor ratio is given.\n    RuntimeError: sizes do not fit.")
    with_indices.__doc__ = f"The results of :func:`{name}`, and their flat indices in the spatial dimensions."
    globals()[plain.__name__], globals()[with_indices.__name__] = plain, with_indices


for _n in (2, 3):
    _define(_n)
