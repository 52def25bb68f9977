"""Normal and log-normal values in PyTorch's CPU order."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.frontend.random import libm
from plugtorch.frontend.random.box_muller import BLOCK, fill_blocks
from plugtorch.frontend.random.generator import Generator, sampler
from plugtorch.frontend.random.rounding import fma64, not_implemented, numpy_dtype, to_dtype
from plugtorch.frontend.random.shapes import Shape, element_count

_REAL = ("float16", "bfloat16", "float32", "float64")
_PARTS = {"complex64": "float32", "complex128": "float64"}
# Values handled at a time by the float64 transform, or together with the last block.
_CHUNK = 1 << 13


@sampler
def normal(
    gen: Generator,
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: str = "float32",
    *,
    contiguous: bool = True,
) -> np.ndarray:
    """Normal values of ``shape``, in the order drawn.

    Real types of 16 or more elements go through blocks of 16 unless ``contiguous`` is false, which stands
    for a target tensor that is not contiguous; then, and below 16 elements, values are drawn one by one
    in float64, two from each pair of uniforms, the second kept for the next such call. A complex value
    has real and imaginary part of variance ``std**2 / 2``, and ``mean`` is added to both.

    RuntimeError if ``std`` is negative or nan, NotImplementedError for integer types.
    """
    mean, std = float(mean), float(std)
    if not std >= 0.0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    n = element_count(shape)
    if dtype in _PARTS:
        parts = _reals(gen, 2 * n, mean, std * (1.0 / math.sqrt(2.0)), _PARTS[dtype], contiguous)
        return parts.view(numpy_dtype(dtype)).reshape(shape)
    if dtype not in _REAL:
        raise not_implemented("normal_kernel_cpu", dtype)
    return _reals(gen, n, mean, std, dtype, contiguous).reshape(shape)


def _reals(gen: Generator, n: int, mean: float, std: float, dtype: str, contiguous: bool) -> np.ndarray:
    if n < BLOCK or not contiguous:
        return to_dtype(fma64(gen.normals(n), std, mean), dtype)
    if dtype == "float64":
        return _blocks_float64(gen, n, mean, std)
    whole = n - n % BLOCK
    if whole == n:
        out = np.empty(n, np.float32)
        fill_blocks(gen.words, out, mean, std)
        return to_dtype(out, dtype)
    # The rest of fewer than 16 is covered by a last block, which overlaps those before.
    spare = n % BLOCK if dtype == "float32" else 0  # float32 draws for every element before it transforms any
    if n <= _CHUNK:
        words = gen.words(whole + spare + BLOCK)
        both = np.empty(whole + BLOCK, np.float32)
        fill_blocks(lambda _: np.delete(words, slice(whole, whole + spare)), both, mean, std)
        out = both[:n]
        out[n - BLOCK :] = both[whole:].copy()
    else:
        out = np.empty(n, np.float32)
        fill_blocks(gen.words, out[:whole], mean, std)
        gen.words(spare)
        fill_blocks(gen.words, out[n - BLOCK :], mean, std)
    return to_dtype(out, dtype)


def _blocks_float64(gen: Generator, n: int, mean: float, std: float) -> np.ndarray:
    out = np.empty(n, np.float64)
    whole = n - n % BLOCK
    for start in range(0, whole, _CHUNK):
        part = out[start : min(start + _CHUNK, whole)]
        part[:] = _pairs_float64(gen.u53(part.size), mean, std)
    if n % BLOCK:
        gen.words(2 * (n % BLOCK))
        out[n - BLOCK :] = _pairs_float64(gen.u53(BLOCK), mean, std)
    return out


def _pairs_float64(unit: np.ndarray, mean: float, std: float) -> np.ndarray:
    half = BLOCK // 2
    unit = unit.reshape(-1, 2, half)
    radius = np.sqrt(-2.0 * libm.log(1.0 - unit[:, 0].ravel()))
    angle = (2.0 * math.pi) * unit[:, 1].ravel()
    out = np.empty(unit.shape, np.float64)
    out[:, 0] = fma64(radius * libm.cos(angle), std, mean).reshape(-1, half)
    out[:, 1] = fma64(radius * libm.sin(angle), std, mean).reshape(-1, half)
    return out.ravel()


@sampler
def log_normal(
    gen: Generator, shape: Shape, mean: float = 1.0, std: float = 2.0, dtype: str = "float32"
) -> np.ndarray:
    """exp of normal values of ``mean`` and ``std``, drawn one by one in float64 whatever the size.

    RuntimeError if ``std`` is not positive, NotImplementedError for types that are not real floating ones.
    """
    mean, std = float(mean), float(std)
    if not std > 0.0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    if dtype not in _REAL:
        raise not_implemented("log_normal_cpu", dtype)
    exponent = fma64(gen.normals(element_count(shape)), std, mean)
    if dtype == "float64":
        return libm.exp(exponent).reshape(shape)
    return libm.narrowed(np.exp, libm.exp, exponent, lambda y: to_dtype(y, dtype)).reshape(shape)
