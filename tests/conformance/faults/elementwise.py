"""Faults of elementwise ops and activations."""

from __future__ import annotations

import numpy as np

from .fault import kernel, quiet

# Elementwise.


@kernel("add", "a number beyond the type's range saturates")
def _(right, a, b):
    if isinstance(b, int) and a.dtype.kind in "iu" and a.itemsize < 8:
        info = np.iinfo(a.dtype)
        return np.clip(a.astype(np.int64) + b, info.min, info.max).astype(a.dtype)
    return right(a, b)


@kernel("sub", "operands the wrong way round where one is a number")
def _(right, a, b):
    return right(b, a) if isinstance(a, float) else right(a, b)


@kernel("mul", "zero times infinity is zero")
def _(right, a, b):
    y = right(a, b)
    if isinstance(b, np.ndarray) and isinstance(a, np.ndarray) and y.dtype.kind == "f":
        y[np.broadcast_to((a == 0) | (b == 0), y.shape)] = 0
    return y


@kernel("div", "division by zero gives the largest number")
def _(right, a, b):
    return np.nan_to_num(right(a, b), nan=np.nan) if np.isinf(right(a, b)).any() else right(a, b)


@kernel("maximum", "nan swallowed")
@quiet
def _(right, a, b):
    return np.fmax(a, b)


@kernel("minimum", "nan swallowed")
@quiet
def _(right, a, b):
    return np.fmin(a, b)


@kernel("remainder", "the sign of the dividend")
@quiet
def _(right, a, b):
    return right(a, b) if np.asarray(a).dtype.kind in "iub" else np.asarray(np.fmod(a, b))


@kernel("floor_divide", "truncates")
@quiet
def _(right, a, b):
    return np.trunc(np.divide(a, b)).astype(np.asarray(a).dtype) if np.asarray(a).dtype.kind == "i" else right(a, b)


@kernel("floor_divide", "an integer divided by zero gives zero")
@quiet
def _(right, a, b):
    try:
        return right(a, b)
    except ZeroDivisionError:
        return np.zeros_like(a)


@kernel("pow", "the sign of an integer exponent ignored")
def _(right, a, b):
    return right(a, np.abs(b)) if isinstance(b, np.ndarray) and b.dtype.kind == "i" else right(a, b)


@kernel("sqrt", "the branch cut of complex roots")
def _(right, x):
    return right(x + 0.0) if x.dtype.kind == "c" else right(x)


@kernel("log1p", "as log(1 + x)")
@quiet
def _(right, x):
    return np.asarray(np.log(1 + x))


@kernel("expm1", "as exp(x) - 1, which is right to the tolerance, but -0.0 becomes 0.0")
@quiet
def _(right, x):
    return right(x) + 0.0


@kernel("round", "half away from zero")
def _(right, x, *, decimals=0):
    if x.dtype.kind == "f" and not decimals:
        return np.asarray(np.copysign(np.floor(np.abs(x) + 0.5), x).astype(x.dtype))
    return right(x, decimals=decimals)


@kernel("round", "decimals ignored")
def _(right, x, *, decimals=0):
    return right(x)


@kernel("sign", "nan of nan")
def _(right, x):
    return np.asarray(np.sign(x)) if x.dtype.kind == "f" else right(x)


@kernel("abs", "the smallest integer stays positive")
def _(right, x):
    return (
        np.asarray(np.where(x == np.iinfo(x.dtype).min, np.iinfo(x.dtype).max, np.abs(x)))
        if x.dtype.kind == "i"
        else right(x)
    )


@kernel("where", "a number makes the result double")
def _(right, m, a, b):
    return np.where(m, a, b).astype(np.float64) if isinstance(b, int) else right(m, a, b)


@kernel("lt", "true where equal")
@quiet
def _(right, a, b):
    return np.asarray(np.less_equal(a, b))


@kernel("eq", "a half is compared with an unrounded number")
def _(right, a, b):
    if isinstance(b, float) and a.dtype.itemsize == 2:
        return np.asarray(a.astype(np.float64) == b)
    return right(a, b)


@kernel("shift_right", "logical instead of arithmetic")
def _(right, a, b):
    if isinstance(a, np.ndarray) and a.dtype == np.int8:
        return right(a.view(np.uint8), b.view(np.uint8) if isinstance(b, np.ndarray) else b).view(np.int8)
    return right(a, b)


@kernel("bit_not", "bools as bits")
def _(right, x):
    return ~x.view(np.uint8) != 0 if x.dtype == bool else right(x)


@kernel("atan2", "operands the wrong way round")
def _(right, a, b):
    return right(b, a)


@kernel("clamp", "nan becomes a bound")
@quiet
def _(right, x, lo, hi):
    return (
        np.nan_to_num(right(x, lo, hi), nan=0.0, posinf=np.inf, neginf=-np.inf) if x.dtype.kind == "f" else right(x, lo, hi)
    )


@kernel("lerp", "extrapolates from the wrong end")
def _(right, a, b, w):
    return right(b, a, w)


@kernel("erf", "a fit good to seven digits")
def _(right, x):
    return right(x) * (1 + 1e-8) if x.dtype == np.float64 else right(x)


@kernel("conj", "the imaginary part of a complex array dropped")
def _(right, x):
    return x.real.astype(x.dtype)


# Activations.


@kernel("sigmoid", "overflows below -700")
@quiet
def _(right, x):
    return np.asarray(np.exp(x) / (1 + np.exp(x))) if x.dtype.kind == "f" else right(x)


@kernel("softmax", "without the maximum taken off")
@quiet
def _(right, x, *, axis):
    e = np.exp(x)
    return e / e.sum(axis, keepdims=True)


@kernel("log_softmax", "the logarithm of softmax")
@quiet
def _(right, x, *, axis):
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return np.log(e / e.sum(axis, keepdims=True))


@kernel("softmax_backward", "the sum taken over the wrong axis")
def _(right, g, y, *, axis):
    return right(g, y, axis=(axis + 1) % g.ndim)


@kernel("gelu", "the tanh form always")
def _(right, x, *, approximate="none"):
    return right(x, approximate="tanh")


@kernel("leaky_relu", "the slope ignored")
def _(right, x, *, slope):
    return right(x, slope=0.01)


@kernel("threshold_backward", "passes the gradient at zero")
def _(right, g, y):
    return np.where(y >= 0, g, 0).astype(g.dtype)


@kernel("softplus", "beta ignored")
def _(right, x, *, beta, threshold):
    return right(x, beta=1.0, threshold=threshold)
