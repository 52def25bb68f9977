"""Resizing of the spatial dimensions of (N, C, *spatial)."""

from __future__ import annotations

import math
import warnings

import numpy as np

from plugtorch.autograd.base import wrap
from plugtorch.autograd.names import named
from plugtorch.spec.dtypes import FLOAT

from ...creation import tensor
from ...dispatch import to_dtype
from ...indexing import index_select
from ...linear import tensordot
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]
_LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


def _positions(size, out, scale, align_corners):
    """Where each output sample lies on the input axis: the half-pixel rule, or corner on corner."""
    i = np.arange(out, dtype=np.float64)
    if align_corners:
        return i * ((size - 1) / (out - 1) if out > 1 else 0.0)
    return (i + 0.5) * (1 / scale if scale else size / out) - 0.5


def _linear_matrix(size, out, scale, align_corners):
    at = np.maximum(_positions(size, out, scale, align_corners), 0)
    low = np.minimum(np.floor(at).astype(int), size - 1)
    high = np.minimum(low + 1, size - 1)
    weight = np.clip(at - low, 0, 1)
    matrix = np.zeros((out, size))
    rows = np.arange(out)
    np.add.at(matrix, (rows, low), 1 - weight)
    np.add.at(matrix, (rows, high), weight)
    return matrix


def _cubic_matrix(size, out, scale, align_corners, a=-0.75):
    """Keys' cubic convolution (1981) with a = -0.75; samples outside repeat the edge."""
    at = _positions(size, out, scale, align_corners)
    base = np.floor(at).astype(int)
    matrix = np.zeros((out, size))
    for tap in range(-1, 3):
        d = np.abs(at - (base + tap))
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((d - 5) * d + 8) * d * a - 4 * a
        np.add.at(matrix, (np.arange(out), np.clip(base + tap, 0, size - 1)), np.where(d <= 1, near, far))
    return matrix


def _nearest_index(size, out, scale, exact):
    factor = np.float32(1 / scale if scale else size / out)
    i = np.arange(out, dtype=np.float32)
    return np.minimum(np.floor((i + np.float32(0.5)) * factor if exact else i * factor).astype(np.int64), size - 1)


def _resize_axis(x, axis, matrix):
    m = wrap(x._k.from_host(matrix.astype(x.dtype.numpy), device=x.device), x._k)
    return tensordot(x, m, dims=([axis], [1])).movedim(-1, axis)


def _sizes(input, size, scale_factor, recompute):
    spatial = tuple(input.shape[2:])
    n = len(spatial)
    if (size is None) == (scale_factor is None):
        raise ValueError("only one of size or scale_factor should be defined" if size is not None else
                         "either size or scale_factor should be defined")
    if size is not None:
        sizes = (int(size),) * n if isinstance(size, int) else tuple(int(s) for s in size)
        if len(sizes) != n:
            raise ValueError(f"Input and output must have the same number of spatial dimensions, but got input with "
                             f"spatial dimensions of {list(spatial)} and output size of {list(sizes)}. Please provide "
                             "input tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format.")
        return sizes, (None,) * n
    scales = (float(scale_factor),) * n if isinstance(scale_factor, (int, float)) else tuple(map(float, scale_factor))
    if len(scales) != n:
        raise ValueError(f"Input and scale_factor must have the same number of spatial dimensions, but got input with "
                         f"spatial dimensions of {list(spatial)} and scale_factor of shape {list(scales)}.")
    return tuple(math.floor(m * s) for m, s in zip(spatial, scales, strict=True)), (None,) * n if recompute else scales


_NODES = {"nearest": "UpsampleNearest{}D", "nearest-exact": "UpsampleNearestExact{}D", "linear": "UpsampleLinear{}D",
          "bilinear": "UpsampleBilinear{}D", "bicubic": "UpsampleBicubic{}D", "trilinear": "UpsampleTrilinear{}D",
          "area": "AdaptiveAvgPool{}D"}


def _node_name(input, size=None, scale_factor=None, mode="nearest", *args, **kwargs):
    """PyTorch's name of the node."""
    return _NODES[mode].format(input.dim() - 2) + "Backward0"


@named(_node_name)
def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None,
                antialias=False):
    """Resizes to ``size`` or by ``scale_factor``; modes nearest, nearest-exact, linear, bilinear, trilinear, bicubic,
    area.

    Raises:
        ValueError: sizes or options that do not fit the mode.
        NotImplementedError: the mode does not suit the number of dimensions, or ``antialias``.
    """
    if antialias:
        raise NotImplementedError("interpolate: antialias=True is not offered; resize with mode='area' instead")
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | "
                             "bicubic | trilinear")
    elif mode not in _LINEAR:
        raise NotImplementedError(f"Input Error: unknown interpolation mode {mode!r}")
    sizes, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    n = len(sizes)
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[n - 1](input, sizes)
    if mode in ("nearest", "nearest-exact"):
        for d in range(n):
            index = _nearest_index(input.shape[2 + d], sizes[d], scales[d], mode == "nearest-exact")
            input = index_select(input, 2 + d, tensor(index, device=input.device))
        return input
    if _LINEAR[mode] != n:
        raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {_LINEAR[mode] + 2}D input")
    x = input if input.dtype.category >= FLOAT else to_dtype(input, tensor(0.0).dtype)
    make = _cubic_matrix if mode == "bicubic" else _linear_matrix
    for d in range(n):
        x = _resize_axis(x, 2 + d, make(x.shape[2 + d], sizes[d], scales[d], bool(align_corners)))
    return x


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """interpolate, by its old name."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """interpolate with mode nearest, by its old name."""
    return upsample(input, size, scale_factor, "nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """interpolate with mode bilinear and aligned corners, by its old name."""
    return upsample(input, size, scale_factor, "bilinear", True)
