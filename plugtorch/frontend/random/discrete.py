"""Integers, permutations, Bernoulli and geometric values in PyTorch's CPU order."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.frontend.random import libm
from plugtorch.frontend.random.generator import Generator, sampler
from plugtorch.frontend.random.rounding import DIGITS, c_name, largest, not_implemented, numpy_dtype, to_dtype
from plugtorch.frontend.random.shapes import Shape, element_count

_INTEGERS = ("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64")
# Values drawn at a time, so that the words stay in the cache.
_CHUNK = 1 << 15
# From this width of the range on, an integer takes 64 bits.
_WIDE_RANGE = 1 << 28
_INT64_MIN = -(1 << 63)
# The number of values of an argument-less random_: 2**63 for int64, and so on.
_FULL_RANGE = {
    "bool": 2,
    "uint8": 1 << 8,
    "int8": 1 << 7,
    "int16": 1 << 15,
    "int32": 1 << 31,
    "int64": 1 << 63,
    **{name: (1 << digits) + 1 for name, digits in DIGITS.items()},
}


@sampler
def random_(
    gen: Generator, shape: Shape, low: int | None = None, high: int | None = None, dtype: str = "float32"
) -> np.ndarray:
    """The integers of ``Tensor.random_(low, high)``, of ``shape``, with either bound or both left out.

    Without bounds: all non-negative values of an integer type, or the integers 0..2**digits that a
    floating type holds exactly. With ``low`` alone: from ``low`` to the largest of those. With both: low
    <= value < high. RuntimeError for bounds that the type does not hold or that are in the wrong order.
    """
    n = element_count(shape)
    if low is None and high is None:
        count = _FULL_RANGE.get(dtype)
        if count is None:
            raise not_implemented("random_kernel_cpu", dtype)
        wide = dtype in ("int64", "float64")
        return _integers(gen, n, 0, count, dtype, wide).reshape(shape)
    low = 0 if low is None else int(low)
    if high is not None:
        return _between(gen, n, low, int(high), dtype).reshape(shape)
    if low == _INT64_MIN:
        return _all_64_bits(gen, n, dtype).reshape(shape)
    lowest, highest = _limits(dtype)
    if dtype in DIGITS:
        low, highest = _inside(low, low, dtype)[0], 1 << DIGITS[dtype]
        if low >= highest:
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to "
                f"dtype, but got from={low} > to_inc={highest}"
            )
    if not lowest <= low <= highest:
        raise RuntimeError(f"from is out of bounds for {c_name(dtype)}")
    count = highest + 1 - low
    return _integers(gen, n, low, count, dtype, count >= _WIDE_RANGE).reshape(shape)


@sampler
def randint(gen: Generator, low: int, high: int, shape: Shape, dtype: str = "int64") -> np.ndarray:
    """Integers low <= value < high of ``shape``, in any real type. Errors as for :func:`random_`."""
    return _between(gen, element_count(shape), int(low), int(high), dtype).reshape(shape)


def _limits(dtype: str) -> tuple[int, int]:
    """The smallest and largest integer in the range of ``dtype``."""
    if dtype == "bool":
        return 0, 1
    if dtype in _INTEGERS:
        info = np.iinfo(dtype)
        return int(info.min), int(info.max)
    if dtype not in DIGITS:
        raise RuntimeError("check_random_bounds handles only integral, floating-point and boolean types")
    top = int(largest(dtype))
    return -top, top


def _all_64_bits(gen: Generator, n: int, dtype: str) -> np.ndarray:
    kernel = "random_full_64_bits_range_kernel_cpu"
    if dtype in ("uint8", "int8", "int16", "int32"):
        raise RuntimeError(f"{kernel} handles only int64, double, float and bfloat16")
    if dtype not in ("int64", "float64", "float32", "bfloat16"):
        raise not_implemented(kernel, dtype)
    return _converted(gen.words64(n).view(np.int64), dtype)


def _between(gen: Generator, n: int, low: int, high: int, dtype: str) -> np.ndarray:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    lowest, highest = _limits(dtype)
    if dtype in DIGITS:
        low, high = _inside(low, high, dtype)
        if low >= high:
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
                f"from={low} >= to={high}"
            )
    for name, bound in (("from", low), ("to - 1", high - 1)):
        if not lowest <= bound <= highest:
            raise RuntimeError(f"{name} is out of bounds for {c_name(dtype)}")
    return _integers(gen, n, low, high - low, dtype, high - low >= _WIDE_RANGE)


def _inside(low: int, high: int, dtype: str) -> tuple[int, int]:
    """The bounds pulled to where the type's integers are spaced, for bounds beyond 2**digits."""
    digits = DIGITS[dtype]
    last = _nearest(high - 1, dtype)
    if last >= high:
        high = last - (1 << max(abs(high - 1).bit_length() - digits, 0))
    first = _nearest(low + 1, dtype)
    if first < low:
        low = first + (1 << max(abs(low + 1).bit_length() - digits, 0))
    return low, high


def _nearest(value: int, dtype: str) -> int:
    """``value`` rounded to ``dtype`` and back to int64; what does not fit becomes -2**63 (as on x86)."""
    wide = np.float64 if dtype == "float64" else np.float32
    rounded = float(to_dtype(np.array([value], np.int64).astype(wide), dtype)[0])
    return int(rounded) if -(2.0**63) <= rounded < 2.0**63 else _INT64_MIN


def _integers(gen: Generator, n: int, low: int, count: int, dtype: str, wide: bool) -> np.ndarray:
    """low + word % count, the sum taken modulo 2**64; ``wide`` takes 64-bit words."""
    out = np.empty(n, numpy_dtype(dtype))
    for start in range(0, n, _CHUNK):
        part = out[start : start + _CHUNK]
        words = gen.words64(part.size) if wide else gen.words(part.size)
        if count & (count - 1) == 0:
            words &= np.uint64(count - 1)
        else:
            # Division by an invariant is vectorised where the remainder is not.
            quotient = words // np.uint64(count)
            quotient *= np.uint64(count)
            words -= quotient
        if low:
            words += np.uint64(low & 0xFFFFFFFFFFFFFFFF)
        part[:] = _converted(words.view(np.int64), dtype)
    return out


def _converted(values: np.ndarray, dtype: str) -> np.ndarray:
    if dtype in ("float16", "bfloat16"):
        return values.astype(np.float32).astype(numpy_dtype(dtype))
    return values.astype(numpy_dtype(dtype))


@sampler
def bernoulli(gen: Generator, shape: Shape, p: float = 0.5, dtype: str = "float32") -> np.ndarray:
    """Ones with probability ``p``, otherwise zeros, of ``shape``: 53 bits against ``p`` for every type.

    RuntimeError unless 0 <= p <= 1; NotImplementedError for complex types.
    """
    p = float(p)
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    if dtype.startswith("complex"):
        raise not_implemented("bernoulli_scalar_cpu_", dtype)
    n = element_count(shape)
    out = np.empty(n, numpy_dtype(dtype))
    # k / 2**53 < p for an integer k means k < ceil(p * 2**53), and that product is exact.
    bound = np.uint64(math.ceil(p * 2.0**53))
    for start in range(0, n, _CHUNK):
        part = out[start : start + _CHUNK]
        bits = gen.words64(part.size)
        bits &= np.uint64((1 << 53) - 1)
        part[:] = bits < bound
    return out.reshape(shape)


@sampler
def bernoulli_of(gen: Generator, p: np.ndarray, dtype: str | None = None) -> np.ndarray:
    """Ones with the probabilities ``p``, an array, in its shape; ``dtype`` defaults to that of ``p``.

    float64 probabilities are compared with 53 bits each, narrower ones with 24 bits in float32.
    RuntimeError unless all are in [0, 1]; NotImplementedError if ``p`` is not of a real floating type.
    """
    name = p.dtype.name
    if name not in DIGITS:
        raise not_implemented("bernoulli_tensor_cpu_p_", name)
    if not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
    if name == "float64":
        hit = gen.u53(p.size) < p.ravel()
    else:
        hit = gen.u24(p.size) < p.ravel().astype(np.float32, copy=False)
    return hit.astype(numpy_dtype(dtype or name)).reshape(p.shape)


@sampler
def geometric(gen: Generator, shape: Shape, p: float, dtype: str = "float32") -> np.ndarray:
    """Trials up to the first success of probability ``p`` each: ceil(log u / log(1 - p)), of ``shape``.

    Integer types wrap. RuntimeError unless 0 < p < 1; NotImplementedError for bool and complex types.
    """
    p = float(p)
    if not 0.0 < p < 1.0:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    if dtype not in DIGITS and (dtype not in _INTEGERS or dtype.startswith("uint") and dtype != "uint8"):
        raise not_implemented("geometric_cpu", dtype)
    scale = math.log1p(-p)
    trials = libm.narrowed(np.log, libm.log, gen.u53(element_count(shape)), lambda y: np.ceil(y / scale))
    return to_dtype(trials, dtype).reshape(shape)
