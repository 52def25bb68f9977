"""Kernels of the op spec against PyTorch, on the values where array libraries disagree; and what the functions refuse."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import plugtorch  # noqa: E402
from plugtorch.spec import load_backend  # noqa: E402

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.5, 3.0, 1e-3, 0.1, 6.0, 1e4, -1e4, np.inf, -np.inf, np.nan]
INTS = [-128, -100, -7, -1, 0, 1, 2, 3, 7, 100, 127]
UNARY = {
    "neg": torch.neg, "abs": torch.abs, "sign": torch.sign, "floor": torch.floor, "ceil": torch.ceil,
    "trunc": torch.trunc, "round": torch.round, "sqrt": torch.sqrt, "exp": torch.exp, "expm1": torch.expm1,
    "log": torch.log, "log1p": torch.log1p, "sin": torch.sin, "cos": torch.cos, "tan": torch.tan,
    "tanh": torch.tanh, "asin": torch.asin, "acos": torch.acos, "atan": torch.atan, "sinh": torch.sinh,
    "cosh": torch.cosh, "asinh": torch.asinh, "acosh": torch.acosh, "atanh": torch.atanh, "exp2": torch.exp2,
    "log2": torch.log2, "log10": torch.log10, "erf": torch.erf, "sigmoid": torch.sigmoid, "relu": torch.relu,
    "silu": torch.nn.functional.silu, "mish": torch.nn.functional.mish, "gelu": torch.nn.functional.gelu,
    "log_sigmoid": torch.nn.functional.logsigmoid, "square": torch.square, "reciprocal": torch.reciprocal,
    "rsqrt": torch.rsqrt, "isnan": torch.isnan, "isinf": torch.isinf, "isfinite": torch.isfinite,
    "sinc": torch.sinc,
}
BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "floor_divide": torch.floor_divide,
    "remainder": torch.remainder, "fmod": torch.fmod, "pow": torch.pow, "maximum": torch.maximum,
    "minimum": torch.minimum, "atan2": torch.atan2, "hypot": torch.hypot, "logaddexp": torch.logaddexp,
    "copysign": torch.copysign,
    "eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge,
}
INTEGER = ("add", "sub", "mul", "floor_divide", "remainder", "fmod", "maximum", "minimum", "eq", "lt", "le")
TOLERANCE = {"float64": 1e-12, "float32": 2e-6, "float16": 2e-3}
# Between infinities these give inf or nan by the library; large arguments of circular functions differ in float16.
LOOSE = {"float16": {"gelu", "mish"}}


def tried(k, name, *arrays):
    got = getattr(k, name)(*(k.from_host(a, device=k.default_device()) for a in arrays))
    return np.array(k.to_host(got))


def agree(got, want, dtype):
    """Equal shapes, dtypes, and values where the spec says what they are."""
    want = want.numpy()
    assert got.dtype == want.dtype
    if got.dtype.kind in "biu":
        np.testing.assert_array_equal(got, want)
    else:
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(got, want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * 1e-2)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", sorted(UNARY))
def test_unary_edges(backend, name, dtype):
    x = np.array(EDGES, dtype)
    if name in ("gelu", "mish", "silu"):
        x = x[np.isfinite(x)]
    agree(tried(load_backend(backend), name, x), UNARY[name](torch.tensor(x)), dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", sorted(BINARY))
def test_binary_edges(backend, name, dtype):
    """Every pair of edge values."""
    a, b = (v.reshape(-1).astype(dtype) for v in np.meshgrid(EDGES, EDGES))
    agree(tried(load_backend(backend), name, a, b), BINARY[name](torch.tensor(a), torch.tensor(b)), dtype)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("name", INTEGER)
def test_integer_pairs(backend, name, dtype):
    """Every pair of integers, zero divisors and the one overflowing quotient left out."""
    a, b = (v.reshape(-1) for v in np.meshgrid(INTS, INTS))
    keep = b != 0
    if name in ("floor_divide", "remainder", "fmod"):
        keep &= ~((a == -128) & (b == -1))
    else:
        keep[:] = True
    a, b = a[keep].astype(dtype), b[keep].astype(dtype)
    agree(tried(load_backend(backend), name, a, b), BINARY[name](torch.tensor(a), torch.tensor(b)), dtype)


@pytest.mark.parametrize("name", ["remainder", "floor_divide"])
def test_float32_division_of_random_pairs(backend, name):
    """Quotients and remainders are exact where PyTorch's are, far beyond one digit."""
    rng = np.random.default_rng(3)
    a, b = ((rng.standard_normal(20000) * 10.0 ** rng.integers(-6, 9, 20000)).astype(np.float32) for _ in range(2))
    got, want = tried(load_backend(backend), name, a, b), BINARY[name](torch.tensor(a), torch.tensor(b)).numpy()
    assert np.array_equal(got, want)


@pytest.mark.parametrize("descending", [False, True])
def test_order_of_edges(backend, descending):
    k = load_backend(backend)
    x = np.array([*EDGES, np.nan, 1.0, -np.inf], np.float32)
    values, places = k.sort(k.from_host(x, device=k.default_device()), axis=0, descending=descending)
    want = torch.sort(torch.tensor(x), descending=descending, stable=True)
    np.testing.assert_array_equal(np.array(k.to_host(values)), want.values.numpy())
    np.testing.assert_array_equal(np.array(k.to_host(places)), want.indices.numpy())


# Calls, of the library L, with an argument that is no operand or of a dtype that PyTorch does not compute in.
WRONG_CALLS = (
    "L.sin(3)",
    "L.sin_(3)",
    "L.neg([1])",
    "L.round(3)",
    "L.frac(3)",
    "L.positive(3)",
    "L.bitwise_not(3)",
    "L.logical_not(3)",
    "L.atan2(3, L.ones(2))",
    "L.atan2(L.ones(2), 3)",
    "L.hypot(L.ones(2), 'a')",
    "L.maximum(L.ones(2), 3)",
    "L.logaddexp(L.ones(2), 1.0)",
    "L.logical_and(L.ones(2), 3)",
    "L.add(L.ones(2), 'a')",
    "L.add('a', L.ones(2))",
    "L.sub(L.ones(2), None)",
    "L.mul(L.ones(2), [1])",
    "L.div(L.ones(2), 'a')",
    "-L.ones(2, dtype=L.bool)",
    "L.abs(L.ones(2, dtype=L.bool))",
    "L.floor(L.ones(2, dtype=L.bool))",
    "L.ceil(L.ones(2, dtype=L.complex64))",
    "L.trunc(L.ones(2, dtype=L.complex64))",
    "L.sign(L.ones(2, dtype=L.complex64))",
    "L.erf(L.ones(2, dtype=L.complex64))",
    "L.clamp(L.ones(2, dtype=L.complex64), 1)",
    "L.maximum(L.ones(2), L.ones(2, dtype=L.complex64))",
    "L.minimum(L.ones(2, dtype=L.complex64), L.ones(2))",
    "L.copysign(L.ones(2, dtype=L.complex64), 1)",
    "L.bitwise_or(L.ones(2), 1)",
    "L.lt(L.ones(2, dtype=L.complex64), 1)",
)


def refusal(call, lib):
    with pytest.raises(Exception) as caught:
        eval(call, {"L": lib})
    return caught.type, str(caught.value)


@pytest.mark.parametrize("call", WRONG_CALLS)
def test_what_is_refused_and_how(backend, call):
    assert refusal(call, plugtorch) == refusal(call, torch)
