"""Poisson and binomial values in PyTorch's CPU order.

Both are drawn element by element in float64, at about a microsecond and more per value.
"""

from __future__ import annotations

import math

import numpy as np

from plugtorch.frontend.random.generator import Generator, Reader, sampler
from plugtorch.frontend.random.rounding import DIGITS, not_implemented, scalar_name, to_dtype

# log(k!) less its Stirling approximation, for k = 0..9.
_STIRLING_TAIL = (
    0.0810614667953272,
    0.0413406959554092,
    0.0276779256849983,
    0.02079067210376509,
    0.0166446911898211,
    0.0138761288230707,
    0.0118967099458917,
    0.0104112652619720,
    0.00925546218271273,
    0.00833056343336287,
)


@sampler
def poisson(gen: Generator, rate: np.ndarray) -> np.ndarray:
    """Poisson values with the rates ``rate`` (real floating, any shape), in the shape and dtype of ``rate``.

    Rates from 10 on: W. Hormann, "The transformed rejection method for generating Poisson random
    variables", Insurance: Mathematics and Economics 12 (1993), algorithm PTRS. Below: products of
    uniforms (Knuth, TAOCP 2). RuntimeError for a negative or nan rate, NotImplementedError for integer
    rates.
    """
    name = rate.dtype.name
    if name not in DIGITS:
        raise not_implemented("poisson_cpu", name)
    if not (rate >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    with Reader(gen) as uniform:
        values = [_poisson(uniform, lam) for lam in rate.ravel().astype(np.float64).tolist()]
    return to_dtype(np.array(values, np.float64), name).reshape(rate.shape)


def _poisson(uniform: Reader, lam: float) -> float:
    if lam == 0.0:
        return 0.0
    if lam < 10.0:
        limit = math.exp(-lam)
        count, product = 0, uniform()
        while product > limit:
            count += 1
            product *= uniform()
        return float(count)
    root, log_lam = math.sqrt(lam), math.log(lam)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    log_inverse_alpha = math.log(1.1239 + 1.1328 / (b - 3.4))
    squeeze = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        u = uniform() - 0.5
        v = uniform()
        us = 0.5 - abs(u)
        if us == 0.0:
            continue
        k = float(math.floor((2.0 * a / us + b) * u + lam + 0.43))
        if us >= 0.07 and v <= squeeze:
            return k
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        log_v = math.log(v) if v > 0.0 else -math.inf
        bound = -lam + k * log_lam - math.lgamma(k + 1.0)
        if log_v + log_inverse_alpha - math.log(a / (us * us) + b) <= bound:
            return k


@sampler
def binomial(gen: Generator, count: np.ndarray, prob: np.ndarray) -> np.ndarray:
    """Binomial values for ``count`` trials of probability ``prob``, broadcast together, in their dtype.

    Both float32 or both float64. Below 10 expected successes geometric waiting times are added up;
    otherwise W. Hormann, "The generation of binomial random variates", J. Statist. Comput. Simul. 46
    (1993), algorithm BTRS. A nan probability gives nan; count <= 0 or prob <= 0 gives 0, prob >= 1 gives
    ``count``. ValueError for types that are not floating, NotImplementedError for the half types,
    RuntimeError if the two types differ.
    """
    name = count.dtype.name
    if name not in DIGITS:
        raise ValueError(f"binomial only supports floating-point dtypes for count, got: {scalar_name(name)}")
    if prob.dtype.name not in DIGITS:
        raise ValueError(
            f"binomial only supports floating-point dtypes for prob, got: {scalar_name(prob.dtype.name)}"
        )
    if prob.dtype.name != name:
        raise RuntimeError(f"Found dtype {scalar_name(prob.dtype.name)} but expected {scalar_name(name)}")
    if name not in ("float32", "float64"):
        raise not_implemented("binomial_cpu", name)
    count, prob = np.broadcast_arrays(count, prob)
    with Reader(gen) as uniform:
        values = [
            _binomial(uniform, c, p)
            for c, p in zip(
                count.ravel().astype(np.float64).tolist(),
                prob.ravel().astype(np.float64).tolist(),
                strict=True,
            )
        ]
    return to_dtype(np.array(values, np.float64), name).reshape(count.shape)


def _binomial(uniform: Reader, count: float, prob: float) -> float:
    if count <= 0.0 or prob <= 0.0:
        return 0.0
    if prob >= 1.0:
        return count
    if prob != prob:
        return math.nan
    if prob > 0.5:
        return count - _binomial(uniform, count, 1.0 - prob)
    return _waiting_times(uniform, count, prob) if count * prob < 10.0 else _btrs(uniform, count, prob)


def _waiting_times(uniform: Reader, count: float, prob: float) -> float:
    log_miss = math.log1p(-prob)
    successes, trials = 0, 0.0
    while True:
        u = uniform()
        trials += math.ceil(math.log(u) / log_miss) if u > 0.0 else math.inf
        if trials > count:
            return float(successes)
        successes += 1


def _stirling_tail(k: float) -> float:
    if k <= 9.0:
        return _STIRLING_TAIL[int(k)]
    square = (k + 1.0) * (k + 1.0)
    return (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / square) / square) / (k + 1.0)


def _btrs(uniform: Reader, count: float, prob: float) -> float:
    deviation = math.sqrt(count * prob * (1.0 - prob))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * prob
    centre = count * prob + 0.5
    squeeze = 0.92 - 4.2 / b
    odds = prob / (1.0 - prob)
    alpha = (2.83 + 5.1 / b) * deviation
    mode = float(math.floor((count + 1.0) * prob))
    while True:
        u = uniform() - 0.5
        v = uniform()
        us = 0.5 - abs(u)
        if us == 0.0:
            continue
        k = float(math.floor((2.0 * a / us + b) * u + centre))
        if us >= 0.07 and v <= squeeze:
            return k
        if k < 0.0 or k > count:
            continue
        scaled = v * alpha / (a / (us * us) + b)
        bound = (
            (mode + 0.5) * math.log((mode + 1.0) / (odds * (count - mode + 1.0)))
            + (count + 1.0) * math.log((count - mode + 1.0) / (count - k + 1.0))
            + (k + 0.5) * math.log(odds * (count - k + 1.0) / (k + 1.0))
            + _stirling_tail(mode)
            + _stirling_tail(count - mode)
            - _stirling_tail(k)
            - _stirling_tail(count - k)
        )
        if (math.log(scaled) if scaled > 0.0 else -math.inf) <= bound:
            return k
