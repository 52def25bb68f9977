"""How often values occur: histograms and membership."""

from __future__ import annotations

import math

from plugtorch.autograd.mode import no_grad
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import FLOAT, HALF

from .comparison import eq
from .creation import linspace, scalar_tensor, tensor
from .dispatch import common_dtype, is_tensor, require_tensor, store, to_dtype, transfer_like
from .indexing import gather
from .joining import cat
from .methods import exporter, method
from .return_types import struct
from .shaping import reshape
from .sorting import searchsorted, sort

__all__: list[str] = []
_export = exporter(__all__)

HistogramResult = struct("histogram", ["hist", "bin_edges"])
HistogramddResult = struct("histogramdd", ["hist", "bin_edges"])


def _range_of(name, values, low, high):
    """Limits of the bins, the values' own where they are the same number.

    Raises:
        RuntimeError: they are not finite, or in the wrong order.
    """
    if low == high and values.numel():
        low, high = values.min().item(), values.max().item()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low:g}, {high:g}] is not finite")
    if low == high:
        low, high = low - 1, high + 1
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    return low, high


def _counted(position, inside, weight, bins, dtype):
    """The sums of weights (or the numbers) of the elements at each position in [0, bins)."""
    weight = to_dtype(inside, dtype) if weight is None else weight * to_dtype(inside, dtype)
    return transfer_like(scalar_tensor(0, dtype=dtype).expand(bins), position).scatter_add(
        0, position.clamp(0, max(bins - 1, 0)), weight)


@_export
@method
@no_grad()
def histc(input, bins=100, min=0, max=0, *, out=None):
    """How many elements lie in each of ``bins`` equal parts of [min, max], in the input's dtype; the last part has its upper
    edge. With equal limits those of the elements are taken; nan and elements outside are not counted.

    Raises:
        RuntimeError: no bins, or limits in the wrong order or not finite.
        NotImplementedError: no floating dtype.
    """
    if not require_tensor(input, "histc").dtype.is_floating_point:
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{input.dtype.legacy}'")
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    flat = reshape(input, (-1,))
    work = dtypes.float32 if input.dtype in HALF else input.dtype
    flat = to_dtype(flat, work)
    low, high = _range_of("torch.histc", flat, float(min), float(max))
    inside = (flat >= low) & (flat <= high)
    position = ((flat - low) * bins / (high - low)).masked_fill(~inside, 0)
    return store(out, to_dtype(_counted(to_dtype(position, dtypes.int64), inside, None, bins, work), input.dtype))


def _places(values, edges):
    """The bin of each value between edges, and which values lie in one; the last bin has its upper edge."""
    at = searchsorted(edges, values.contiguous(), right=True) - 1
    inside = (values >= edges[0]) & (values <= edges[-1])
    return at.clamp(0, edges.numel() - 2), inside


def _linear_edges(values, bins, limits):
    low, high = limits if limits is not None else (0.0, 1.0)
    if limits is None and values.numel():
        low, high = values.min().item(), values.max().item()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.histogram(): dimension 0's range [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(f"torch.histogram(): min should not exceed max, but got min {low:g} max {high:g} for dimension 0")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return transfer_like(linspace(low, high, bins + 1, dtype=values.dtype), values)


def _check_histogram(input, bins, weight, name):
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise NotImplementedError(f"\"{name}\" not implemented for '{input.dtype.legacy}'")
    for d, b in enumerate(bins):
        if is_tensor(b):
            if b.dtype is not input.dtype:
                raise RuntimeError("torch.histogramdd(): input tensor and bins tensors should have the same dtype, but got "
                                   f"input with dtype {input.dtype.name} and bins for dimension {d} with dtype "
                                   f"{b.dtype.name}")
            if b.dim() != 1:
                raise RuntimeError(f"torch.histogramdd(): bins tensor should have one dimension, but got {b.dim()} "
                                   f"dimensions in the bins tensor for dimension {d}")
            if b.numel() < 1:
                raise RuntimeError("torch.histogramdd(): bins tensor should have at least 1 element, but got "
                                   f"{b.numel()} elements in the bins tensor for dimension {d}")
        elif b <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {b} for dimension {d}")
    if weight is not None:
        if tuple(weight._a.shape) != tuple(input._a.shape[:-1]):
            raise RuntimeError("torch.histogramdd(): if weight tensor is provided it should have the same shape as the "
                               "input tensor excluding its innermost dimension, but got input with shape "
                               f"{list(input._a.shape)} and weight with shape {list(weight._a.shape)}")
        if weight.dtype is not input.dtype:
            raise RuntimeError("torch.histogramdd(): if weight tensor is provided, input tensor and weight tensor should "
                               f"have the same dtype, but got input({input.dtype.name}), and weight({weight.dtype.name})")


@no_grad()
def _histogramdd(input, bins, limits, weight, density, name="histogramdd"):
    _check_histogram(input, bins, weight, name)
    points = reshape(input, (-1, len(bins)))
    columns = [points.select(1, d).contiguous() for d in range(len(bins))]
    edges = [b.clone() if is_tensor(b) else _linear_edges(c, b, None if limits is None else limits[2 * d:2 * d + 2])
             for d, (b, c) in enumerate(zip(bins, columns, strict=True))]
    sizes = [e.numel() - 1 for e in edges]
    position, inside = None, None
    for column, edge, size in zip(columns, edges, sizes, strict=True):
        at, within = _places(column, edge)
        position = at if position is None else position * size + at
        inside = within if inside is None else inside & within
    flat_weight = None if weight is None else reshape(weight, (-1,))
    hist = reshape(_counted(position, inside, flat_weight, math.prod(sizes), input.dtype), tuple(sizes))
    if density:
        hist = hist / hist.sum()
        for d, edge in enumerate(edges):
            hist = hist / reshape(edge[1:] - edge[:-1], tuple(-1 if i == d else 1 for i in range(len(sizes))))
    return hist, edges


@_export
@method
def histogram(input, bins, *, range=None, weight=None, density=False, out=None):
    """How many elements (or the sum of whose weights) lie between neighbouring edges, and the edges.

    Args:
        input: float32 or float64, any shape.
        bins: the number of equal bins, or a 1-d tensor of edges in ascending order.
        range: the limits, a pair; by default those of the elements.
        weight: of each element, in the input's shape and dtype.
        density: divide by the total and by the widths, so that the integral is 1.

    Returns:
        ``hist`` and ``bin_edges``, one longer.
    """
    require_tensor(input, "histogram")
    flat = reshape(input, (-1, 1))
    if weight is not None and tuple(weight._a.shape) == tuple(input._a.shape):
        weight = reshape(weight, (-1,))
    if range is not None and len(range) != 2:
        raise RuntimeError(f"torch.histogramdd(): for a 1-dimensional histogram range should have 2 elements, but got "
                           f"{len(range)}")
    hist, edges = _histogramdd(flat, [bins], None if range is None else list(range), weight, density)
    return store(out, HistogramResult(hist, edges[0]))


@_export
def histogramdd(input, bins, *, range=None, weight=None, density=False):
    """The histogram of points in N dimensions.

    Args:
        input: (..., N), float32 or float64.
        bins: a number for all dimensions, N numbers, or N tensors of edges.
        range: 2 N limits, by default those of the coordinates.
        weight: of each point, in the shape ``input.shape[:-1]``.
        density: divide by the total and by the volumes of the bins.

    Returns:
        ``hist``, with a dimension per coordinate, and ``bin_edges``, N tensors.
    """
    n = require_tensor(input, "histogramdd")._a.shape[-1] if input.dim() else 0
    if input.dim() < 2:
        raise RuntimeError("torch.histogramdd(): input tensor should have at least 2 dimensions, but got "
                           f"{input.dim()}")
    bins = [bins] * n if isinstance(bins, int) else list(bins)
    if len(bins) != n:
        raise RuntimeError(f"torch.histogramdd(): expected {n} sequences of bin edges for a {n}-dimensional histogram but "
                           f"got {len(bins)}")
    if range is not None and len(range) != 2 * n:
        raise RuntimeError(f"torch.histogramdd(): for a {n}-dimensional histogram range should have {2 * n} elements, but "
                           f"got {len(range)}")
    hist, edges = _histogramdd(input, bins, range, weight, density)
    return HistogramddResult(hist, tuple(edges))


@_export
def isin(elements, test_elements, *, assume_unique=False, invert=False, out=None):
    """Which elements are among ``test_elements``, as bool in the shape of ``elements``; one of the two may be a number.

    Args:
        assume_unique: a promise that PyTorch uses for speed; it changes nothing here.
        invert: which are not.
    """
    if not is_tensor(elements) and not is_tensor(test_elements):
        raise TypeError("isin() received an invalid combination of arguments - got "
                        f"({type(elements).__name__}, {type(test_elements).__name__}), but expected at least one Tensor")
    if not is_tensor(elements):
        elements = transfer_like(tensor(elements), test_elements)
    if not is_tensor(test_elements):
        found = eq(elements, test_elements)
    else:
        dtype = common_dtype((elements, test_elements), function="isin")
        x, tests = (to_dtype(t.detach(), dtype) for t in (elements, reshape(test_elements, (-1,))))
        n = tests.numel()
        if n == 0 or x.numel() * n <= 4096 or x._k.level or tests._k.level:
            found = eq(x.unsqueeze(-1), tests).any(-1)
        else:
            ordered = sort(tests).values
            at = searchsorted(ordered, x.contiguous()).clamp(max=n - 1)
            found = eq(gather(ordered, 0, reshape(at, (-1,))).reshape(x._a.shape), x)
    return store(out, ~found if invert else found)


def _segment_ids(lengths, n):
    """The segment of each row, along the last dimension of ``lengths``."""
    ends = lengths.cumsum(-1)
    rows = transfer_like(scalar_tensor(0, dtype=dtypes.int64), lengths).expand(*lengths._a.shape[:-1], n)
    from .creation import arange

    rows = rows + transfer_like(arange(n), lengths)
    return searchsorted(ends.contiguous(), rows.contiguous(), right=True)


@_export
def segment_reduce(data, reduce, *, lengths=None, indices=None, offsets=None, axis=0, unsafe=False, initial=None):
    """Sums, means, products or extremes of consecutive segments of rows.

    Args:
        data: floating; segments lie along ``axis``, which is the last dimension of ``lengths`` (or ``offsets``), whose other
            dimensions are data's leading ones.
        reduce: "sum", "mean", "prod", "max" or "min".
        lengths: of each segment, together the size of the axis; or ``offsets``, where each begins and the last ends.
        unsafe: do not check the lengths.
        initial: the value that a segment begins with; the neutral one by default (nan for the mean of none).

    Raises:
        RuntimeError: lengths that do not fit, an unknown reduction, or neither lengths nor offsets.
    """
    if reduce not in ("sum", "mean", "prod", "max", "min"):
        raise RuntimeError(f"unsupported reduction given! {reduce}")
    if data.dtype.category != FLOAT:
        raise NotImplementedError(f"\"_segment_reduce_cpu\" not implemented for '{data.dtype.legacy}'")
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    axis = axis + data.dim() if axis < 0 else axis
    if lengths is None:
        lengths = offsets.narrow(-1, 1, offsets._a.shape[-1] - 1) - offsets.narrow(-1, 0, offsets._a.shape[-1] - 1)
    if axis != lengths.dim() - 1:
        raise RuntimeError(f"segment_reduce(): Expected axis to be the last dimension of lengths but got {axis}.")
    n, count = data._a.shape[axis], lengths._a.shape[-1]
    if not unsafe:
        if lengths.numel() and bool((lengths < 0).any()):
            raise RuntimeError("lengths contains negative value!")
        if not bool((lengths.sum(-1) == n).all()):
            raise RuntimeError("segment_reduce(): Expected all rows of lengths along axis to sum to data.size(axis) when "
                               f"!unsafe, got lengths that sum to other than {n}.")
    neutral = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}[reduce]
    start = neutral if initial is None else float(initial)
    ids = _segment_ids(lengths, n)
    shape = (*data._a.shape[:axis], count, *data._a.shape[axis + 1:])
    base = data.new_full(shape, start)
    index = ids.reshape(*ids._a.shape, *([1] * (data.dim() - axis - 1))).expand(*data._a.shape)
    how = {"max": "amax", "min": "amin", "mean": "sum"}.get(reduce, reduce)
    y = base.scatter_reduce(axis, index, data, how, include_self=True)
    if reduce != "mean":
        return y
    size = lengths.reshape(*lengths._a.shape, *([1] * (data.dim() - axis - 1)))
    mean = y / to_dtype(size, data.dtype).clamp(min=1)
    return mean.masked_fill(size == 0, math.nan) if initial is None else mean


@_export
@method
@no_grad()
def hash_tensor(input, dim=(), *, keepdim=False, mode=0, out=None):
    """The exclusive or, over dimensions (all by default), of the elements' 64 bits: floating values as float64, others as
    int64. The result is uint64.

    Raises:
        RuntimeError: a mode other than 0, or complex values.
    """
    if mode != 0:
        raise RuntimeError(f"hash_tensor(): mode must be 0 (exclusive or), but got {mode}")
    if input.dtype.is_complex:
        raise NotImplementedError(f"\"xor_sum_cpu\" not implemented for '{input.dtype.legacy}'")
    bits = to_dtype(input, dtypes.float64).view(dtypes.int64) if input.dtype.is_floating_point else to_dtype(
        input, dtypes.int64)
    from .dispatch import normalize_axes

    axes = normalize_axes(None if dim in ((), [], None) else dim, input.dim())
    kept = tuple(d for d in range(input.dim()) if d not in axes)
    shape = tuple(input._a.shape)
    rows = bits.permute(*kept, *axes).reshape(*(shape[d] for d in kept), math.prod(shape[d] for d in axes))
    while rows._a.shape[-1] > 1:
        half, odd = divmod(rows._a.shape[-1], 2)
        folded = rows.narrow(-1, 0, half) ^ rows.narrow(-1, half, half)
        rows = cat([folded, rows.narrow(-1, 2 * half, 1)], -1) if odd else folded
    y = rows.sum(-1)
    if keepdim:
        y = y.reshape(tuple(1 if d in axes else n for d, n in enumerate(shape)))
    return store(out, y.view(dtypes.uint64))
