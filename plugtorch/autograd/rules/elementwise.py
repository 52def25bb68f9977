"""Gradients of elementwise ops.

Complex gradients follow PyTorch's convention (conjugate Wirtinger): for a holomorphic f the
operand's gradient is ``g * conj(f'(x))``.
"""

from __future__ import annotations

import math

from ..plans import defvjp, nondifferentiable

nondifferentiable(
    "bit_and", "bit_or", "bit_xor", "bit_not", "shift_left",
    "shift_right", "eq", "lt", "le", "ne", "gt", "ge", "isnan", "isinf", "isfinite",
    "signbit", "gcd", "zeros_like", "ones_like", "from_host", "to_host", "full", "arange",
)

# Unary. Steps have the gradient 0, and not none: their results still require grad.
for _step in ("sign", "floor", "ceil", "trunc", "round"):
    defvjp(_step, x=lambda k, g: k.zeros_like(g))
defvjp("neg", x=lambda k, g: k.neg(g))
defvjp("abs", x=lambda k, g, x: k.mul(k.cast(g, dtype=k.dtype_of(x)), k.sgn(x))
       if k.dtype_of(x).is_complex else k.mul(g, k.sign(x)))
defvjp("sqrt", x=lambda k, g, y: k.div(g, k.mul(k.conj(y), 2)))
defvjp("exp", x=lambda k, g, y: k.mul(g, k.conj(y)))
defvjp("expm1", x=lambda k, g, y: k.mul(g, k.add(k.conj(y), 1)))
defvjp("log", x=lambda k, g, x: k.div(g, k.conj(x)))
defvjp("log1p", x=lambda k, g, x: k.div(g, k.add(k.conj(x), 1)))
defvjp("sin", x=lambda k, g, x: k.mul(g, k.conj(k.cos(x))))
defvjp("cos", x=lambda k, g, x: k.neg(k.mul(g, k.conj(k.sin(x)))))
defvjp("tanh", x=lambda k, g, y: k.mul(g, k.conj(k.sub(1, k.mul(y, y)))))
defvjp("conj", x=lambda k, g: k.conj(g))
defvjp("real", x=lambda k, g: k.complex(g, k.zeros_like(g)))
defvjp("imag", x=lambda k, g: k.complex(k.zeros_like(g), g))
defvjp("square", x=lambda k, g, x: k.mul(g, k.mul(k.conj(x), 2)))
defvjp("reciprocal", x=lambda k, g, y: k.neg(k.mul(g, k.conj(k.mul(y, y)))))
defvjp("rsqrt", x=lambda k, g, y: k.mul(k.mul(g, -0.5), k.conj(k.mul(y, k.mul(y, y)))))
defvjp("tan", x=lambda k, g, y: k.mul(g, k.conj(k.add(k.mul(y, y), 1))))
defvjp("asin", x=lambda k, g, x: k.mul(g, k.conj(k.rsqrt(k.sub(1, k.mul(x, x))))))
defvjp("acos", x=lambda k, g, x: k.neg(k.mul(g, k.conj(k.rsqrt(k.sub(1, k.mul(x, x)))))))
defvjp("atan", x=lambda k, g, x: k.div(g, k.conj(k.add(k.mul(x, x), 1))))
defvjp("sinh", x=lambda k, g, x: k.mul(g, k.conj(k.cosh(x))))
defvjp("cosh", x=lambda k, g, x: k.mul(g, k.conj(k.sinh(x))))
defvjp("asinh", x=lambda k, g, x: k.mul(g, k.conj(k.rsqrt(k.add(k.mul(x, x), 1)))))
defvjp("acosh", x=lambda k, g, x: k.mul(g, k.conj(k.mul(k.rsqrt(k.sub(x, 1)), k.rsqrt(k.add(x, 1))))))
defvjp("atanh", x=lambda k, g, x: k.div(g, k.conj(k.sub(1, k.mul(x, x)))))
defvjp("exp2", x=lambda k, g, y: k.mul(k.mul(g, k.conj(y)), math.log(2)))
defvjp("log2", x=lambda k, g, x: k.div(g, k.mul(k.conj(x), math.log(2))))
defvjp("log10", x=lambda k, g, x: k.div(g, k.mul(k.conj(x), math.log(10))))
defvjp("sgn", x=lambda k, g, x, y: _sgn(k, g, x, y))
defvjp("angle", x=lambda k, g, x: _angle(k, g, x))
defvjp("erf", x=lambda k, g, x: k.mul(g, k.mul(k.exp(k.neg(k.mul(x, x))), 2 / math.sqrt(math.pi))))

defvjp("sinc", x=lambda k, g, x: _sinc(k, g, x))


def _sinc(k, g, x):
    """The slope ``(cos(pi x) - sinc(x)) / x``; at 0 it is 0, and its own slope nan, as in PyTorch."""
    angle = k.mul(x, math.pi)
    slope = k.div(k.sub(k.mul(angle, k.cos(angle)), k.sin(angle)), k.mul(k.mul(x, x), math.pi))
    return k.where(k.eq(x, 0), 0, k.mul(g, k.conj(slope)))


def _sgn(k, g, x, y):
    along = k.real(k.mul(k.conj(y), g))
    r = k.abs(x)
    slope = k.sub(g, k.mul(y, k.cast(along, dtype=k.dtype_of(y))))
    safe = k.where(k.eq(r, 0), k.ones_like(r), r)
    return k.where(k.eq(r, 0), 0, k.div(slope, k.cast(safe, dtype=k.dtype_of(y))))


def _angle(k, g, x):
    r2 = k.real(k.mul(x, k.conj(x)))
    scale = k.where(k.eq(r2, 0), 0, k.div(g, k.where(k.eq(r2, 0), k.ones_like(r2), r2)))
    return k.mul(k.mul(x, 1j), k.cast(scale, dtype=k.dtype_of(x)))


# Binary.
defvjp("floor_divide", a=lambda k, g: k.zeros_like(g), b=lambda k, g: k.zeros_like(g))
defvjp("complex", a=lambda k, g: k.real(g), b=lambda k, g: k.imag(g))
defvjp("add", a=lambda k, g: g, b=lambda k, g: g)
defvjp("sub", a=lambda k, g: g, b=lambda k, g: k.neg(g))
defvjp("mul", a=lambda k, g, b: k.mul_conj(g, b), b=lambda k, g, a: k.mul_conj(g, a))
defvjp("div", a=lambda k, g, b: k.div(g, _conj(k, b)),
       b=lambda k, g, b, y: k.neg(k.mul(g, k.conj(k.div(y, b)))))
defvjp("remainder", a=lambda k, g: g, b=lambda k, g, a, b: k.neg(k.mul(g, k.floor_divide(a, b))))
defvjp("fmod", a=lambda k, g: g, b=lambda k, g, a, b: k.neg(k.mul(g, k.trunc(k.div(a, b)))))


def _conj(k, x):
    """Conjugate of an operand, which may be a Python number."""
    return x.conjugate() if isinstance(x, (int, float, complex)) else k.conj(x)


def _pow_base(k, g, a, b):
    if isinstance(b, (int, float, complex)):
        if b == 0:
            return k.zeros_like(g)
        return k.mul(g, k.conj(k.mul(k.pow(a, b - 1), b)))
    slope = k.mul(g, _conj(k, k.mul(b, k.pow(a, k.sub(b, 1)))))
    return k.where(k.eq(b, 0), 0, slope)


def _pow_exponent(k, g, a, b, y):
    if isinstance(a, (int, float, complex)):
        if a == 0:
            real_b = k.real(b) if k.dtype_of(b).is_complex else b
            return k.where(k.ge(real_b, 0), 0, k.mul(g, k.conj(k.mul(y, -math.inf))))
        log = math.log(a) if isinstance(a, (int, float)) and a > 0 else _complex_log(a)
        return k.mul(g, k.conj(k.mul(y, log)))
    real_b = k.real(b) if k.dtype_of(b).is_complex else b
    flat = k.bit_and(k.eq(a, 0), k.ge(real_b, 0))
    return k.where(flat, 0, k.mul(g, k.conj(k.mul(y, k.log(a)))))


def _complex_log(a):
    import cmath

    return math.nan if isinstance(a, (int, float)) else cmath.log(a)


defvjp("pow", a=_pow_base, b=_pow_exponent)


def _tie(k, g, a, b, beats):
    """All of g where this operand wins or is nan, half of it at a tie."""
    return k.where(k.eq(a, b), k.mul(g, 0.5), k.where(beats, 0, g))


defvjp("maximum", a=lambda k, g, a, b: _tie(k, g, a, b, k.lt(a, b)), b=lambda k, g, a, b: _tie(k, g, a, b, k.gt(a, b)))
defvjp("minimum", a=lambda k, g, a, b: _tie(k, g, a, b, k.gt(a, b)), b=lambda k, g, a, b: _tie(k, g, a, b, k.lt(a, b)))


def _atan2_scaled(k, g, a, b):
    r2 = k.add(k.mul(a, a), k.mul(b, b))
    zero = k.eq(r2, 0)
    return k.where(zero, 0, k.mul(g, k.reciprocal(k.where(zero, 1, r2))))


defvjp("atan2", a=lambda k, g, a, b: _atan2_scaled(k, k.mul(g, b), a, b),
       b=lambda k, g, a, b: k.neg(_atan2_scaled(k, k.mul(g, a), a, b)))
defvjp("copysign", a=lambda k, g, a, b: k.where(k.eq(a, 0), 0, k.mul(g, k.div(k.copysign(a, b), a))),
       b=lambda k, g: k.zeros_like(g))
defvjp("nextafter", a=lambda k, g, a, b: k.where(k.eq(a, b), 0, g), b=lambda k, g: k.zeros_like(g))
defvjp("frexp", x=lambda k, g, exponent: k.div(g[0], k.exp2(k.cast(exponent, dtype=k.dtype_of(g[0])))))
defvjp("where", m=None, a=lambda k, g, m: k.where(m, g, 0), b=lambda k, g, m: k.where(m, 0, g))
defvjp("hypot", a=lambda k, g, a, y: k.div(k.mul(g, a), y), b=lambda k, g, b, y: k.div(k.mul(g, b), y))
defvjp("logaddexp", a=lambda k, g, a, b: k.div(g, k.add(k.exp(k.sub(b, a)), 1)),
       b=lambda k, g, a, b: k.div(g, k.add(k.exp(k.sub(a, b)), 1)))
defvjp("logaddexp2", a=lambda k, g, a, b: k.div(g, k.add(k.exp2(k.sub(b, a)), 1)),
       b=lambda k, g, a, b: k.div(g, k.add(k.exp2(k.sub(a, b)), 1)))
defvjp("lerp", a=lambda k, g, w: k.mul(g, _conj(k, k.sub(1, w) if hasattr(w, "shape") else 1 - w)),
       b=lambda k, g, w: k.mul(g, _conj(k, w)),
       w=lambda k, g, a, b: k.mul(g, k.conj(k.sub(b, a))))


def _inside(k, x, lo, hi):
    inside = None
    for bound, compare in ((lo, k.ge), (hi, k.le)):
        if bound is not None:
            one = compare(x, bound)
            inside = one if inside is None else k.bit_and(inside, one)
    return inside


def _clamp_x(k, g, x, lo, hi):
    """Edges pass the gradient, nan does not."""
    inside = _inside(k, x, lo, hi)
    return g if inside is None else k.where(inside, g, 0)


def _clamp_lo(k, g, x, lo, hi):
    hit = k.lt(x, lo)
    return k.where(hit if hi is None else k.bit_and(hit, k.lt(lo, hi)), g, 0)


def _clamp_hi(k, g, x, lo, hi):
    hit = k.gt(x, hi)
    return k.where(hit if lo is None else k.bit_or(hit, k.gt(lo, hi)), g, 0)


defvjp("clamp", x=_clamp_x, lo=_clamp_lo, hi=_clamp_hi)

# Activations.
defvjp("relu", x=lambda k, g, y: k.threshold_backward(g, y))
defvjp("threshold_backward", g=lambda k, g, y: k.threshold_backward(g, y), y=None)
defvjp("leaky_relu", x=lambda k, g, x, slope: k.where(k.gt(x, 0), g, k.mul(g, slope)))
defvjp("sigmoid", x=lambda k, g, y: k.mul(g, k.conj(k.mul(y, k.sub(1, y)))))
defvjp("log_sigmoid", x=lambda k, g, x: k.mul(g, k.sigmoid(k.neg(x))))
defvjp("softplus", x=lambda k, g, x, beta, threshold: k.where(
    k.gt(k.mul(x, beta), threshold), g, k.mul(g, k.sigmoid(k.mul(x, beta)))))
defvjp("gelu", x=lambda k, g, x, approximate: k.gelu_backward(g, x, approximate=approximate))


def _silu(k, g, x):
    s = k.sigmoid(x)
    return k.mul(g, k.mul(s, k.add(k.mul(x, k.sub(1, s)), 1)))


def _elu(k, g, x, alpha, scale, input_scale):
    low = k.mul(k.exp(k.mul(k.minimum(x, 0), input_scale)), alpha * scale * input_scale)
    return k.where(k.le(x, 0), k.mul(g, low), k.mul(g, scale))


defvjp("silu", x=_silu)
defvjp("elu", x=_elu)
defvjp("softmax", x=lambda k, g, y, axis: k.softmax_backward(g, y, axis=axis))
defvjp("log_softmax", x=lambda k, g, y, axis: k.log_softmax_backward(g, y, axis=axis))
