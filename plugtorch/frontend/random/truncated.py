"""Truncated normal values as ``nn.init.trunc_normal_`` draws them: by rejection, full tensors at a time."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.frontend.random import libm
from plugtorch.frontend.random.generator import Generator, sampler
from plugtorch.frontend.random.normals import normal
from plugtorch.frontend.random.rounding import numpy_dtype
from plugtorch.frontend.random.shapes import Shape
from plugtorch.frontend.random.uniforms import uniform

# Below this probability of the interval, uniform proposals are cheaper than normal ones.
_RARE = 0.3


@sampler
def trunc_normal(
    gen: Generator,
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    dtype: str = "float32",
    *,
    contiguous: bool = True,
) -> np.ndarray:
    """Values of ``shape`` from the normal distribution of ``mean`` and ``std`` given low <= value <= high.

    A real floating ``dtype``; the rounds of proposals are computed in it. ``contiguous``: as for
    :func:`~plugtorch.frontend.random.normals.normal`.
    """
    mean, std, low, high = float(mean), float(std), float(low), float(high)
    mass = _cdf((high - mean) / std) - _cdf((low - mean) / std)
    if mass > _RARE:
        return _from_normals(gen, shape, mean, std, low, high, dtype, contiguous)
    return _from_uniforms(gen, shape, mean, std, low, high, dtype)


def _cdf(z: float) -> float:
    return (1.0 + math.erf(z / math.sqrt(2.0))) / 2.0


def _from_normals(
    gen: Generator,
    shape: Shape,
    mean: float,
    std: float,
    low: float,
    high: float,
    dtype: str,
    contiguous: bool,
) -> np.ndarray:
    kind = numpy_dtype(dtype).type
    lowest, highest = kind(low), kind(high)  # the bounds are compared in the values' type
    values = normal(gen, shape, mean, std, dtype, contiguous=contiguous)
    while True:
        outside = (values < lowest) | (values > highest)
        if not outside.any():
            return values
        again = normal(gen, shape, mean, std, dtype, contiguous=contiguous)
        values = np.where(outside, again, values)


def _from_uniforms(
    gen: Generator, shape: Shape, mean: float, std: float, low: float, high: float, dtype: str
) -> np.ndarray:
    kind = numpy_dtype(dtype).type
    proposals = uniform(gen, shape, low, high, dtype)
    values = proposals
    peak = -0.5 * ((min(max(mean, low), high) - mean) / std) ** 2
    rejected = np.ones(proposals.shape, bool)
    while rejected.size:
        z = (proposals - kind(mean)) / kind(std)
        log_density = z * z * kind(-0.5) - kind(peak)
        rejected &= _log(uniform(gen, shape, 0.0, 1.0, dtype)) > log_density
        if not rejected.any():
            break
        proposals = uniform(gen, shape, low, high, dtype)
        values = np.where(rejected, proposals, values)
    return values


def _log(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        if x.dtype == np.float64:
            return libm.log(x.ravel()).reshape(x.shape)
        return np.log(x.astype(np.float64)).astype(x.dtype)
