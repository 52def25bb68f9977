"""Resizing of the spatial dimensions of (N, C, *spatial)."""

from __future__ import annotations

import math
import warnings

import numpy as np

from plugtorch.autograd.base import wrap
from plugtorch.autograd.names import named
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import FLOAT, HALF

from ...amp.casting import autocasts
from ...creation import tensor
from ...dispatch import rounded_once, to_dtype
from ...indexing import index_select
from ...linear import tensordot
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]
_LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2, "lanczos": 2}
_NEAREST = ("nearest", "area", "nearest-exact")


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


def _lanczos(d):
    return np.where(d < 3, np.sinc(d) * np.sinc(d / 3), 0)


def _keys(d, a=-0.5):
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    return np.where(d < 1, near, np.where(d < 2, ((d - 5) * d + 8) * d * a - 4 * a, 0))


# Reach and shape of each filter at a scale of 1.
_FILTERS = {"bilinear": (1, lambda d: np.maximum(1 - d, 0)), "bicubic": (2, _keys), "lanczos": (3, _lanczos)}


def _antialiased_matrix(size, out, scale, align_corners, mode):
    """A filter as wide as an output sample where the image shrinks, its weights made to sum to 1."""
    reach, shape = _FILTERS[mode]
    step = ((size - 1) / (out - 1) if out > 1 else 0.0) if align_corners else 1 / scale if scale else size / out
    width = max(step, 1.0)
    center = step * (np.arange(out) + 0.5)[:, None]
    first = np.maximum((center - reach * width + 0.5).astype(int), 0)
    last = np.minimum((center + reach * width + 0.5).astype(int), size)
    i = np.arange(size)[None]
    weight = np.where((i >= first) & (i < last), shape(np.abs((i - center + 0.5) / width)), 0)
    return weight / weight.sum(1, keepdims=True)


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
                             f"spatial dimensions of {list(spatial)} and output size of {size}. Please provide "
                             "input tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format.")
        return sizes, (None,) * n
    scales = (float(scale_factor),) * n if isinstance(scale_factor, (int, float)) else tuple(map(float, scale_factor))
    if len(scales) != n:
        raise ValueError(f"Input and scale_factor must have the same number of spatial dimensions, but got input with "
                         f"spatial dimensions of {list(spatial)} and scale_factor of shape {list(scales)}.")
    return tuple(math.floor(m * s) for m, s in zip(spatial, scales, strict=True)), (None,) * n if recompute else scales


_NODES = {"nearest": "UpsampleNearest{}D", "nearest-exact": "UpsampleNearestExact{}D", "linear": "UpsampleLinear{}D",
          "bilinear": "UpsampleBilinear{}D", "bicubic": "UpsampleBicubic{}D", "trilinear": "UpsampleTrilinear{}D",
          "area": "AdaptiveAvgPool{}D", "lanczos": "UpsampleLanczos{}DAa"}


def _node_name(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None,
               antialias=False):
    """PyTorch's name of the node."""
    wide = "Aa" if antialias and mode != "lanczos" else ""
    return _NODES[mode].format(input.dim() - 2) + wide + "Backward0"


def _check(input, size, scale_factor, mode, align_corners, antialias):
    if mode in _NEAREST:
        if align_corners is not None:
            raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | "
                             "bicubic | trilinear")
    elif mode == "lanczos" and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    elif mode == "lanczos" and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True")
    if antialias and not (mode in _FILTERS and input.dim() == 4):
        raise ValueError("Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
                         "tensor as input")


def _check_mode(input, mode, n):
    if n not in (1, 2, 3) or mode not in _LINEAR and mode not in _NEAREST:
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.dim()}D) for the modes: nearest | "
            f"linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})")
    if mode in _LINEAR and _LINEAR[mode] != n:
        raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {_LINEAR[mode] + 2}D input")


@rounded_once
def _nearest(x, sizes, scales, exact):
    for d in range(len(sizes)):
        index = _nearest_index(x.shape[2 + d], sizes[d], scales[d], exact)
        x = index_select(x, 2 + d, tensor(index, device=x.device))
    return x


@rounded_once
def _resized(x, sizes, scales, mode, align_corners, antialias, bytes_=False):
    make = _antialiased_matrix if antialias else _cubic_matrix if mode == "bicubic" else _linear_matrix
    more = (mode,) if antialias else ()
    for d in reversed(range(len(sizes))):
        x = _resize_axis(x, 2 + d, make(x.shape[2 + d], sizes[d], scales[d], bool(align_corners), *more))
        if bytes_:  # PyTorch keeps what one pass leaves for the next in bytes
            x = (x + 0.5).floor().clamp(0, 255)
    return x


def resize(input, sizes, scales, mode, align_corners, antialias=False):
    """The input with its spatial dimensions resized linearly, by the kernel of ``mode``; bytes are rounded.

    Raises:
        NotImplementedError: another integer dtype, or half types with ``antialias``.
    """
    dtype = input.dtype
    if dtype is dtypes.uint8:
        wide = to_dtype(input, dtypes.float32)
        return to_dtype(_resized(wide, sizes, scales, mode, align_corners, antialias, True), dtypes.uint8)
    if dtype.category != FLOAT or antialias and dtype in HALF:
        kernel = "compute_index_ranges_weights" if antialias else f"compute_indices_weights_{mode.removeprefix('bi')}"
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtype.legacy}'")
    return _resized(input, sizes, scales, mode, align_corners, antialias)


@named(_node_name)
@autocasts
def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None,
                antialias=False):
    """Resizes to ``size`` or by ``scale_factor``; modes nearest, nearest-exact, linear, bilinear, trilinear, bicubic,
    area, lanczos.

    Args:
        input: (N, C, L), (N, C, H, W) or (N, C, D, H, W), of one to three spatial dimensions as the mode says.
        align_corners: whether the outermost samples, and not the outer edges, coincide.
        recompute_scale_factor: whether the positions follow from the sizes alone, and not from ``scale_factor``.
        antialias: whether the filter of bilinear, bicubic and lanczos (which needs it) widens where the image shrinks.

    Raises:
        ValueError: sizes or options that do not fit the mode.
        NotImplementedError: the mode does not suit the number of dimensions or the dtype.
    """
    _check(input, size, scale_factor, mode, align_corners, antialias)
    sizes, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    n = len(sizes)
    _check_mode(input, mode, n)
    if min(sizes) <= 0 or min(input._a.shape[2:]) <= 0:
        raise RuntimeError("Input and output sizes should be greater than 0, but got input "
                           f"({_listed(input._a.shape[2:])}) and "
                           f"output ({_listed(sizes)})")
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[n - 1](input, sizes)
    if mode in _NEAREST:
        return _nearest(input, sizes, scales, mode == "nearest-exact")
    return resize(input, sizes, scales, mode, align_corners, antialias)


def _listed(sizes):
    return ", ".join(f"{axis}: {n}" for axis, n in zip("DHW"[-len(sizes):], sizes, strict=True))


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
