"""Products with sparse matrices."""

from __future__ import annotations

from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import int64

from .. import layouts
from ..dispatch import is_tensor
from ..joining import cat, stack
from .arithmetic import add, into
from .conversion import to_layout
from .patterns import coordinates, counting, dense_dim, entries, filled, places, rows_of, sparse_dim, sum_at, summed
from .shapes import pairs, t, transpose
from .tensor import SHOWN, could_not_run, dispatch_key, implements, is_sparse, layout_of, like, make_coo

COO, CSR = layouts.sparse_coo, layouts.sparse_csr


def _matrices(name, a, b):
    for n, m in (("self", a), ("mat2", b)):
        if len(m._a.shape) != 2 or is_sparse(m) and dense_dim(m):
            raise RuntimeError(f"{name}: {n} must be a matrix, but it has shape {list(m._a.shape)}")
    if a._a.shape[1] != b._a.shape[0] and is_sparse(a) and not is_sparse(b) and a._a.layout is COO:
        raise RuntimeError(f"addmm: Argument #3 (dense): Expected dim 0 size {a._a.shape[1]}, got {b._a.shape[0]}")
    if a._a.shape[1] != b._a.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({a._a.shape[0]}x{a._a.shape[1]} and "
                           f"{b._a.shape[0]}x{b._a.shape[1]})")
    if a.dtype is not b.dtype:
        raise RuntimeError(f"{name}: expected both operands to have the same dtype, but got {a.dtype.legacy} and "
                           f"{b.dtype.legacy}")


def _times_dense(a, b):
    """Sparse (n, m) times dense (m, p)."""
    at = coordinates(a)
    return apply("spmm", (at.select(0, 0), at.select(0, 1), entries(a), b), {"size": a._a.shape[0]})


def _times_sparse(a, b):
    """The product of two sparse matrices, coalesced COO: every entry of one meets the entries of its row of the other."""
    left, right = coordinates(a), coordinates(b)
    i, j = pairs(left.select(0, 1), right.select(0, 0), a._a.shape[1])
    values = rows_of(entries(a), i) * rows_of(entries(b), j)
    return summed(stack([rows_of(left.select(0, 0), i), rows_of(right.select(0, 1), j)]), values,
                  (a._a.shape[0], b._a.shape[1]))


@implements("mm", "spmm", "dsmm", "_sparse_mm")
def mm(input, mat2, *, out=None):
    """The product of two matrices: dense with a dense one, and sparse of two sparse ones, in the layout of the first."""
    _matrices("mm", input, mat2)
    if not is_sparse(mat2):
        return into(out, _times_dense(input, mat2))
    if not is_sparse(input):
        return into(out, _times_dense(transpose(mat2, 0, 1), input.t()).t())
    result = _times_sparse(input, mat2)
    return into(out, result if input._a.layout is COO else to_layout(result, input._a.layout if input._a.layout in (
        CSR, layouts.sparse_csc) else CSR))


def sparse_mm(mat1, mat2, reduce=None):
    """The product of two matrices of which at least one may be sparse.

    Args:
        reduce: for a CSR tensor with a dense one, how the products of a row are brought together: "sum", "mean", "amax" or
            "amin"; rows without entries give 0.

    Gradients flow to both operands, to a sparse one at its entries.
    """
    if reduce is None:
        return mm(mat1, mat2) if is_sparse(mat1) or is_sparse(mat2) else mat1.mm(mat2)
    if layout_of(mat1) is not CSR or is_sparse(mat2):
        raise NotImplementedError(could_not_run("_sparse_mm_reduce_impl", dispatch_key(mat1)))
    if reduce not in ("sum", "mean", "amax", "amin"):
        raise RuntimeError(f"sparse_mm_reduce: reduce type of {reduce} has not been enabled: it is sum, mean, amax or amin.")
    _matrices("mm", mat1, mat2)
    if reduce == "sum":
        return _times_dense(mat1, mat2)
    n = mat1._a.shape[0]
    rows, columns = coordinates(mat1).unbind(0)
    if reduce == "mean":
        many = sum_at(filled((rows._a.shape[0],), 1, mat2.dtype, mat2), rows, n)
        return _times_dense(mat1, mat2) / many.clamp(min=1).unsqueeze(1)
    products = entries(mat1).unsqueeze(1) * rows_of(mat2, columns)
    start = filled((n, mat2._a.shape[1]), 0, mat2.dtype, mat2)
    return start.scatter_reduce(0, rows.unsqueeze(1).expand(*products._a.shape), products, reduce, include_self=False)


@implements("matmul", "__matmul__")
def matmul(input, other, *, out=None):
    """The product of a matrix with a matrix or a vector, one of them sparse, or of two batches of matrices."""
    if not is_tensor(other):
        return NotImplemented
    a, b = len(input._a.shape), len(other._a.shape)
    if a == b == 2:
        return mm(input, other, out=out)
    if b == 1:
        return mv(input, other, out=out)
    if a == 1:
        return mv(transpose(other, 0, 1), input, out=out)
    if a == b == 3:
        return bmm(input, other, out=out)
    raise RuntimeError("expand is unsupported for Sparse tensors")


implements("__rmatmul__")(lambda self, other: matmul(other, self))


@implements("mv")
def mv(input, vec, *, out=None):
    """A sparse matrix times a dense vector."""
    if is_sparse(vec):
        raise NotImplementedError(could_not_run("mv", dispatch_key(vec)))
    if len(input._a.shape) != 2 or vec.dim() != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {vec.dim()}, {len(input._a.shape)}, {vec.dim()}")
    if input._a.shape[1] != vec._a.shape[0]:
        raise RuntimeError("mv: expected self.size(-1) == vec.size(-1)")
    return into(out, mm(input, vec.unsqueeze(1)).squeeze(1))


@implements("bmm")
def bmm(input, mat2, *, out=None):
    """Products of a batch of sparse matrices (B, n, m) and a dense one (B, m, p): computed as one block-diagonal product."""
    if not is_sparse(input):
        return into(out, bmm(transpose(mat2, 1, 2), input.transpose(1, 2)).transpose(1, 2))
    if is_sparse(mat2):
        raise RuntimeError("bmm_sparse: Tensor 'mat2' must be dense")
    if len(input._a.shape) != 3 or dense_dim(input):
        raise RuntimeError(f"bmm_sparse: Tensor 'self' must have 3 sparse dims, but has {sparse_dim(input)}")
    if mat2.dim() != 3:
        raise RuntimeError(f"bmm_sparse: Tensor 'mat2' must have 3 dims, but has {mat2.dim()}")
    (batch, n, m), p = input._a.shape, mat2._a.shape[2]
    if batch != mat2._a.shape[0]:
        raise RuntimeError("bmm_sparse: 'self.size(0)' and 'mat2.size(0)' must match")
    if m != mat2._a.shape[1]:
        raise RuntimeError("bmm_sparse: 'self.size(2)' and 'mat2.size(1)' must match")
    b, i, j = coordinates(input).unbind(0)
    y = apply("spmm", (b * n + i, b * m + j, entries(input), mat2.reshape(batch * m, p)), {"size": batch * n})
    return into(out, y.reshape(batch, n, p))


def _plus(input, product, beta, alpha):
    if alpha != 1:
        product = product * alpha
    if beta == 0 and not is_sparse(input):
        return product
    return add(input if beta == 1 else input * beta, product) if is_sparse(input) or is_sparse(product) else (
        product + (input if beta == 1 else input * beta))


@implements("addmm", "saddmm")
def addmm(input, mat1, mat2, *, beta=1.0, alpha=1.0, out=None):
    """``beta * input + alpha * (mat1 @ mat2)`` with a sparse ``mat1`` or ``mat2``."""
    return into(out, _plus(input, sparse_mm(mat1, mat2), beta, alpha))


def sparse_addmm(mat, mat1, mat2, *, beta=1.0, alpha=1.0):
    """``beta * mat + alpha * (mat1 @ mat2)`` with a sparse ``mat1``."""
    return addmm(mat, mat1, mat2, beta=beta, alpha=alpha)


@implements("addmm_")
def addmm_(self, mat1, mat2, *, beta=1, alpha=1):
    """:func:`addmm` in place."""
    return self.copy_(addmm(self, mat1, mat2, beta=beta, alpha=alpha))


@implements("addmv")
def addmv(input, mat, vec, *, beta=1, alpha=1, out=None):
    """``beta * input + alpha * (mat @ vec)`` with a sparse matrix."""
    return into(out, _plus(input, mv(mat, vec), beta, alpha))


@implements("linear")
def linear(input, weight, bias=None):
    """``input @ weight.T + bias`` with a sparse weight (or input)."""
    turned = t(weight) if is_sparse(weight) else weight.t()
    if not is_sparse(input) and input.dim() != 2:
        flat = input.reshape(-1, input._a.shape[-1])
        y = mm(flat, turned).reshape(*input._a.shape[:-1], weight._a.shape[0])
    else:
        y = mm(input, turned)
    return y if bias is None else y + bias


@implements("sparse_sampled_addmm", "sampled_addmm")
def sampled_addmm(input, mat1, mat2, *, beta=1.0, alpha=1.0, out=None):
    """``beta * input + alpha * (mat1 @ mat2)`` at the entries of a CSR tensor: (*batch, n, k) and (*batch, k, m), CSR."""
    if layout_of(input) is not CSR:
        if layout_of(input) is COO:
            raise NotImplementedError(could_not_run("sparse_sampled_addmm", dispatch_key(input)))
        raise RuntimeError("Expected sampled_addmm to have sparse csr input, but got layout: " + SHOWN[layout_of(input)])
    for name, m in (("mat1", mat1), ("mat2", mat2)):
        if m.dim() < 2:
            raise RuntimeError(f"sampled_addmm: Expected {name} to be a matrix, got {m.dim()}-D tensor")
    if mat1._a.shape[-1] != mat2._a.shape[-2]:
        raise RuntimeError(f"sampled_addmm: mat1 and mat2 shapes cannot be multiplied "
                           f"({mat1._a.shape[-2]}x{mat1._a.shape[-1]} and {mat2._a.shape[-2]}x{mat2._a.shape[-1]})")
    shape = input._a.shape
    if shape[-2] != mat1._a.shape[-2] or shape[-1] != mat2._a.shape[-1]:
        raise RuntimeError(f"sampled_addmm: input has shape {list(shape)}, but mat1 @ mat2 has "
                           f"{[*mat1._a.shape[:-1], mat2._a.shape[-1]]}")
    at, k = coordinates(input), mat1._a.shape[-1]
    outer = places(at.narrow(0, 0, len(shape) - 2), shape[:-2])
    rows = rows_of(mat1.reshape(-1, k) if mat1.numel() else mat1.new_zeros((_lines(mat1), k)),
                   outer * shape[-2] + at.select(0, -2))
    columns = mat2.transpose(-1, -2)
    columns = rows_of(columns.reshape(_lines(columns), k), outer * shape[-1] + at.select(0, -1))
    values = (rows * columns).sum(-1).reshape(*input._a.values._a.shape)
    return into(out, like(input, input._a.values * beta + values * alpha))


def _lines(m):
    n = 1
    for size in m._a.shape[:-1]:
        n *= size
    return n


@implements("hspmm", "hsmm")
def hspmm(mat1, mat2, *, out=None):
    """Sparse times dense as a hybrid COO tensor: one sparse dimension, with the rows that have entries."""
    _matrices("hspmm", mat1, mat2)
    from ..sorting import unique

    at = coordinates(mat1)
    rows, group = unique(at.select(0, 0), return_inverse=True)
    values = apply("spmm", (group, at.select(0, 1), entries(mat1), mat2), {"size": rows._a.shape[0]})
    return into(out, make_coo(rows.reshape(1, -1), values, (mat1._a.shape[0], mat2._a.shape[1]), True))


def _full_rows(hybrid):
    """A hybrid tensor of rows as COO with two sparse dimensions."""
    rows, values = hybrid._a.plain[0].select(0, 0), hybrid._a.values
    n, p = values._a.shape
    i = stack([rows.unsqueeze(1).expand(n, p).reshape(-1), counting(p, rows).expand(n, p).reshape(-1)])
    return make_coo(i, values.reshape(-1), hybrid._a.shape, False)


@implements("smm")
def smm(input, mat):
    """Sparse times dense as a COO tensor."""
    return _full_rows(hspmm(input, mat))


@implements("sspaddmm")
def sspaddmm(input, mat1, mat2, *, beta=1, alpha=1, out=None):
    """``beta * input + alpha * (mat1 @ mat2)`` of sparse ``input`` and ``mat1`` and dense ``mat2``: COO."""
    product = _full_rows(hspmm(mat1, mat2))
    i, v = cat([input._a.plain[0], product._a.plain[0]], 1), cat([input._a.values * beta, product._a.values * alpha])
    return into(out, make_coo(i, v, input._a.shape, False))


def spdiags(diagonals, offsets, shape, layout=None):
    """A sparse matrix with rows of ``diagonals`` on its diagonals: ``M[j - offsets[d], j] = diagonals[d, j]``.

    Args:
        diagonals: (count, k), or (k,) for one.
        offsets: (count,) int64, distinct; positive above the main diagonal.
        shape: two sizes.
        layout: ``torch.sparse_coo`` (default), ``torch.sparse_csr`` or ``torch.sparse_csc``.

    Raises:
        RuntimeError: other shapes, dtypes or layouts, or offsets that repeat.
    """
    if diagonals.dim() == 1:
        diagonals = diagonals.unsqueeze(0)
    if diagonals.dim() != 2:
        raise RuntimeError("Diagonals must be vector or matrix")
    if len(shape) != 2:
        raise RuntimeError("Output shape must be 2d")
    offsets = offsets.unsqueeze(0) if offsets.dim() == 0 else offsets
    if offsets.dim() != 1:
        raise RuntimeError("Offsets must be scalar or vector")
    if diagonals._a.shape[0] != offsets._a.shape[0]:
        raise RuntimeError(f"Number of diagonals ({diagonals._a.shape[0]}) does not match the number of offsets "
                           f"({offsets._a.shape[0]})")
    if layout not in (None, COO, CSR, layouts.sparse_csc):
        raise RuntimeError(f"Only output layouts (Sparse, SparseCsc, SparseCsr) are supported, got "
                           f"{SHOWN.get(layout, layout)}")
    if offsets.dtype is not int64:
        raise RuntimeError(f"Offset Tensor must have dtype Long but got {offsets.dtype.legacy}")
    numbers = offsets.tolist()
    if len(set(numbers)) != len(numbers):
        raise RuntimeError("Offset tensor contains duplicate values")
    n, m = shape
    rows, columns, values = [], [], []
    for d, offset in enumerate(numbers):
        low, high = max(offset, 0), min(m, n + offset, diagonals._a.shape[1])
        if high > low:
            j = counting(high, diagonals).narrow(0, low, high - low)
            rows.append(j - offset)
            columns.append(j)
            values.append(diagonals.select(0, d).narrow(0, low, high - low))
    if rows:
        result = make_coo(stack([cat(rows), cat(columns)]), cat(values), (n, m), False)
    else:
        result = make_coo(filled((2, 0), 0, int64, diagonals), diagonals.reshape(-1)[:0], (n, m), False)
    return result if layout in (None, COO) else to_layout(result, layout)


def spsolve(input, other, *, left=True):
    """Solution of a linear system with a CSR matrix.

    Raises:
        NotImplementedError: always, as PyTorch's on the CPU: it has the solver of a CUDA library alone.
    """
    raise NotImplementedError(could_not_run("_spsolve", dispatch_key(input)))

