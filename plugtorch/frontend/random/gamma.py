"""Gamma and Dirichlet values in PyTorch's CPU order.

G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000.
Drawn element by element, at a few microseconds per value.
"""

from __future__ import annotations

import math

import numpy as np

from plugtorch.frontend.random.generator import Generator, Reader, sampler
from plugtorch.frontend.random.rounding import not_implemented, smallest_normal, to_dtype

_THIRD = float(np.float32(1.0 / 3.0))  # PyTorch's constant has float32 precision, also for float64


@sampler
def standard_gamma(gen: Generator, alpha: np.ndarray) -> np.ndarray:
    """Gamma values of scale 1 and shape parameters ``alpha`` (float32 or float64), in its shape and dtype.

    No value is below the smallest normal number. NotImplementedError for other types.
    """
    name = alpha.dtype.name
    if name not in ("float32", "float64"):
        raise not_implemented("gamma_cpu", name)
    tiny = smallest_normal(name)
    single = name == "float32"
    with Reader(gen) as uniform:
        values = [max(tiny, _gamma(uniform, a, single)) for a in alpha.ravel().astype(np.float64).tolist()]
    return np.maximum(to_dtype(np.array(values, np.float64), name), alpha.dtype.type(tiny)).reshape(
        alpha.shape
    )


def _gamma(uniform: Reader, alpha: float, single: bool) -> float:
    """One value; ``single`` rounds the arithmetic on ``alpha`` itself to float32."""
    scale = 1.0
    if not alpha > 0.0:
        return 0.0 if alpha <= 0.0 else math.nan
    if alpha < 1.0:
        inverse = float(np.float32(1.0) / np.float32(alpha)) if single else 1.0 / alpha
        scale = (1.0 - uniform()) ** inverse
        alpha = float(np.float32(alpha) + np.float32(1.0)) if single else alpha + 1.0
    d = float(np.float32(alpha) - np.float32(_THIRD)) if single else alpha - _THIRD
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        while True:
            x = uniform.normal()
            y = 1.0 + c * x
            if y > 0.0:
                break
        v = y * y * y
        u = 1.0 - uniform()
        xx = x * x
        if u < 1.0 - 0.0331 * xx * xx or math.log(u) < 0.5 * xx + d * (1.0 - v + math.log(v)):
            return scale * d * v


@sampler
def dirichlet(gen: Generator, concentration: np.ndarray) -> np.ndarray:
    """Dirichlet values: one gamma value per element, divided by the sum over the last axis.

    ``concentration``: float32 or float64, shape (..., K); the result has its shape and dtype, and lies
    between the smallest normal number and the largest number below 1. The gamma values and their sum are
    float64. NotImplementedError for other types.
    """
    name = concentration.dtype.name
    if name not in ("float32", "float64"):
        raise not_implemented("dirichlet", name)
    with Reader(gen) as uniform:
        drawn = [_gamma(uniform, a, False) for a in concentration.ravel().astype(np.float64).tolist()]
    gammas = np.array(drawn, np.float64).reshape(concentration.shape)
    with np.errstate(all="ignore"):
        shares = to_dtype(gammas / row_sum(gammas), name)
    tiny = concentration.dtype.type(smallest_normal(name))
    below_one = np.nextafter(concentration.dtype.type(1), concentration.dtype.type(0))
    return np.clip(shares, tiny, below_one)


def row_sum(values: np.ndarray) -> np.ndarray:
    """The float64 sum over the last axis, kept as an axis of size 1, in the order of PyTorch's vector code.

    Sixteen interleaved partial sums, themselves cascaded; they are folded to four, which take what is
    left in fours; the last up to three values come first in the closing sum. Any order is right to
    rounding, this one to the bit (machines with AVX2 or AVX-512).
    """
    width = values.shape[-1]
    fours, blocks = width // 4, width // 16
    lead = np.moveaxis(values, -1, 0)
    rest = values.shape[:-1]
    closing = [lead[i] for i in range(4 * fours, width)]
    if fours:
        partial = _cascade(lead[: 16 * blocks].reshape(blocks, 4, 4, *rest))
        partial[0] = _in_order(
            np.concatenate([partial[:1], lead[16 * blocks : 4 * fours].reshape(-1, 4, *rest)])
        )
        closing.extend(_in_order(partial))
    return _in_order(np.array(closing).reshape(-1, *rest))[..., None]


def _cascade(terms: np.ndarray) -> np.ndarray:
    """The sum over the first axis: groups of ``step`` terms, then groups of those, through four levels."""
    step = 1 << max(4, max(len(terms) - 1, 0).bit_length() // 4)
    levels = []
    for _ in range(3):
        whole = len(terms) - len(terms) % step
        levels.append(_in_order(terms[whole:]))
        groups = terms[:whole].reshape(whole // step, step, *terms.shape[1:])
        terms = _in_order(np.moveaxis(groups, 1, 0))
    return _in_order(np.stack([*levels, _in_order(terms)]))


def _in_order(terms: np.ndarray) -> np.ndarray:
    """The sum over the first axis, one term after another."""
    return np.cumsum(terms, axis=0)[-1] if len(terms) else np.zeros(terms.shape[1:])
