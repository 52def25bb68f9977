"""Distances between rows."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec.abstract import broadcast_shapes
from plugtorch.spec.dtypes import COMPLEX, FLOAT, HALF, int64

from ..amp.casting import autocasts
from ..methods import exporter
from ..selection import where
from ..shaping import expand, unsqueeze

__all__: list[str] = []
_export = exporter(__all__)

_MODES = {None: 0, "use_mm_for_euclid_dist_if_necessary": 0, "use_mm_for_euclid_dist": 1,
          "donot_use_mm_for_euclid_dist": 2}
_MANY_ROWS = 25  # more are multiplied as matrices, where the mode leaves the choice


def _norm_of_differences(difference, p):
    """The p-norm over the last dimension. Its gradient at distance 0 is 0; of the greatest difference all that attain it
    get the whole."""
    if difference._a.shape[-1] == 0:
        return difference.sum(-1)
    if p == math.inf:
        size = difference.abs()
        top = size.detach().amax(-1, keepdim=True)
        still = size.detach()
        hit = still.eq(top)
        # The greatest value itself, to which each of the ties adds its own change.
        return top[..., 0] + where(hit, size - still, 0.0).sum(-1)
    return apply("norm", (difference,), {"p": float(p), "axis": (difference.dim() - 1,), "keepdims": False})


def _euclidean(x1, x2):
    """Roots of ``|a|^2 - 2 a b + |b|^2`` by one product; rounding cancels for close rows. The gradient at 0 is 0."""
    squares = (x1 * x1).sum(-1, keepdim=True) + (x2 * x2).sum(-1).unsqueeze(-2) - 2 * (x1 @ x2.mT)
    positive = squares.detach() > 0
    return where(positive, where(positive, squares, 1.0).sqrt(), 0.0)


@_export
@named("CdistBackward0")
@autocasts
def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """p-norms (..., n, m) of the differences of all rows of x1 (..., n, d) and x2 (..., m, d); leading dimensions broadcast.

    Args:
        p: the order, from 0 (how many values differ) to inf.
        compute_mode: whether for p = 2 differences are avoided by a product of matrices: "use_mm_for_euclid_dist",
            "donot_use_mm_for_euclid_dist", or by default where either has more than 25 rows.

    Raises:
        RuntimeError: shapes or dtypes do not fit, or p is negative.
        ValueError: another mode.
    """
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    mode = _MODES[compute_mode]
    for x, name in ((x1, "X1"), (x2, "X2")):
        if x.dtype.category != FLOAT:
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {x.dtype.legacy}")
    for x, name in ((x1, "X1"), (x2, "X2")):
        if x.dim() < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.dim()}D")
    if x1._a.shape[-1] != x2._a.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1._a.shape[-1]} X2: {x2._a.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if x1.dtype in HALF:
        raise NotImplementedError(f"\"cdist\" not implemented for '{x1.dtype.legacy}'")
    batch = broadcast_shapes(tuple(x1._a.shape[:-2]), tuple(x2._a.shape[:-2]))
    n, m = x1._a.shape[-2], x2._a.shape[-2]
    x1, x2 = (expand(x, *batch, *x._a.shape[-2:]) for x in (x1, x2))
    if p == 2 and (mode == 1 or mode == 0 and max(n, m) > _MANY_ROWS):
        return _euclidean(x1, x2)
    return _norm_of_differences(unsqueeze(x1, -2) - unsqueeze(x2, -3), p)


@_export
@named("PdistBackward0")
@autocasts
def pdist(input, p=2.0):
    """p-norms of the differences of all pairs of rows ``i < j`` of a matrix (n, d), in a vector of ``n (n - 1) / 2``.

    Raises:
        RuntimeError: no matrix, not floating, or p is negative.
    """
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    if input.dtype.category < FLOAT or input.dtype.category == COMPLEX:
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    if input.dtype in HALF:
        raise NotImplementedError(f"\"pdist\" not implemented for '{input.dtype.legacy}'")
    n = input._a.shape[0]
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    first = input.new_tensor([i for i, _ in pairs], dtype=int64)
    second = input.new_tensor([j for _, j in pairs], dtype=int64)
    return _norm_of_differences(input.index_select(0, first) - input.index_select(0, second), p)
