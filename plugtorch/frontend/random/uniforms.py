"""Uniform values in PyTorch's CPU order."""

from __future__ import annotations

import numpy as np

from plugtorch.frontend.random.generator import Generator, sampler
from plugtorch.frontend.random.rounding import (
    c_name,
    fma32,
    fma64,
    largest,
    not_implemented,
    numpy_dtype,
    scalar_name,
    to_dtype,
)
from plugtorch.frontend.random.shapes import Shape, element_count

_PARTS = {"complex64": "float32", "complex128": "float64"}
# Values drawn at a time, so that the words stay in the cache.
_CHUNK = 1 << 15


@sampler
def uniform(
    gen: Generator, shape: Shape, low: float = 0.0, high: float = 1.0, dtype: str = "float32"
) -> np.ndarray:
    """Uniform values of ``shape`` in [low, high), in the order drawn.

    float32 and the half types come from 24 random bits each, float64 from 53. A value that rounding puts on
    ``high`` becomes ``low``. For complex types real and imaginary parts are drawn in turn.

    RuntimeError if the bounds are out of the type's range, not finite or in the wrong order;
    NotImplementedError for integer types.
    """
    low, high = float(low), float(high)
    part = _PARTS.get(dtype, dtype)
    if part not in ("float16", "bfloat16", "float32", "float64"):
        raise not_implemented("check_uniform_bounds", dtype)
    limit = largest(part)
    for name, bound in (("from", low), ("to", high)):
        if not -limit <= bound <= limit:
            raise RuntimeError(f"{name} is out of bounds for {c_name(part)}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    if high - low > limit:
        raise RuntimeError(
            "uniform_ expects to-from <= std::numeric_limits<"
            f"{scalar_name(part)}>::max(), but found to={high:g} and from={low:g} which result in to-from to "
            "exceed the limit"
        )
    n = element_count(shape)
    if part != dtype:
        return _reals(gen, 2 * n, low, high, part).view(numpy_dtype(dtype)).reshape(shape)
    return _reals(gen, n, low, high, dtype).reshape(shape)


def _reals(gen: Generator, n: int, low: float, high: float, dtype: str) -> np.ndarray:
    out = np.empty(n, numpy_dtype(dtype))
    draw = _float64 if dtype == "float64" else _from_float32
    for start in range(0, n, _CHUNK):
        part = out[start : start + _CHUNK]
        part[:] = draw(gen, part.size, low, high, dtype)
    return out


def _float64(gen: Generator, n: int, low: float, high: float, dtype: str) -> np.ndarray:
    values = gen.u53(n)
    if low != 0.0 or high != 1.0:
        values = fma64(values, high - low, low)
        values[values >= high] = low
    return values


def _from_float32(gen: Generator, n: int, low: float, high: float, dtype: str) -> np.ndarray:
    values = gen.u24(n)
    unit = low == 0.0 and high == 1.0
    low32, high32 = np.float32(low), np.float32(high)
    if not unit:
        values = fma32(values, float(high32 - low32), float(low32))
    if dtype == "float32":
        if not unit:
            values[values >= high32] = low32
        return values
    values = to_dtype(values, dtype)
    bounds = to_dtype(np.array([low, high]), dtype)
    values[values >= bounds[1]] = bounds[0]
    return values


@sampler
def rrelu_noise(gen: Generator, x: np.ndarray, lower: float, upper: float) -> np.ndarray:
    """The slopes of a training ``rrelu``: uniform in [lower, upper) where ``x <= 0``, and 1 elsewhere.

    ``x``: bfloat16, float32 or float64 of any shape. The slopes have its shape; float64 for float64,
    otherwise float32. Only elements that are not positive draw, in row-major order. RuntimeError if
    ``lower > upper``, NotImplementedError for other types.
    """
    lower, upper = float(lower), float(upper)
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    name = x.dtype.name
    if name not in ("bfloat16", "float32", "float64"):
        raise not_implemented("rrelu_with_noise_out_cpu", name)
    kept = np.float64 if name == "float64" else np.float32
    if kept is np.float32:
        lower, upper = float(np.float32(lower)), float(np.float32(upper))
    slopes = np.ones(x.shape, kept)
    drawn = x <= 0
    slopes[drawn] = gen.u53(int(np.count_nonzero(drawn))) * (upper - lower) + lower
    return slopes
