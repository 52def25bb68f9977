"""Ops in every dtype they take: elements are moved untouched, and whole numbers wrap around."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from ..check import Bench, Check, as_tuple, numbered
from ..samples import SAMPLES, Sample
from .values import run

INTEGERS = ("int8", "uint8", "int16", "int32", "int64")
# Ops that move elements, and so take every dtype.
MOVING = (
    "reshape",
    "permute",
    "broadcast_to",
    "slice",
    "slice_put",
    "pad",
    "flip",
    "concat",
    "take",
    "gather",
    "scatter",
    "index",
    "index_put",
    "diagonal",
    "unfold_dim",
    "as_strided",
    "tril",
    "triu",
    "copy",
    "where",
)
MOVED = ("bool", *INTEGERS, "float16", "bfloat16", "float32", "complex64", "complex128")
# Arithmetic on whole numbers, with NumPy's function.
ARITHMETIC = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "bit_and": np.bitwise_and,
    "bit_or": np.bitwise_or,
    "bit_xor": np.bitwise_xor,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "square": lambda a: a * a,
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "bit_not": np.invert,
    "cumsum": lambda a: np.cumsum(a, dtype=np.int64),
    "sum": lambda a: np.sum(a, dtype=np.int64),
    "prod": lambda a: np.prod(a, dtype=np.int64),
    "max": np.max,
    "min": np.min,
    "any": np.any,
    "all": np.all,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "matmul": np.matmul,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "fmod": np.fmod,
    "nonzero": np.argwhere,
}
PARAMS = {
    "sum": {"axis": (0,)},
    "prod": {"axis": (0,)},
    "max": {"axis": (0,)},
    "min": {"axis": (0,)},
    "any": {"axis": (0,)},
    "all": {"axis": (0,)},
    "argmax": {"axis": 0},
    "argmin": {"axis": 0},
    "cumsum": {"axis": 0},
}
BINARY = frozenset(
    {
        "add",
        "sub",
        "mul",
        "maximum",
        "minimum",
        "bit_and",
        "bit_or",
        "bit_xor",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "matmul",
        "floor_divide",
        "remainder",
        "fmod",
    }
)
DIVISION = frozenset({"floor_divide", "remainder", "fmod"})
BOOLEAN = (
    "bit_and",
    "bit_or",
    "bit_xor",
    "eq",
    "ne",
    "lt",
    "le",
    "maximum",
    "minimum",
    "bit_not",
    "sum",
    "max",
    "min",
    "any",
    "all",
    "cumsum",
    "nonzero",
)


def native(name: str) -> np.dtype:
    """NumPy's dtype of that name."""
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def as_type(x: np.ndarray, name: str) -> np.ndarray:
    """Small whole values in place of doubles, exact in every dtype; complex ones get an imaginary part."""
    whole = np.round(x * 10) % 11
    if name == "bool":
        return whole % 2 == 1
    y = whole.astype(native(name))
    return y * native(name).type(1 + 2j) if y.dtype.kind == "c" else y


def check_moving(bench: Bench, s: Sample, name: str):
    """The sample's elements replaced by ones of another dtype."""
    operands = tuple(as_type(o, name) if isinstance(o, np.ndarray) and o.dtype == np.float64 else o for o in s.operands)
    params = {n: True if n == "value" and name == "bool" else v for n, v in s.params.items()}
    changed = Sample(s.op, operands, params, s.reference)
    for got, want in zip(run(bench, changed, operands), as_tuple(s.reference(*operands, **params)), strict=True):
        want = np.asarray(want)
        if want.dtype.kind == "c" or got.dtype.kind == "c":
            np.testing.assert_array_equal(got, want)
        else:
            np.testing.assert_array_equal(got.astype(np.float64), want.astype(np.float64))


def check_arithmetic(bench: Bench, op: str, name: str):
    """Operands from the whole range of the type."""
    rng = np.random.default_rng(7)
    if name == "bool":
        x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    else:
        info = np.iinfo(name)
        x, y = rng.integers(info.min, info.max, (2, 12), native(name), endpoint=True)
        x[:2], y[:2] = (info.min, info.max), (info.max, info.min)
        if op in DIVISION:
            y = np.where((y == 0) | (y == -1) if info.min else y == 0, 3, y).astype(native(name))
    if op == "matmul":
        x, y = x.reshape(3, 4), y.reshape(4, 3)
    operands = (x, y) if op in BINARY else (x,)
    with np.errstate(all="ignore"):
        expected = ARITHMETIC[op](*operands)
    (got,) = run(bench, Sample(op, operands, PARAMS.get(op, {}), None), operands)
    np.testing.assert_array_equal(got, expected)


def checks():
    """Moved elements in every dtype, arithmetic in every integer dtype and in bool."""
    for op in MOVING:
        plain = [
            (n, s)
            for n, s in numbered(SAMPLES[op])
            if s.reference is not None
            and not s.features
            and any(isinstance(o, np.ndarray) and o.dtype == np.float64 for o in s.operands)
        ]
        for dtype in MOVED:
            for name, s in plain[:1]:
                yield Check(
                    "dtypes",
                    op,
                    f"{name} of {dtype}",
                    lambda bench, s=s, dtype=dtype: check_moving(bench, s, dtype),
                    frozenset({dtype}),
                )
    for op in ARITHMETIC:
        for dtype in (*INTEGERS, *(("bool",) if op in BOOLEAN else ())):
            yield Check(
                "dtypes",
                op,
                f"arithmetic of {dtype}",
                lambda bench, op=op, dtype=dtype: check_arithmetic(bench, op, dtype),
                frozenset({dtype}),
            )
