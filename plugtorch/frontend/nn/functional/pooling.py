"""Pooling."""

from __future__ import annotations

from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import INT
from plugtorch.spec.ops.nn import pooled_size

from ...amp.casting import autocasts
from ...amp.lists import EVERY
from ...dispatch import takes_out
from ...joining import stack
from ...selection import where
from ...shaping import reshape, unsqueeze

__all__ = [f"{kind}_pool{n}d{tail}" for n in (1, 2, 3) for kind, tail in (
    ("max", ""), ("max", "_with_indices"), ("avg", ""), ("adaptive_avg", ""), ("adaptive_max", ""),
    ("lp", ""), ("adaptive_max", "_with_indices"))]


def _tuple(value, n):
    if value is None:
        return None
    if isinstance(value, int):
        return (value,) * n
    value = tuple(value)
    return value * n if len(value) == 1 else value


def _batched(input, n, name):
    if input.dim() not in (n + 1, n + 2):
        raise RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D (batch mode) tensor expected for input, but got: "
                           f"{list(input._a.shape)}")
    return input if input.dim() == n + 2 else unsqueeze(input, 0)


def _restored(y, input, n):
    return y if input.dim() == n + 2 else reshape(y, tuple(y._a.shape[1:]))


def _geometry(x, kernel_size, stride, padding, dilation, ceil_mode, n, name):
    kernel = _tuple(kernel_size, n)
    stride = kernel if stride is None or stride == () or stride == [] else _tuple(stride, n)
    padding, dilation = _tuple(padding, n), _tuple(dilation, n)
    if any(s == 0 for s in stride):
        raise RuntimeError("stride should not be zero")
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"{name}{n}d() dilation must be greater than zero, but got {next(d for d in dilation if d <= 0)}")
    for p, k, d in zip(padding, kernel, dilation, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if 2 * p > d * (k - 1) + 1:
            raise RuntimeError(f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} "
                               f"and dilation={d}")
    out = [pooled_size(*v, ceil_mode) for v in zip(x._a.shape[2:], kernel, stride, padding, dilation, strict=True)]
    if any(o <= 0 for o in out):
        raise RuntimeError(f"Given input size: ({'x'.join(map(str, x._a.shape[1:]))}). Calculated output size: "
                           f"({'x'.join(map(str, [x._a.shape[1], *out]))}). Output size is too small")
    return {"kernel_size": kernel, "stride": stride, "padding": padding}, dilation


def _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, n, op="max_pool"):
    """The result, and the second result of the op: flat indices, or the choices that the cheaper op keeps."""
    x = _batched(input, n, f"max_pool{n}d")
    empty = 0 in x._a.shape[1:] if n == 3 else input.dim() == n + 1 and not input._a.shape[0]
    if empty:
        raise RuntimeError(f"max_pool{n}d: Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch "
                           f"size for input, but got:{list(input._a.shape)}" if n < 3 else
                           "max_pool3d_with_indices_out_cpu_template(): Expected input's non-batch dimensions to have "
                           f"positive length, but input has a shape of {list(input._a.shape)} and non-batch dimension "
                           f"{next(m for m in x._a.shape[1:] if not m)} has length zero!")
    params, dilation = _geometry(x, kernel_size, stride, padding, dilation, ceil_mode, n, "max_pool")
    y, where = apply(op, (x,), {**params, "dilation": dilation, "ceil_mode": ceil_mode})
    return _restored(y, input, n), where


def _define_max(n):
    def with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        y, indices = _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, n)
        return y, _restored(indices, input, n)

    def plain(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        if return_indices:
            return with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
        return _max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, n, "max_pool_window")[0]

    plain.__name__ = f"max_pool{n}d"
    plain.__doc__ = f"Largest value of each window of the last {n} dimensions; with indices if wanted."
    with_indices.__name__ = f"max_pool{n}d_with_indices"
    with_indices.__doc__ = "Largest value of each window and its flat index."
    globals()[plain.__name__] = autocasts(plain) if plain.__name__ in EVERY else plain
    globals()[with_indices.__name__] = with_indices


def _truncated(mean, dtype):
    """Means of integers in float64 as integers, rounded toward zero as a division of integers is."""
    near = mean.round()
    return where((mean - near).abs() < 1e-9 * near.abs().clamp_min(1), near, mean.trunc()).to(dtype)


def _define_avg(n):
    def avg(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
        x = _batched(input, n, f"avg_pool{n}d")
        params, _ = _geometry(x, kernel_size, stride, padding, 1, ceil_mode, n, "avg_pool")
        if divisor_override == 0:
            raise RuntimeError("divisor must be not zero")
        whole = x.dtype.category == INT
        y = apply("avg_pool", (x.double() if whole else x,), {
            **params, "ceil_mode": ceil_mode, "count_include_pad": count_include_pad, "divisor_override": divisor_override})
        return _restored(_truncated(y, x.dtype) if whole else y, input, n)

    avg.__name__ = f"avg_pool{n}d"
    avg.__doc__ = f"Mean of each window of the last {n} dimensions."
    globals()[avg.__name__] = takes_out(autocasts(avg) if avg.__name__ in EVERY else avg)


def _bins(size, out):
    """Start and end of each bin: ``floor(i * size / out)`` to ``ceil((i + 1) * size / out)``."""
    return [((i * size) // out, -((-(i + 1) * size) // out)) for i in range(out)]


def _adaptive(input, output_size, n, name):
    if n > 1 and input.dim() < n + 1:
        raise ValueError(f"Input dimension should be at least {n + 1}")
    if not isinstance(output_size, int) and len(output_size) != n:
        if n == 1:
            raise RuntimeError(f"{name}() argument 'output_size' should contain one int (got {len(output_size)})")
        raise RuntimeError(f"{name}(): internal error: output_size.size() must be {n}" if "max" in name else
                           f"{name}: output_size must be {n}")
    x = _batched(input, n, name)
    sizes = _tuple(output_size, n) if not isinstance(output_size, (tuple, list)) else tuple(output_size)
    sizes = tuple(x._a.shape[2 + i] if s is None else s for i, s in enumerate(sizes))
    return x, sizes


def _define_adaptive(n):
    def avg(input, output_size):
        x, sizes = _adaptive(input, output_size, n, f"adaptive_avg_pool{n}d")
        spatial = x._a.shape[2:]
        if all(s and m % s == 0 for m, s in zip(spatial, sizes, strict=True)):
            step = tuple(m // s for m, s in zip(spatial, sizes, strict=True))
            return _restored(apply("avg_pool", (x,), {"kernel_size": step, "stride": step, "padding": (0,) * n}), input, n)
        for d, size in enumerate(sizes):
            pieces = [x.narrow(2 + d, a, b - a).mean(2 + d) for a, b in _bins(x._a.shape[2 + d], size)]
            x = stack(pieces, 2 + d)
        return _restored(x, input, n)

    def with_indices(input, output_size, return_indices=False):
        return maximum(input, output_size, True)

    def maximum(input, output_size, return_indices=False):
        x, sizes = _adaptive(input, output_size, n, f"adaptive_max_pool{n}d")
        y, indices = _adaptive_max(x, sizes, n)
        y = _restored(y, input, n)
        return (y, _restored(indices, input, n)) if return_indices else y

    avg.__name__, maximum.__name__ = f"adaptive_avg_pool{n}d", f"adaptive_max_pool{n}d"
    avg.__doc__ = f"Means over the last {n} dimensions in as many bins as the output size asks for."
    maximum.__doc__ = f"Largest values over the last {n} dimensions in as many bins as the output size asks for."
    globals()[avg.__name__] = autocasts(avg) if avg.__name__ in EVERY else avg
    globals()[maximum.__name__] = maximum
    with_indices.__name__ = maximum.__name__ + "_with_indices"
    with_indices.__doc__ = f"The results of :func:`{maximum.__name__}` and their flat indices."
    globals()[with_indices.__name__] = with_indices


def _adaptive_max(x, sizes, n):
    """Bin by bin: a flat index of the largest value of each, then one gather."""
    from itertools import product

    spatial = tuple(x._a.shape[2:])
    flat = reshape(x, (*x._a.shape[:2], -1))
    found = []
    for corner in product(*(_bins(m, s) for m, s in zip(spatial, sizes, strict=True))):
        window = x.detach()
        for d, (a, b) in enumerate(corner):
            window = window.narrow(2 + d, a, b - a)
        shape = tuple(window._a.shape[2:])
        best = window.reshape(*x._a.shape[:2], -1).argmax(2)
        index, scale, rest = best * 0, 1, best
        for d in reversed(range(n)):
            index = index + (rest % shape[d] + corner[d][0]) * scale
            rest = rest // shape[d]
            scale *= spatial[d]
        found.append(index)
    indices = stack(found, 2)
    y = flat.gather(2, indices)
    return reshape(y, (*x._a.shape[:2], *sizes)), reshape(indices, (*x._a.shape[:2], *sizes))


def _define_lp(n):
    def lp(input, norm_type, kernel_size, stride=None, ceil_mode=False):
        kernel = _tuple(kernel_size, n)
        count = 1
        for k in kernel:
            count *= k
        p = float(norm_type)
        mean = globals()[f"avg_pool{n}d"](input.pow(p), kernel, stride, 0, ceil_mode)
        return (mean.sign() * mean.abs().relu() * count).pow(1.0 / p)

    lp.__name__ = f"lp_pool{n}d"
    lp.__doc__ = "The p-norm of each window (without the root's sign)."
    globals()[lp.__name__] = lp


for _n in (1, 2, 3):
    _define_max(_n)
    _define_avg(_n)
    _define_adaptive(_n)
    _define_lp(_n)
