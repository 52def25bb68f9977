"""Elementwise float64 functions of the C library, taken through :mod:`math`.

NumPy evaluates log, cos, ... of float64 arrays with vector code that differs from the C library in the
last bit of some results; PyTorch's serial samplers call the C library. The functions here do as well, at
about 60 ns per element. Where the result is rounded to a narrower type, :func:`narrowed` is exact and
runs at NumPy's speed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

# Above the error of any of NumPy's vector functions (4 units in the last place).
_MARGIN = 2.0**-48


def _log(x: float) -> float:
    return math.log(x) if x > 0.0 else (-math.inf if x == 0.0 else math.nan)


def _log1p(x: float) -> float:
    return math.log1p(x) if x > -1.0 else (-math.inf if x == -1.0 else math.nan)


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _elementwise(function: Callable[[float], float], careful: Callable[[float], float]) -> Callable:
    def apply(x: np.ndarray) -> np.ndarray:
        values = x.tolist()
        try:
            return np.fromiter(map(function, values), np.float64, len(values))
        except (ValueError, OverflowError):  # math raises where the C library gives an infinity or a nan
            return np.fromiter(map(careful, values), np.float64, len(values))

    apply.__name__ = function.__name__
    apply.__doc__ = f"{function.__name__} of a 1-D float64 array, as the C library rounds it."
    return apply


log = _elementwise(math.log, _log)
log1p = _elementwise(math.log1p, _log1p)
exp = _elementwise(math.exp, _exp)
cos = _elementwise(math.cos, math.cos)
sin = _elementwise(math.sin, math.sin)
tan = _elementwise(math.tan, math.tan)


def narrowed(
    fast: Callable[[np.ndarray], np.ndarray],
    exact: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    finish: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """``finish(exact(x))`` for a monotone ``finish`` with narrow results, mostly from ``fast(x)``.

    ``x``: 1-D float64. ``fast`` is NumPy's form of ``exact``. Elements for which the last bits of ``fast``
    could decide the result are evaluated again with ``exact``.
    """
    with np.errstate(all="ignore"):
        y = fast(x)
        result = finish(y * (1.0 - _MARGIN))
        unsure = result != finish(y * (1.0 + _MARGIN))
        if unsure.any():
            result[unsure] = finish(exact(x[unsure]))
    return result
