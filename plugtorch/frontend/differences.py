"""Differences of neighbours along a dimension, and derivatives estimated from them."""

from __future__ import annotations

from plugtorch.spec.dtypes import BOOL, INT

from .dispatch import NUMBERS, is_tensor, normalize_axes, normalize_axis, require_tensor, store
from .joining import cat
from .methods import exporter, method
from .shaping import narrow, reshape

__all__: list[str] = []
_export = exporter(__all__)


@_export
@method
def diff(input, n=1, dim=-1, prepend=None, append=None, *, out=None):
    """The n-th difference ``x[i + 1] - x[i]`` along a dimension, exclusive or of bools; ``prepend`` and ``append`` are
    joined to the input first.

    Raises:
        RuntimeError: no dimension, a negative order, or parts that do not fit.
    """
    if not require_tensor(input, "diff").dim():
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = normalize_axis(dim, input.dim())
    for part in (prepend, append):
        if part is None:
            continue
        if part.dim() != input.dim():
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
        wrong = next((d for d in range(part.dim()) if d != axis and part._a.shape[d] != input._a.shape[d]), None)
        if wrong is not None:
            raise RuntimeError(f"diff expects the shape of tensor to prepend or append to match that of input except along "
                               f"the differencing dimension; input.size({wrong}) = {input._a.shape[wrong]}, but got "
                               f"tensor.size({wrong}) = {part._a.shape[wrong]}")
    parts = [p for p in (prepend, input, append) if p is not None]
    x = cat(parts, axis) if len(parts) > 1 else input
    if n == 0:
        return store(out, x.clone())
    for _ in range(n):
        size = x._a.shape[axis]
        if size == 0:
            break
        later, sooner = narrow(x, axis, 1, size - 1), narrow(x, axis, 0, size - 1)
        x = later ^ sooner if x.dtype.category == BOOL else later - sooner
    return store(out, x)


def _check_gradient(input, spacing, dims, edge_order):
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if len(spacing) != len(dims):
        raise RuntimeError("torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim "
                           "arguments to "
                           f"have the same length, but got a spacing argument of length {len(spacing)} and a dim argument "
                           f"of length {len(dims)}.")
    for d, h in zip(dims, spacing, strict=True):
        if input._a.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
        if is_tensor(h):
            if h.dim() != 1:
                raise RuntimeError(f"torch.gradient expected each element of spacing to have one dimension, but got an "
                                   f"element with {h.dim()} dimensions!")
            if h._a.shape[0] != input._a.shape[d]:
                raise RuntimeError("torch.gradient expects each element of spacing to have the same length as the "
                                   f"corresponding dimension of input, got {h._a.shape[0]} for a dimension of size "
                                   f"{input._a.shape[d]}")
        if is_tensor(h) and h.device != input.device:
            raise RuntimeError("torch.gradient expects each tensor to be on the same device, but got devices "
                               f"{input.device} and {h.device}!")


def _gradient_along(x, d, h, edge_order):
    """Second-order differences inside, of order ``edge_order`` at the ends (B. Fornberg, Math. Comp. 51 (1988), for uneven
    steps)."""
    n = x._a.shape[d]

    def row(i):
        return narrow(x, d, i if i >= 0 else n + i, 1)

    before, here, after = narrow(x, d, 0, n - 2), narrow(x, d, 1, n - 2), narrow(x, d, 2, n - 2)
    if not is_tensor(h):
        inner = (after - before) / (2 * h)
        if edge_order == 1:
            ends = (row(1) - row(0)) / h, (row(-1) - row(-2)) / h
        else:
            ends = ((row(0) * -1.5 + row(1) * 2 - row(2) * 0.5) / h, (row(-1) * 1.5 - row(-2) * 2 + row(-3) * 0.5) / h)
        return cat([ends[0], inner, ends[1]], d)
    steps = reshape(h[1:] - h[:-1], tuple(-1 if i == d else 1 for i in range(x.dim())))
    a, b = narrow(steps, d, 0, n - 2), narrow(steps, d, 1, n - 2)
    inner = before * (-b / (a * (a + b))) + here * ((b - a) / (a * b)) + after * (a / (b * (a + b)))

    def step(i):
        return narrow(steps, d, i if i >= 0 else n - 1 + i, 1)

    if edge_order == 1:
        ends = (row(1) - row(0)) / step(0), (row(-1) - row(-2)) / step(-1)
    else:
        p, q = step(0), step(1)
        first = row(0) * (-(2 * p + q) / (p * (p + q))) + row(1) * ((p + q) / (p * q)) - row(2) * (p / (q * (p + q)))
        p, q = step(-2), step(-1)
        last = row(-3) * (q / (p * (p + q))) - row(-2) * ((p + q) / (p * q)) + row(-1) * ((2 * q + p) / (q * (p + q)))
        ends = first, last
    return cat([ends[0], inner, ends[1]], d)


@_export
def gradient(input, *, spacing=None, dim=None, edge_order=1):
    """Derivatives along dimensions estimated by differences: central inside, one-sided of order ``edge_order`` at the ends.

    Args:
        input: any dtype but bool; integers are taken in the default dtype.
        spacing: the distance of neighbours, 1 by default: one number, a number per dimension, or a 1-d tensor of
        coordinates per dimension. dim: the dimensions, all by default.
        edge_order: 1 or 2.

    Returns:
        A tuple with a tensor of the input's shape per dimension.

    Raises:
        RuntimeError: spacings that do not fit, or a dimension with fewer than ``edge_order + 1`` elements.
    """
    require_tensor(input, "gradient")
    dims = tuple(range(input.dim())) if dim is None else (
        normalize_axes(dim, input.dim()) if isinstance(dim, int) else tuple(normalize_axis(d, input.dim()) for d in dim))
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"dim {next(d for d in dims if dims.count(d) > 1)} appears multiple times in the list of dims")
    spacing = 1 if spacing is None else spacing
    spacing = [spacing] * len(dims) if isinstance(spacing, NUMBERS) else list(
        [spacing] if is_tensor(spacing) else spacing)
    _check_gradient(input, spacing, dims, edge_order)
    if input.dtype.category <= INT:
        from .dispatch import float_like

        input = float_like(input)
    return tuple(_gradient_along(input, d, h, edge_order) for d, h in zip(dims, spacing, strict=True))
