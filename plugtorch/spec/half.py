"""float16 and bfloat16, which libraries know a little: computed in float32 and rounded once, as PyTorch does."""

from __future__ import annotations

import functools

from .abstract import is_number
from .dtypes import HALF, float32
from .op import OPS, Op

# Ops that move, compare or count elements, or whose primitives see to it themselves; all others are computed in float32.
EXACT_FAMILIES = frozenset({"creation", "shape", "comparison"})
EXACT = frozenset({
    "neg", "abs", "sign", "floor", "ceil", "trunc", "conj", "real", "imag", "complex", "bit_and", "bit_or", "bit_xor",
    "bit_not", "shift_left", "shift_right", "where", "zeros_like", "ones_like", "relu", "threshold_backward", "take",
    "gather", "index", "slice_put", "nonzero", "sum", "max", "min", "any", "all", "argmax", "argmin", "max_index",
    "min_index", "topk", "max_pool", "max_pool_window", "max_pool_indices", "max_pool_gather", "embedding", "adjoint",
    "cholesky", "lu", "qr", "eigh", "svd", "eig", "solve_triangular", "solve", "fft", "rfft", "irfft",
    "nextafter",
})
# Right as they are where half types are the library's own, unlike NumPy's bfloat16, which comes from ml_dtypes.
NATIVE = frozenset({"matmul", "maximum", "minimum", "copysign", "clamp", "conv", "conv_input", "conv_weight", "sort"})
# Where a half array meets a number here, the number is rounded to the array's type.
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def computed_wide(op: Op, native_half: bool = False) -> bool:
    """Whether an op's half operands are computed in float32; so it is for every op that is not named above."""
    return not (op.family in EXACT_FAMILIES or op.name in EXACT or (native_half and op.name in NATIVE))


def composition(op: Op):
    """The default composition of a derived op, half operands included."""
    return in_float32(op.body) if computed_wide(op) else op.body


def in_float32(kernel):
    """A kernel for float32 and wider, made to take half arrays too; its float32 results become half again."""

    @functools.wraps(kernel)
    def wrapped(self, *operands, **params):
        for o in operands:
            if hasattr(o, "shape") and self.dtype_of(o) in HALF:
                return _rounded(self, kernel, self.dtype_of(o), operands, params)
        return kernel(self, *operands, **params)

    wrapped.halved = True
    return wrapped


def _rounded(k, kernel, half, operands, params):
    wide = [k.cast(o, dtype=float32) if hasattr(o, "shape") and k.dtype_of(o) in HALF else o for o in operands]
    found = kernel(k, *wide, **params)
    if isinstance(found, tuple):
        return tuple(_narrow(k, y, half) for y in found)
    return _narrow(k, found, half)


def _narrow(k, y, half):
    return k.cast(y, dtype=half) if k.dtype_of(y) is float32 else y


def halve(cls) -> None:
    """Lets the kernels of a class take half arrays, and compare them with numbers, unless they do already."""
    for name, op in OPS.items():
        kernel = getattr(cls, name)
        if computed_wide(op, cls.native_half) and not getattr(kernel, "halved", False):
            setattr(cls, name, in_float32(kernel))
    if not cls.native_half:
        for name in COMPARISONS:
            setattr(cls, name, with_rounded_numbers(getattr(cls, name)))


def with_rounded_numbers(kernel):
    """A comparison whose numbers are rounded to the half type that they are compared with."""

    @functools.wraps(kernel)
    def wrapped(self, a, b):
        like = b if is_number(a) else a
        if is_number(a) or is_number(b):
            dtype = self.dtype_of(like)
            if dtype in HALF:
                a, b = (self.full(shape=(), value=v, dtype=dtype, device=self.device_of(like)) if is_number(v) else v
                        for v in (a, b))
        return kernel(self, a, b)

    return wrapped
