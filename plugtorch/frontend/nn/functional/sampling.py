"""Sampling an image at the places of a grid, and the grids of affine maps (Jaderberg et al., arXiv:1506.02025)."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import warnings

from plugtorch.autograd.names import named
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import FLOAT

from ...amp.casting import autocasts
from ...creation import arange, linspace, ones
from ...dispatch import to_dtype
from ...joining import stack
from ...linear import matmul
from ...selection import where
from ...shaping import expand, reshape, transpose

__all__ = ["affine_grid", "grid_sample"]
MODES, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
_CORNERS = ("Default {} behavior has changed to align_corners=False since 1.3.0. Please specify align_corners=True if the "
            "old behavior is desired. See the documentation of grid_sample for details.")


def _check_sampler(input, grid, mode):
    if input.dtype is not grid.dtype:
        raise RuntimeError(f"expected scalar type {input.dtype.legacy} but found {grid.dtype.legacy}")
    size, places = list(input._a.shape), list(grid._a.shape)
    if not size or not places or size[0] != places[0]:
        raise RuntimeError("grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
                           f"{size} "
                           f"and grid with sizes {places}")
    if places[-1] != len(size) - 2:
        raise RuntimeError(f"grid_sampler(): expected grid to have size {len(size) - 2} in last dimension, but got grid "
                           f"with sizes {places}")
    for d, n in enumerate(size[2:], 2):
        if n <= 0:
            raise RuntimeError(f"grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
                               f"{size} with dimension {d} being empty")
    if len(size) not in (4, 5) or len(size) != len(places):
        kinds = f"{len(size)}D" if len(size) in (4, 5) else "4D or 5D"
        raise RuntimeError(f"grid_sampler(): expected {kinds} input and grid with same number of dimensions, but got input "
                           f"with sizes {size} and grid with sizes {places}")
    if mode == "bicubic" and len(size) != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if input.dtype.category != FLOAT:
        raise NotImplementedError(f"\"grid_sampler_{len(size) - 2}d_cpu\" not implemented for '{input.dtype.legacy}'")


def _clipped(at, low, high):
    """Limited to [low, high]; without gradient at the ends and beyond."""
    flat = at.detach()
    return where(flat.gt(low) & flat.lt(high), at, flat.clamp(low, high))


def _reflected(at, size, align_corners):
    """Mirrored into the image, at the centres of the outermost pixels or at their outer edges."""
    low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
    if span <= 0:
        return at * 0
    far = (at - low).abs()
    flips = (far.detach() / span).floor()
    rest = far - flips * span
    return _clipped(where(flips.remainder(2).eq(0), rest + low, span - rest + low), 0, size - 1)


def _padded(at, size, padding, align_corners):
    if padding == "border":
        return _clipped(at, 0, size - 1)
    return _reflected(at, size, align_corners) if padding == "reflection" else at


def _taps_along(at, size, mode, padding, align_corners):
    """The samples along one axis: pairs of whole positions (as floats) and weights (None: 1)."""
    if mode == "bicubic":
        base = at.detach().floor()
        t = at - base
        weights = (_far(t + 1), _near(t), _near(1 - t), _far(1 - t + 1))
        return [(_padded(base + i, size, padding, align_corners), w) for i, w in zip(range(-1, 3), weights, strict=True)]
    at = _padded(at, size, padding, align_corners)
    if mode == "nearest":
        return [(at.detach().round(), None)]
    base = at.detach().floor()
    t = at - base
    return [(base, 1 - t), (base + 1, t)]


# Keys' cubic kernel (1981) with a = -0.75 at distances up to 1 and from 1 to 2. Half types round each step, as in PyTorch's
# kernel.

def _near(d, a=-0.75):
    return ((a + 2) * d - (a + 3)) * d * d + 1


def _far(d, a=-0.75):
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a


def sample(input, grid, mode, padding, align_corners):
    """:func:`grid_sample` without its checks of names."""
    _check_sampler(input, grid, mode)
    n, c, *spatial = input._a.shape
    dims = len(spatial)
    out = tuple(grid._a.shape[1:-1])
    flat, points = reshape(input, (n, c, math.prod(spatial))), reshape(grid, (n, math.prod(out), dims))
    along = []
    for d, size in enumerate(spatial):
        x = points.select(2, dims - 1 - d)  # a grid lists the last axis first
        at = (x + 1) / 2 * (size - 1) if align_corners else ((x + 1) * size - 1) / 2
        along.append(_taps_along(at, size, mode, padding, align_corners))
    if mode == "bicubic":
        total = _cubic(flat, along, spatial, padding)
    else:
        total = None
        for taps in itertools.product(*along):
            value = _read(flat, [at for at, _ in taps], spatial, True)
            if mode == "bilinear":
                # The weight of the last axis first, as PyTorch multiplies them.
                value = value * functools.reduce(operator.mul, [w for _, w in reversed(taps)]).unsqueeze(1)
            total = value if total is None else total + value
    if mode == "nearest" and grid._req:
        total = total + (points * 0).sum(2).unsqueeze(1)  # PyTorch's gradient of the grid is zero, not absent
    return reshape(total, (n, c, *out))


def _read(flat, places, spatial, zeros):
    """(N, C, P) values at whole positions; 0 outside if ``zeros``."""
    n, c, _ = flat._a.shape
    index, inside = None, None
    for at, size in zip(places, spatial, strict=True):
        at = at.detach()
        here = to_dtype(at.clamp(-1, size), dtypes.int64).clamp(0, size - 1)
        index = here if index is None else index * size + here
        within = at.ge(0) & at.le(size - 1)
        inside = within if inside is None else inside & within
    value = flat.gather(2, expand(index.unsqueeze(1), n, c, index._a.shape[1]))
    return where(inside.unsqueeze(1), value, 0.0) if zeros else value


def _cubic(flat, along, spatial, padding):
    """Rows first, then the column of the four results."""
    total = None
    for y, wy in along[0]:
        row = None
        for x, wx in along[1]:
            value = _read(flat, (y, x), spatial, padding == "zeros") * wx.unsqueeze(1)
            row = value if row is None else row + value
        total = row * wy.unsqueeze(1) if total is None else total + row * wy.unsqueeze(1)
    return total


@named(lambda input, *args, **kwargs: f"GridSampler{input.dim() - 2}DBackward0")
@autocasts
def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """The input at the places of a grid: (N, C, H, W) with (N, Ho, Wo, 2) gives (N, C, Ho, Wo), and (N, C, D, H, W) with
    (N, Do, Ho, Wo, 3) gives (N, C, Do, Ho, Wo).

    A place is (x, y) or (x, y, z) from -1 to 1: the centres of the outermost pixels with ``align_corners``, else their outer
    edges. ``mode`` is "bilinear", "nearest" or "bicubic" (images; Keys' kernel with a = -0.75). Places outside read 0
    ("zeros"), the nearest edge ("border") or the mirrored image ("reflection").

    Raises:
        ValueError: an unknown mode or padding.
        RuntimeError: shapes or dtypes that do not fit.
    """
    if mode not in MODES:
        raise ValueError(f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: "
                         f"'{mode}'")
    if padding_mode not in PADDINGS:
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but "
                         f"got: '{padding_mode}'")
    if align_corners is None:
        warnings.warn(_CORNERS.format("grid_sample and affine_grid"), stacklevel=3)
        align_corners = False
    return sample(input, grid, mode, padding_mode, align_corners)


def _line(count, theta, align_corners):
    if count <= 1:
        return arange(count, dtype=theta.dtype, device=theta.device) * 0
    line = linspace(-1, 1, count, dtype=theta.dtype, device=theta.device)
    return line if align_corners else line * (count - 1) / count


@named("AffineGridGeneratorBackward0")
def affine_grid(theta, size, align_corners=None):
    """The grid for :func:`grid_sample` that maps the output's places by affine matrices.

    Args:
        theta: (N, 2, 3) for images, (N, 3, 4) for volumes.
        size: of the output: (N, C, H, W) or (N, C, D, H, W).
        align_corners: whether -1 and 1 are the centres of the outermost pixels, or their outer edges.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        ValueError: theta is not floating or of another shape, or a size is not positive.
        NotImplementedError: a size with another number of dimensions.
    """
    size = tuple(int(n) for n in size)
    if theta.dtype.category != FLOAT:
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if len(size) not in (4, 5):
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
                                  f"respectively. Got size {size}.")
    dims = len(size) - 2
    if theta.dim() != 3 or tuple(theta._a.shape[1:]) != (dims, dims + 1):
        raise ValueError(f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size {size}. Got "
                         f"{theta.shape}.")
    if align_corners is None:
        warnings.warn(_CORNERS.format("grid_sample and affine_grid"), stacklevel=3)
        align_corners = False
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    n, spatial = size[0], size[2:]
    columns = [expand(reshape(_line(m, theta, align_corners), tuple(m if i == d else 1 for i in range(dims))), *spatial)
               for d, m in enumerate(spatial)]
    places = stack([*reversed(columns), ones(spatial, dtype=theta.dtype, device=theta.device)], -1)
    flat = expand(reshape(places, (1, math.prod(spatial), dims + 1)), n, math.prod(spatial), dims + 1)
    return reshape(matmul(flat, transpose(theta, 1, 2)), (n, *spatial, dims))
