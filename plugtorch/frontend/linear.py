"""Products: matmul and its family, chains of matrices, inner and vector products, einsum."""

from __future__ import annotations

import math

from plugtorch.autograd.mode import AUTOCAST, mode
from plugtorch.autograd.names import named, rename
from plugtorch.autograd.record import apply
from plugtorch.spec.abstract import broadcast_shapes
from plugtorch.spec.dtypes import BOOL, INT

from .amp.casting import autocasts, recast
from .amp.lists import EVERY
from .dispatch import is_tensor, normalize_axis, require_tensor, rounded_once, store
from .methods import exporter, inplace_twin, method
from .shaping import expand, permute, reshape, select, transpose, unsqueeze
from .unsupported import refuse

__all__: list[str] = []
_export = exporter(__all__)


def _same_dtype(a, b, name="mat1 and mat2"):
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected {name} to have the same dtype, but got: {_c_name(a)} != {_c_name(b)}")
    if a.dtype.category == BOOL:
        raise NotImplementedError("\"addmm_impl_cpu_\" not implemented for 'Bool'")


def _c_name(t):
    return {"float32": "float", "float64": "double", "int64": "long int", "int32": "int", "float16": "c10::Half",
            "bfloat16": "c10::BFloat16", "complex64": "c10::complex<float>",
            "complex128": "c10::complex<double>"}.get(t.dtype.name, t.dtype.name)


@_export
@method
@autocasts
def mm(input, mat2, *, out=None):
    """The product of two matrices.

    Raises:
        RuntimeError: not matrices, sizes that do not fit, or different dtypes.
    """
    for name, m in (("self", input), ("mat2", mat2)):
        if m.dim() != 2:
            raise RuntimeError(f"{name} must be a matrix")
    return store(out, matmul(input, mat2))


@_export
@method
@named("BmmBackward0")
@autocasts
def bmm(input, mat2, *, out=None):
    """Products of two batches of matrices (B, n, m) and (B, m, p)."""
    for name, m in (("batch1", input), ("batch2", mat2)):
        if m.dim() != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    b, n, m = input._a.shape
    if mat2._a.shape[:2] != (b, m):
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {m}] but got: "
                           f"[{mat2._a.shape[0]}, {mat2._a.shape[1]}].")
    return store(out, matmul(input, mat2))


@_export
@method
@named("MvBackward0")
@autocasts
def mv(input, vec, *, out=None):
    """A matrix times a vector."""
    if input.dim() != 2 or vec.dim() != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {vec.dim()}, {input.dim()}, {vec.dim()}")
    return store(out, matmul(input, vec))


@_export
@method
def matmul(input, other, *, out=None):
    """The matrix product with broadcasting over leading dimensions; vectors as rows and columns.

    Raises:
        RuntimeError: 0-d operands, inner sizes that differ, or different dtypes.
    """
    if mode() & AUTOCAST:
        return recast("matmul", matmul, input, other, out=out)
    require_tensor(input, "matmul")
    require_tensor(other, "matmul", "other")
    a, b = input, other
    if not a.dim() or not b.dim():
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a.dim()}D and {b.dim()}D")
    _same_dtype(a, b, "m1 and m2" if a.dim() != 2 else "mat1 and mat2")
    row, column = a.dim() == 1, b.dim() == 1
    if row and column and a._a.shape != b._a.shape:
        raise RuntimeError("inconsistent tensor size, expected tensor "
                           f"[{a._a.shape[0]}] and src [{b._a.shape[0]}] to have the same number of elements, but got "
                           f"{a._a.shape[0]} and {b._a.shape[0]} elements respectively")
    if row:
        a = reshape(a, (1, -1)) if a.numel() else reshape(a, (1, 0))
    if column:
        b = reshape(b, (b._a.shape[0], 1))
    if a._a.shape[-1] != b._a.shape[-2]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({math.prod(a._a.shape[:-1])}x{a._a.shape[-1]} "
                           f"and {b._a.shape[-2]}x{b._a.shape[-1]})")
    if a.dim() > 2 and b.dim() == 2:  # one product of matrices, whose gradient adds up in one, too
        *lead, n = a._a.shape
        y = apply("matmul", (reshape(a, (math.prod(lead), n)), b))
        y = rename(apply("reshape", (y,), {"shape": (*lead, b._a.shape[-1])}), "UnsafeViewBackward0")
    elif a.dim() == 2 and b.dim() > 2 and a._req:
        *lead, n, columns = b._a.shape
        y = apply("matmul", (reshape(transpose(b, -2, -1), (math.prod(lead) * columns, n)), transpose(a, 0, 1)))
        y = apply("reshape", (y,), {"shape": (*lead, columns, a._a.shape[0])})
        axes = (*range(len(lead)), len(lead) + 1, len(lead))
        y = rename(apply("permute", (y,), {"axes": axes}), "UnsafeViewBackward0")
    else:
        y = apply("matmul", (a, b))
    if row:
        y = select(y, -2, 0)
    if column:
        y = select(y, -1, 0)
    if row or column:
        rename(y, "DotBackward0" if row and column else "MvBackward0" if a.dim() == 2 and column else "SqueezeBackward4")
    return store(out, y)


@_export
@method
@named("DotBackward0")
@autocasts
def dot(input, tensor, *, out=None):
    """The inner product of two vectors.

    Raises:
        RuntimeError: not vectors of one size.
    """
    if input.dim() != 1 or tensor.dim() != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.dim()}D and {tensor.dim()}D tensors")
    if input._a.shape != tensor._a.shape:
        raise RuntimeError(f"inconsistent tensor size, expected tensor [{input.numel()}] and src [{tensor.numel()}] to have "
                           f"the same number of elements, but got {input.numel()} and {tensor.numel()} elements "
                           "respectively")
    if input.dtype is not tensor.dtype:
        raise RuntimeError(f"dot : expected both vectors to have same dtype, but found {input.dtype.legacy} and "
                           f"{tensor.dtype.legacy}")
    refuse("dot", input.dtype)
    return store(out, matmul(input, tensor))


@_export
@method
@autocasts
def vdot(input, other, *, out=None):
    """The inner product of two vectors, the first one conjugated."""
    return dot(input.conj(), other, out=out)


@_export
@method
def inner(input, other, *, out=None):
    """Products summed over the last dimensions."""
    if not input.dim() or not other.dim():
        return store(out, input * other)
    return store(out, tensordot(input, other, dims=([-1], [-1])))


@_export
@method
def outer(input, vec2, *, out=None):
    """All products of the elements of two vectors."""
    if input.dim() != 1 or vec2.dim() != 1:
        raise RuntimeError(f"outer: Expected 1-D argument self, but got {input.dim()}-D")
    return store(out, unsqueeze(input, 1) * unsqueeze(vec2, 0))


ger = outer
method(outer, name="ger")
__all__.append("ger")


def _scaled_sum(base, product, beta, alpha):
    if product.dtype.category == BOOL:  # addr's: and, or
        product = product & bool(alpha)
        return product if not beta else base | product
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return expand(product, *product._a.shape)
    return (base if beta == 1 else base * beta) + product


def _add_product(name, multiply, doc):
    def function(input, first, second, *, beta=1, alpha=1, out=None):
        if name in ("addmm", "baddbmm", "addbmm") and input.dtype is not second.dtype:
            raise RuntimeError(f"self and mat2 must have the same dtype, but got {input.dtype.legacy} and "
                               f"{second.dtype.legacy}")
        if input.dtype.category <= INT:
            if name == "addr":
                for label, factor in (("beta", beta), ("alpha", alpha)):
                    if isinstance(factor, float):
                        raise RuntimeError(f"For integral input tensors, argument {label} must not be a floating point "
                                           f"number.")
            beta, alpha = int(beta), int(alpha)
        return store(out, scaled(input, first, second, beta, alpha))

    scaled = rounded_once(lambda input, first, second, beta, alpha: rename(
        _scaled_sum(input, multiply(first, second), beta, alpha), name.title() + "Backward0"))
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    inplace_twin(function)
    return _export(method(autocasts(function) if name in EVERY else function))


addmm = _add_product("addmm", mm, "``beta * input + alpha * (first @ second)``.")
addmv = _add_product("addmv", mv, "``beta * input + alpha * (matrix @ vector)``.")
addr = _add_product("addr", outer, "``beta * input + alpha * outer(first, second)``.")
baddbmm = _add_product("baddbmm", bmm, "``beta * input + alpha * bmm(first, second)``.")
addbmm = _add_product("addbmm", lambda a, b: bmm(a, b).sum(0), "``beta * input`` plus ``alpha`` times the summed batch "
                                                              "of products.")


@_export
@autocasts
def tensordot(a, b, dims=2, out=None):
    """Products summed over pairs of dimensions: a count of trailing and leading ones, or two lists."""
    if is_tensor(dims):
        dims = dims.tolist()
    if isinstance(dims, int):
        left, right = list(range(a.dim() - dims, a.dim())), list(range(dims))
    else:
        left, right = (list(d) if not isinstance(d, int) else [d] for d in dims)
    left = [normalize_axis(d, a.dim()) for d in left]
    right = [normalize_axis(d, b.dim()) for d in right]
    for i, j in zip(left, right, strict=True):
        if a._a.shape[i] == 1 != b._a.shape[j]:
            b = b.sum(j, keepdim=True)
        elif b._a.shape[j] == 1 != a._a.shape[i]:
            a = a.sum(i, keepdim=True)
        elif a._a.shape[i] != b._a.shape[j]:
            raise RuntimeError(f"contracted dimensions need to match, but first has size {a._a.shape[i]} in dim {i} and"
                               f" second has size {b._a.shape[j]} in dim {j}")
    free_a = [d for d in range(a.dim()) if d not in left]
    free_b = [d for d in range(b.dim()) if d not in right]
    inner_size = math.prod(a._a.shape[i] for i in left)
    x = reshape(permute(a, (*free_a, *left)), (math.prod(a._a.shape[i] for i in free_a), inner_size))
    y = reshape(permute(b, (*right, *free_b)), (inner_size, math.prod(b._a.shape[i] for i in free_b)))
    shape = [a._a.shape[i] for i in free_a] + [b._a.shape[i] for i in free_b]
    return store(out, reshape(matmul(x, y), tuple(shape)))


@_export
@autocasts
def chain_matmul(*matrices, out=None):
    """The product of several matrices, in the cheapest order.

    Raises:
        RuntimeError: no matrix is given.
    """
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    if len(matrices) == 1:
        return store(out, matrices[0].clone())
    return multi_dot(matrices, out=out)


@autocasts
def multi_dot(tensors, *, out=None):
    """The product of two or more matrices in the cheapest order; the first may be a row and the last a column, vectors.

    T. Cormen et al., "Introduction to Algorithms", section 15.2: the order by dynamic programming.

    Raises:
        RuntimeError: fewer than two tensors, other dimensions, or sizes that do not fit.
    """
    mats = list(tensors)
    n = len(mats)
    if n < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {n}")
    for place, x in (("first", mats[0]), ("last", mats[-1])):
        if x.dim() not in (1, 2):
            raise RuntimeError(f"multi_dot(): the {place} tensor must be 1D or 2D but got {x.dim()}D")
    for i, x in enumerate(mats[1:-1], 1):
        if x.dim() != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {x.dim()}D")
    for x in mats[1:]:
        if x.dtype is not mats[0].dtype:
            raise RuntimeError(f"multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                               f"{mats[0].dtype.legacy} and tensor {mats.index(x)} {x.dtype.legacy}")
    row, column = mats[0].dim() == 1, mats[-1].dim() == 1
    if row:
        mats[0] = unsqueeze(mats[0], 0)
    if column:
        mats[-1] = unsqueeze(mats[-1], 1)
    for i, (x, y) in enumerate(zip(mats, mats[1:], strict=False)):
        if x._a.shape[1] != y._a.shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {i} and {i + 1} with shapes {list(x._a.shape)} and "
                               f"{list(y._a.shape)} cannot be multiplied")
    y = _chain(mats)
    if row:
        y = select(y, 0, 0)
    return store(out, select(y, -1, 0) if column else y)


def _chain(mats):
    n = len(mats)
    sizes = [mats[0]._a.shape[0], *(m._a.shape[1] for m in mats)]
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            cost[i][j], cut[i][j] = min(
                (cost[i][m] + cost[m + 1][j] + sizes[i] * sizes[m + 1] * sizes[j + 1], m) for m in range(i, j))

    def product(i, j):
        return mats[i] if i == j else mm(product(i, cut[i][j]), product(cut[i][j] + 1, j))

    return product(0, n - 1)


@autocasts
def vecdot(x, y, *, dim=-1, out=None):
    """Inner products along a dimension, x conjugated; shapes broadcast.

    Raises:
        RuntimeError: dtypes differ.
    """
    if x.dtype is not y.dtype:
        raise RuntimeError(f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type {x.dtype.legacy} "
                           f"and y of type {y.dtype.legacy} instead")
    return store(out, (x.conj() * y).sum(dim))


# einsum.

def _parse_einsum(equation, operands):
    """Labels per operand and of the result; an ellipsis becomes labels of its own."""
    equation = equation.replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(f"einsum(): more operands were provided than specified in the equation "
                           f"({len(operands)} operands, {len(terms)} terms)"
                           if len(operands) > len(terms) else
                           f"einsum(): fewer operands were provided than specified in the equation "
                           f"({len(operands)} operands, {len(terms)} terms)")
    widest, labels = 0, []
    for term, x in zip(terms, operands, strict=True):
        named = term.replace("...", "")
        if not all(c.isalpha() for c in named):
            raise RuntimeError(f"einsum(): invalid subscript given in term {term!r}, subscripts must be in [a-zA-Z]")
        if "..." in term:
            widest = max(widest, x.dim() - len(named))
        elif len(named) != x.dim():
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({len(named)}) does not match the "
                               f"number of dimensions ({x.dim()}) for operand {len(labels)} and no ellipsis was given")
        labels.append(term)
    dots = [("...", i) for i in range(widest)]
    expanded = []
    for term, x in zip(labels, operands, strict=True):
        before, found, after = term.partition("...")
        count = x.dim() - len(before) - len(after)
        expanded.append([*before, *(dots[widest - count:] if found else []), *after])
    flat = [c for term in expanded for c in term]
    if arrow:
        before, found, after = right.partition("...")
        result = [*before, *(dots if found else []), *after]
        for c in result:
            if result.count(c) > 1:
                raise RuntimeError(f"einsum(): output subscript {c} appears more than once in the output")
            if c not in flat:
                raise RuntimeError(f"einsum(): output subscript {c} does not appear in the equation for any input "
                                   "operand")
    else:
        single = sorted(c for c in set(flat) if isinstance(c, str) and flat.count(c) == 1)
        result = [*dots, *single]
    return expanded, result


def _unrepeated(x, labels):
    """Takes diagonals so that no label appears twice."""
    for c in list(labels):
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            x = x.diagonal(0, i, j)
            labels = [*labels[:i], *labels[i + 1:j], *labels[j + 1:], c]
    return x, labels


def _contract(x, xl, y, yl, keep):
    """The product of two operands, summed over labels that nothing else needs."""
    batch = [c for c in xl if c in yl and c in keep]
    summed = [c for c in xl if c in yl and c not in keep]
    x_only, y_only = [c for c in xl if c not in yl], [c for c in yl if c not in xl]
    for c in [c for c in x_only if c not in keep]:
        x, xl = x.sum(xl.index(c)), [d for d in xl if d != c]
        x_only.remove(c)
    for c in [c for c in y_only if c not in keep]:
        y, yl = y.sum(yl.index(c)), [d for d in yl if d != c]
        y_only.remove(c)
    size = {}
    for t, labels in ((x, xl), (y, yl)):
        for c, n in zip(labels, t._a.shape, strict=True):
            if size.get(c, 1) != 1 and n != 1 and size[c] != n:
                raise RuntimeError(f"einsum(): operands do not broadcast with remapped shapes [original->remapped]: "
                                   f"subscript {c} has size {n} for one operand which does not broadcast with "
                                   f"previously seen size {size[c]}")
            size[c] = max(size.get(c, 1), n) if n != 0 else 0

    def arranged(t, labels, order):
        t = permute(t, tuple(labels.index(c) for c in order))
        return expand(t, *(size[c] for c in order))

    def width(group):
        return math.prod(size[c] for c in group)

    a = reshape(arranged(x, xl, [*batch, *x_only, *summed]), (width(batch), width(x_only), width(summed)))
    b = reshape(arranged(y, yl, [*batch, *summed, *y_only]), (width(batch), width(summed), width(y_only)))
    labels = [*batch, *x_only, *y_only]
    return reshape(matmul(a, b), tuple(size[c] for c in labels)), labels


@_export
def einsum(equation, *operands):
    """Sums of products by Einstein's notation: ``einsum("bij,bjk->bik", a, b)``; operands are contracted left to right.

    Raises:
        RuntimeError: the equation does not fit the operands.
    """
    if not isinstance(equation, str):
        operands, equation = _sublist_form((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    other = next((x for x in operands if x.dtype is not operands[0].dtype), None)
    if other is not None:
        raise RuntimeError(f"expected scalar type {operands[0].dtype.legacy} but found {other.dtype.legacy}")
    terms, result = _parse_einsum(equation, operands)
    pairs = [_unrepeated(x, labels) for x, labels in zip(operands, terms, strict=True)]
    y, labels = pairs[0]
    for n in range(1, len(pairs)):
        later = {c for _, ls in pairs[n + 1:] for c in ls}
        y, labels = _contract(y, labels, *pairs[n], later | set(result))
    drop = [i for i, c in enumerate(labels) if c not in result]
    if drop:
        y = y.sum(tuple(drop))
        labels = [c for c in labels if c in result]
    return permute(y, tuple(labels.index(c) for c in result))


def _sublist_form(arguments):
    """``einsum(a, [0, 1], b, [1, 2], [0, 2])`` as operands and an equation."""
    def letters(sublist):
        return "".join("..." if i is Ellipsis else chr(ord("A" if i < 26 else "a") + i % 26) for i in sublist)

    arguments = list(arguments)
    result = letters(arguments.pop()) if len(arguments) % 2 else None
    operands, terms = arguments[0::2], [letters(s) for s in arguments[1::2]]
    return tuple(operands), ",".join(terms) + ("" if result is None else "->" + result)


@_export
@method
@named("TraceBackward0")
@autocasts
def trace(input):
    """The sum of a matrix's diagonal."""
    if input.dim() != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.dim()}")
    refuse("trace", input.dtype)
    return input.diagonal().sum()


@_export
@method
@autocasts
def cross(input, other, dim=None, *, out=None):
    """Vector products along a dimension of size 3 (the first such one by default)."""
    if dim is None:
        dim = next((i for i, n in enumerate(input._a.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    return linalg_cross(input, other, dim=dim, out=out)


@named("LinalgCrossBackward0")
def linalg_cross(input, other, *, dim=-1, out=None):
    """Vector products along a dimension of size 3; the others broadcast.

    Raises:
        RuntimeError: the numbers of dimensions differ, or the size is not 3.
    """
    if input.dim() != other.dim():
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    at = normalize_axis(dim, input.dim())
    sizes = [x._a.shape[at] for x in (input, other)]
    if sizes != [3, 3]:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {sizes[0]} and {sizes[1]}")
    broadcast_shapes(tuple(input._a.shape), tuple(other._a.shape))
    refuse("cross", input.dtype)
    a = [select(input, at, i) for i in range(3)]
    b = [select(other, at, i) for i in range(3)]
    from .joining import stack

    y = stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]], -1)
    return store(out, y.movedim(-1, at))


linalg_cross.__name__ = linalg_cross.__qualname__ = "cross"
