"""Products of groups of matrices, whose rows or columns lie one group after another."""

from __future__ import annotations

import enum

from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import FLOAT

from ...dispatch import to_dtype
from ...joining import cat, stack
from ...linear import matmul

__all__ = ["ScalingType", "SwizzleType", "grouped_mm", "scaled_grouped_mm", "scaled_mm"]


class ScalingType(enum.Enum):
    """Which elements of a matrix share a scale."""

    TensorWise = 0
    RowWise = 1
    BlockWise1x16 = 2
    BlockWise1x32 = 3
    BlockWise1x128 = 4
    BlockWise128x128 = 5


class SwizzleType(enum.Enum):
    """In which order the scales of blocks lie in memory."""

    NO_SWIZZLE = 0
    SWIZZLE_32_4_4 = 1


def _check(a, b, offs):
    for name, t in (("mat_a", a), ("mat_b", b)):
        if t.dim() not in (2, 3):
            raise RuntimeError(f"{name} has to be 2 or 3d")
        if t.dtype.category != FLOAT or t.dtype is dtypes.float64:
            raise RuntimeError(f"Expected {name} to be Float32, BFloat16 or Float16 matrix, got {t.dtype.legacy}")
    if a._a.shape[-1] != b._a.shape[-2]:
        raise RuntimeError("contraction dimension of mat_a and mat_b must match")
    if a.dim() == b.dim() == 3:
        if offs is not None:
            raise RuntimeError("Have to provide offsets for 2d-2d, 2d-3d and 3d-2d multiplications, and for no other: "
                               "offs must be None for two 3d operands")
        if a._a.shape[0] != b._a.shape[0]:
            raise RuntimeError("batched dimension has to match")
        return
    if offs is None:
        raise RuntimeError("Have to provide offsets if there is a 2d matrix")
    if offs.dim() != 1 or offs.dtype is not dtypes.int32:
        raise RuntimeError("Offsets have to be 1D and int32")
    groups = next((t._a.shape[0] for t in (a, b) if t.dim() == 3), offs._a.shape[0])
    if groups != offs._a.shape[0]:
        raise RuntimeError("matrix batch sizes have to match")


def grouped_mm(mat_a, mat_b, *, offs=None, bias=None, out_dtype=None):
    """One product per group.

    ``offs`` (G,) int32 are the ends of the groups along the jagged dimension: the rows of a 2-d ``mat_a`` (M, K) with
    ``mat_b`` (G, K, N), giving (M, N); the columns of a 2-d ``mat_b`` (K, N) with ``mat_a`` (G, M, K), giving (M, N); or the
    inner dimension of two 2-d operands, giving (G, M, N). Two 3-d operands need none. Rows beyond the last end are zero.

    Raises:
        RuntimeError: shapes, dtypes or offsets that do not fit.
    """
    _check(mat_a, mat_b, offs)
    if bias is not None:
        raise RuntimeError("Bias not supported yet")
    if out_dtype is not None and out_dtype is not mat_a.dtype:
        raise RuntimeError("Grouped gemm output dtype must match `mat_a` dtype")
    if mat_a.dim() == mat_b.dim() == 3:
        return matmul(mat_a, mat_b)
    ends = offs.tolist()
    spans = list(zip([0, *ends[:-1]], ends, strict=True))
    if mat_a.dim() == mat_b.dim() == 2:
        return stack([matmul(mat_a.narrow(1, i, j - i), mat_b.narrow(0, i, j - i)) for i, j in spans])
    if mat_a.dim() == 2:
        axis, whole = 0, mat_a._a.shape[0]
        parts = [matmul(mat_a.narrow(0, i, j - i), mat_b[g]) for g, (i, j) in enumerate(spans)]
    else:
        axis, whole = 1, mat_b._a.shape[1]
        parts = [matmul(mat_a[g], mat_b.narrow(1, i, j - i)) for g, (i, j) in enumerate(spans)]
    y = cat(parts, axis)
    rest = whole - y._a.shape[axis]
    if not rest:
        return y
    return cat([y, y.new_zeros((rest, y._a.shape[1]) if axis == 0 else (y._a.shape[0], rest))], axis)


def _one(value):
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value


def _scaled(mat_a, mat_b, scale_a, recipe_a, scale_b, recipe_b, name):
    plain = (ScalingType.TensorWise, ScalingType.RowWise)
    if recipe_a not in plain or recipe_b not in plain:
        raise NotImplementedError(f"{name}: scales of blocks lie in memory as a kernel of one kind of GPU wants them, and "
                                  "there is "
                                  "none here; use ScalingType.TensorWise or RowWise, or multiply by the scales and use "
                                  "matmul")
    return to_dtype(mat_a, dtypes.float32) * scale_a, to_dtype(mat_b, dtypes.float32) * scale_b


def scaled_mm(mat_a, mat_b, scale_a, scale_recipe_a, scale_b, scale_recipe_b, swizzle_a=None, swizzle_b=None, bias=None,
              output_dtype=dtypes.bfloat16, contraction_dim=(), use_fast_accum=False):
    """``(scale_a * mat_a) @ (scale_b * mat_b) + bias``, computed in float32 and rounded to ``output_dtype``.

    Scales are one number each (ScalingType.TensorWise), or (M, 1) and (1, N) (ScalingType.RowWise).

    Raises:
        NotImplementedError: scales of blocks.
    """
    a, b = _scaled(mat_a, mat_b, _one(scale_a), _one(scale_recipe_a), _one(scale_b), _one(scale_recipe_b), "scaled_mm")
    y = matmul(a, b)
    return to_dtype(y if bias is None else y + to_dtype(bias, dtypes.float32), output_dtype or dtypes.bfloat16)


def scaled_grouped_mm(mat_a, mat_b, scale_a, scale_recipe_a, scale_b, scale_recipe_b, swizzle_a=None, swizzle_b=None,
                      bias=None, offs=None, output_dtype=dtypes.bfloat16, contraction_dim=(), use_fast_accum=False):
    """No such product here.

    Raises:
        NotImplementedError: always; PyTorch has it for some GPUs alone.
    """
    raise NotImplementedError("scaled_grouped_mm: PyTorch has it only as a kernel of some GPUs (compute capability 9.0 "
                              "and up); multiply by the scales and use grouped_mm")
