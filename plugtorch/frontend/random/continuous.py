"""Exponential and Cauchy values in PyTorch's CPU order."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.frontend.random import libm
from plugtorch.frontend.random.generator import Generator, sampler
from plugtorch.frontend.random.rounding import DIGITS, fma64, numpy_dtype, scalar_name, to_dtype
from plugtorch.frontend.random.shapes import Shape, element_count

# Values drawn at a time, so that the scratch stays in the cache.
_CHUNK = 1 << 15


@sampler
def exponential(gen: Generator, shape: Shape, lambd: float = 1.0, dtype: str = "float32") -> np.ndarray:
    """Exponential values of rate ``lambd`` by inversion, -log(1 - u) / lambd, of ``shape``.

    RuntimeError unless ``lambd`` > 0 and the type is a real floating one. An infinite rate gives zeros.
    """
    lambd = float(lambd)
    _check_continuous("Exponential", dtype, scalar_name(dtype))
    if not lambd > 0.0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    scale = -1.0 / lambd
    out = np.empty(element_count(shape), numpy_dtype(dtype))
    for start in range(0, out.size, _CHUNK):
        part = out[start : start + _CHUNK]
        unit = np.negative(gen.u53(part.size))
        if dtype == "float64":
            np.multiply(libm.log1p(unit), scale, out=part)
        else:
            part[:] = libm.narrowed(np.log1p, libm.log1p, unit, lambda y: to_dtype(y * scale, dtype))
    return out.reshape(shape)


@sampler
def cauchy(
    gen: Generator, shape: Shape, median: float = 0.0, sigma: float = 1.0, dtype: str = "float32"
) -> np.ndarray:
    """Cauchy values by inversion, tan(pi (u - 1/2)) * sigma + median, of ``shape``.

    RuntimeError unless ``sigma`` > 0 and the type is a real floating one.
    """
    median, sigma = float(median), float(sigma)
    _check_continuous("Cauchy", dtype, dtype)
    if not sigma > 0.0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    angle = math.pi * (gen.u53(element_count(shape)) - 0.5)
    if dtype == "float64":
        return fma64(libm.tan(angle), sigma, median).reshape(shape)

    def finish(y: np.ndarray) -> np.ndarray:
        return to_dtype(fma64(y, sigma, median), dtype)

    return libm.narrowed(np.tan, libm.tan, angle, finish).reshape(shape)


def _check_continuous(name: str, dtype: str, shown: str) -> None:
    if dtype not in DIGITS:
        raise RuntimeError(
            f"{name} distribution is a continuous probability distribution. dtype must be a floating point "
            f"but you specified {shown}"
        )
